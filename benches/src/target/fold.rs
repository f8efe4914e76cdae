//! Folding closed sessions into the history: a tick after so many were closed, for each of them. Their keys are known, or new
//! with room for them, or new where the lightest key has to leave for each.
//!
//! Registering, counting and closing are outside the figure. The histories hold as many keys as the default allows, or as
//! many less as come to the one with room.

use std::time::Duration;

use streamgauge::{Collector, CollectorConfig, ManualClock};

use super::tick::timed_tick;
use crate::effort::Effort;
use crate::id::IdBuffer;
use crate::label::LabelBuffer;
use crate::load::Load;
use crate::rounds::Contestant;
use crate::row::Row;

/// A collector without open sessions, and how many closed.
struct History {
    load: Load,
    next: u64,
    /// Keys are used again after so many.
    keys: u64,
}

impl History {
    /// With `filled` keys, and room for `most`.
    fn new(filled: u64, most: u64, keys: u64) -> Self {
        let mut config = CollectorConfig::default();
        config.session_timeout = Duration::MAX;
        config.max_history_keys = most;
        let clock = ManualClock::default();
        let collector = Collector::manual(config, clock.clone());
        let mut history = Self {
            load: Load::of(collector, clock, Vec::new()),
            next: 0,
            keys,
        };
        while history.next < filled {
            history.fold(10_000.min(filled - history.next));
        }
        history
    }

    /// The tick after so many sessions were closed, of 1 to 16 bytes.
    fn fold(&mut self, sessions: u64) -> Duration {
        let (mut id, mut label) = (IdBuffer::default(), LabelBuffer::default());
        for number in self.next..self.next + sessions {
            let (reference, peer) = label.format(number % self.keys);
            let collector = &self.load.collector;
            let session = collector.register(id.format(number), reference, "here", peer);
            session.ingress(number % 16 + 1);
            session.unregister();
        }
        self.next += sessions;
        self.load.pass();
        timed_tick(&self.load)
    }

    fn check(&self) {
        let all: u64 = (0..self.next).map(|number| number % 16 + 1).sum();
        let history = &self.load.collector.refresh().history;
        assert_eq!(
            (history.stats.total_sessions, history.stats.total_rx_bytes),
            (self.next, all),
            "sessions were lost"
        );
    }
}

/// A fold under a known key, under a new one, and under a new one for which another leaves.
///
/// # Panics
///
/// Panics where a session is not in the history.
#[must_use]
pub fn fold(effort: &Effort) -> Vec<Row> {
    let places = effort.sessions(CollectorConfig::default().max_history_keys);
    let closed = effort.sessions(10_000);
    let coming = closed * effort.rounds.count as u64;
    let mut known = History::new(places, places, places);
    let mut roomy = History::new(places, places + coming, u64::MAX);
    let mut full = History::new(places + closed, places, u64::MAX);
    let [known_key, new_key, folded_key] = effort
        .rounds
        .play([
            Contestant::once(|| known.fold(closed)),
            Contestant::once(|| roomy.fold(closed)),
            Contestant::once(|| full.fold(closed)),
        ])
        .map(|ticks| ticks.divided(crate::series::real(closed)));
    for history in [known, roomy, full] {
        history.check();
    }
    vec![
        Row::ratio(
            format!("a closed session of a new key, {places} keys, the lightest leaves"),
            &folded_key,
            "a new key, with room",
            &new_key,
            None,
        ),
        Row::ratio("the same", &folded_key, "a known key", &known_key, None),
    ]
}
