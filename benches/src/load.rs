//! Collectors with many sessions, and their traffic.

use std::time::Duration;

use streamgauge::{Collector, CollectorConfig, ManualClock, SessionHandle};

use crate::id::IdBuffer;
use crate::label::LabelBuffer;

/// The time between two ticks.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// The configuration of every measured collector: the default, but that no session times out and none is refused.
#[must_use]
pub fn config(count_packets: bool) -> CollectorConfig {
    let mut config = CollectorConfig::default();
    config.session_timeout = Duration::MAX;
    config.max_tracked_sessions = u64::MAX;
    config.count_packets = count_packets;
    config
}

/// A collector that is ticked by hand, and its clock.
#[must_use]
pub fn collector(count_packets: bool) -> (Collector, ManualClock) {
    let clock = ManualClock::default();
    (Collector::manual(config(count_packets), clock.clone()), clock)
}

/// A collector with registered and active sessions, and a handle of each.
#[derive(Debug)]
pub struct Load {
    /// The collector.
    pub collector: Collector,
    /// What it takes the time from, unless it runs by itself.
    pub clock: ManualClock,
    sessions: Vec<SessionHandle>,
    sent: u64,
    next: u64,
}

impl Load {
    /// `sessions` active sessions, each with a peer of its own, which share 500 references.
    #[must_use]
    pub fn new(sessions: u64) -> Self {
        let (collector, clock) = collector(false);
        Self::on(collector, clock, sessions)
    }

    /// The same on a collector that is there already.
    #[must_use]
    pub fn on(collector: Collector, clock: ManualClock, sessions: u64) -> Self {
        let mut load = Self {
            collector,
            clock,
            sessions: Vec::with_capacity(usize::try_from(sessions).unwrap_or_default()),
            sent: 0,
            next: 0,
        };
        for _ in 0..sessions {
            let session = load.register();
            load.sessions.push(session);
        }
        load
    }

    /// Sessions that were registered elsewhere.
    #[must_use]
    pub fn of(collector: Collector, clock: ManualClock, sessions: Vec<SessionHandle>) -> Self {
        Self {
            collector,
            clock,
            next: sessions.len() as u64,
            sessions,
            sent: 0,
        }
    }

    /// The handles, to reuse their memory.
    #[must_use]
    pub fn into_sessions(self) -> Vec<SessionHandle> {
        self.sessions
    }

    fn register(&mut self) -> SessionHandle {
        let (mut id, mut label) = (IdBuffer::default(), LabelBuffer::default());
        let number = self.next;
        self.next += 1;
        let (reference, peer) = label.format(number);
        self.collector
            .register_and_activate(id.format(number), reference, "here", peer)
    }

    /// One byte for each `every`th session.
    ///
    /// # Panics
    ///
    /// Panics where a session does not count.
    pub fn traffic(&mut self, every: usize) {
        for session in self.sessions.iter().step_by(every) {
            assert!(session.ingress(1).is_counted(), "a session is gone");
            self.sent += 1;
        }
    }

    /// Lets the time of a manual clock pass until the next tick is due.
    pub fn pass(&self) {
        self.clock.advance(INTERVAL);
    }

    /// Closes each `every`th session and registers a new one in its place.
    ///
    /// # Panics
    ///
    /// Panics where a session was not there to be closed.
    pub fn replace(&mut self, every: usize) {
        for place in (0..self.sessions.len()).step_by(every) {
            let session = self.register();
            assert!(std::mem::replace(&mut self.sessions[place], session).unregister());
        }
    }

    /// Checks that every byte is in the totals, and that the rows add up.
    ///
    /// # Panics
    ///
    /// Panics where they do not.
    pub fn check(&self) {
        let summary = self.collector.refresh();
        assert_eq!(summary.totals.total_rx_bytes, self.sent, "bytes were lost");
        assert_eq!(summary.active.len(), self.sessions.len());
        let rows: u64 = summary.active.iter().map(|session| session.rx_bytes).sum();
        assert_eq!(rows, summary.live.total_rx_bytes, "the rows do not add up");
    }

    /// Bytes sent so far.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }
}
