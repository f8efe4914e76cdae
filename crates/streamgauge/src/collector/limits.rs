//! What may be set anew while a collector runs.

use super::Collector;
use super::config::CollectorConfig;
use crate::direction::{Direction, PerDirection};
use crate::sync::{AtomicU64, Ordering};

/// The limits of a collector. 0: no limit.
///
/// ```
/// use streamgauge::{Admission, Collector, CollectorConfig, Limits, ManualClock};
///
/// let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
/// collector.register("a", "stream", "here", "there");
/// let limits = Limits { max_sessions: 1, ..collector.limits() };
/// collector.set_limits(limits);
/// assert!(collector.is_sessions_exceeded());
/// assert!(collector.try_register("b", "stream", "here", "there", Admission::default()).is_err());
/// assert_eq!(collector.refresh().max_sessions, 1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Sessions, pending and active.
    pub max_sessions: u64,
    /// The ingress bitrate, in bit/s.
    pub max_rx_bitrate: u64,
    /// The egress bitrate, in bit/s.
    pub max_tx_bitrate: u64,
}

impl Limits {
    pub(crate) fn of(config: &CollectorConfig) -> Self {
        Self {
            max_sessions: config.max_sessions,
            max_rx_bitrate: config.max_rx_bitrate,
            max_tx_bitrate: config.max_tx_bitrate,
        }
    }
}

impl Collector {
    /// The limits as they are now. None, that is 0 each, where the collector is a null one.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.ask(Limits::default(), |core| core.limits.read())
    }

    /// Sets the limits that admissions and the `*_exceeded` questions go by from now on, and that the next summary shows.
    ///
    /// Whoever is open stays open. An admission under way goes by the limits of before, or those of after, each for itself.
    ///
    /// Cost: waits for a collection under way.
    pub fn set_limits(&self, limits: Limits) {
        self.ask((), |core| core.set_limits(limits));
    }
}

/// The limits in force: written by whoever sets them, one at a time, read by anyone.
#[derive(Debug)]
pub(crate) struct LimitWords {
    sessions: AtomicU64,
    bitrates: PerDirection<AtomicU64>,
}

impl LimitWords {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            sessions: AtomicU64::new(limits.max_sessions),
            bitrates: PerDirection::new(
                AtomicU64::new(limits.max_rx_bitrate),
                AtomicU64::new(limits.max_tx_bitrate),
            ),
        }
    }

    pub(crate) fn max_sessions(&self) -> u64 {
        // Relaxed: one number [M6].
        self.sessions.load(Ordering::Relaxed)
    }

    pub(crate) fn max_bitrate(&self, direction: Direction) -> u64 {
        // Relaxed: one number [M6].
        self.bitrates.get(direction).load(Ordering::Relaxed)
    }

    fn read(&self) -> Limits {
        Limits {
            max_sessions: self.max_sessions(),
            max_rx_bitrate: self.max_bitrate(Direction::Ingress),
            max_tx_bitrate: self.max_bitrate(Direction::Egress),
        }
    }

    pub(crate) fn write(&self, limits: Limits) {
        for (word, limit) in [
            (&self.sessions, limits.max_sessions),
            (&self.bitrates.rx, limits.max_rx_bitrate),
            (&self.bitrates.tx, limits.max_tx_bitrate),
        ] {
            // Relaxed: one number, on which nothing else hangs [M6].
            word.store(limit, Ordering::Relaxed);
        }
    }
}
