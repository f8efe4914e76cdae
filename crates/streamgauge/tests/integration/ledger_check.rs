//! A collector whose every summary is checked: the parts add up (P1 a), totals never fall (P1 d), the sequence never goes
//! back.

use std::cell::RefCell;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use streamgauge::{Collector, CollectorConfig, ManualClock, Stats, Summary};

/// One second.
pub(crate) const S: Duration = Duration::from_secs(1);

/// A manual collector, its clock, and the summary that was checked last.
pub(crate) struct Checked {
    pub(crate) collector: Collector,
    pub(crate) clock: ManualClock,
    last: RefCell<Arc<Summary>>,
}

impl Checked {
    /// A collector of the default configuration, changed by `change`.
    pub(crate) fn new(change: impl FnOnce(&mut CollectorConfig)) -> Self {
        let mut config = CollectorConfig::default();
        change(&mut config);
        let clock = ManualClock::default();
        Self::of(Collector::manual(config, clock.clone()), clock)
    }

    /// One that never closes a session by itself.
    pub(crate) fn patient(change: impl FnOnce(&mut CollectorConfig)) -> Self {
        Self::new(|config| {
            config.session_timeout = Duration::MAX;
            change(config);
        })
    }

    /// A collector that is there already.
    pub(crate) fn of(collector: Collector, clock: ManualClock) -> Self {
        let last = RefCell::new(collector.summary());
        let checked = Self {
            collector,
            clock,
            last,
        };
        checked.checked(checked.summary());
        checked
    }

    /// Moves the clock by `step`, ticks, and checks what that published.
    pub(crate) fn tick_after(&self, step: Duration) -> Arc<Summary> {
        self.clock.advance(step);
        self.tick();
        self.checked(self.summary())
    }

    /// Ticks once a second for so many seconds.
    pub(crate) fn tick_seconds(&self, seconds: u32) -> Arc<Summary> {
        for _ in 0..seconds {
            self.tick_after(S);
        }
        self.summary()
    }

    /// Refreshes, and checks what that published.
    pub(crate) fn refreshed(&self) -> Arc<Summary> {
        self.checked(self.refresh())
    }

    /// Stops, and checks the last summary.
    pub(crate) fn stopped(&self) -> Arc<Summary> {
        self.stop();
        self.checked(self.summary())
    }

    fn checked(&self, summary: Arc<Summary>) -> Arc<Summary> {
        assert_parts_add_up(&summary);
        let before = self.last.replace(Arc::clone(&summary));
        assert!(
            summary.sequence >= before.sequence,
            "the sequence went back from {} to {}",
            before.sequence,
            summary.sequence
        );
        for (name, now, then) in fields(summary.totals)
            .into_iter()
            .zip(fields(before.totals))
            .map(|((name, now), (_, then))| (name, now, then))
        {
            assert!(now >= then, "total {name} fell from {then} to {now}");
        }
        summary
    }
}

impl Deref for Checked {
    type Target = Collector;

    fn deref(&self) -> &Collector {
        &self.collector
    }
}

/// P1 (a), field by field: the parts add up to the totals, the rows of `active` to `live`, each map of the history to its
/// stats.
pub(crate) fn assert_parts_add_up(summary: &Summary) {
    let parts = [
        ("history", summary.history.stats),
        ("live", summary.live),
        ("pending", summary.pending),
        ("discarded", summary.discarded),
    ];
    assert_sum("the parts", parts.map(|(_, stats)| stats), summary.totals);

    let rows = summary.active.iter().map(|row| Stats {
        total_sessions: 1,
        total_rx_bytes: row.rx_bytes,
        total_tx_bytes: row.tx_bytes,
        total_rx_packets: row.rx_packets,
        total_tx_packets: row.tx_packets,
    });
    assert_sum("the active rows", rows, summary.live);
    assert_eq!(summary.active.len(), summary.active.iter().count());
    assert_eq!(summary.current_sessions, summary.live.total_sessions);
    assert_eq!(summary.pending_sessions, summary.pending.total_sessions);

    let history = &summary.history;
    let of_peers = history.peers.iter().map(|(_, peer)| peer.stats);
    assert_sum("the peers", of_peers, history.stats);
    for (name, peer) in history.peers.iter() {
        let locations = peer.locations.iter().map(|(_, stats)| *stats);
        assert_sum(name, locations, peer.stats);
    }
    let of_locations = history.locations.iter().map(|(_, stats)| *stats);
    assert_sum("the locations", of_locations, history.stats);
    let of_references = history.references.iter().map(|(_, stats)| *stats);
    assert_sum("the references", of_references, history.stats);
}

/// The bytes of both directions.
pub(crate) fn bytes(stats: Stats) -> (u64, u64) {
    (stats.total_rx_bytes, stats.total_tx_bytes)
}

/// That a bitrate is what it should be, but for rounding.
pub(crate) fn assert_rate(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= expected.abs() * 1e-9,
        "{found} bit/s, not {expected}"
    );
}

fn assert_sum(what: &str, parts: impl IntoIterator<Item = Stats>, whole: Stats) {
    let mut sum = [0_u128; 5];
    for part in parts {
        for (sum, (_, value)) in sum.iter_mut().zip(fields(part)) {
            *sum += u128::from(value);
        }
    }
    for (sum, (name, value)) in sum.into_iter().zip(fields(whole)) {
        // Sums are held at the most that a field can show.
        let sum = sum.min(u128::from(u64::MAX));
        assert_eq!(sum, u128::from(value), "{name} of {what}");
    }
}

fn fields(stats: Stats) -> [(&'static str, u64); 5] {
    let Stats {
        total_sessions,
        total_rx_bytes,
        total_tx_bytes,
        total_rx_packets,
        total_tx_packets,
    } = stats;
    [
        ("sessions", total_sessions),
        ("rx_bytes", total_rx_bytes),
        ("tx_bytes", total_tx_bytes),
        ("rx_packets", total_rx_packets),
        ("tx_packets", total_tx_packets),
    ]
}
