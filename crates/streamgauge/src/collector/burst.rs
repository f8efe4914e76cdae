//! Many counts by id under one pin.

use std::fmt;

use super::population::Population;
use super::roster::Roster;
use crate::direction::Direction;
use crate::table::{Lookup, Pin};
use crate::verdict::Verdict;

/// Counts by id, holding the session table's memory once for many calls. Made by
/// [`Collector::burst`](crate::Collector::burst).
///
/// Memory that the table retires waits while a burst is held: hold it for a batch of packets, not for long.
///
/// ```
/// use streamgauge::{Collector, CollectorConfig, ManualClock, Verdict};
///
/// let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
/// collector.register("a", "stream", "here", "there");
/// collector.register("b", "stream", "here", "there");
/// let burst = collector.burst();
/// for (id, bytes) in [("a", 100), ("b", 200), ("a", 300)] {
///     assert_eq!(burst.ingress(id, bytes), Verdict::Counted);
/// }
/// drop(burst);
/// assert_eq!(collector.refresh().live.total_rx_bytes, 600);
/// ```
pub struct Burst<'a> {
    pin: Option<(Pin<'a>, &'a Population)>,
}

impl<'a> Burst<'a> {
    pub(crate) fn new(roster: Option<&'a Roster>) -> Self {
        Self {
            pin: roster.map(|roster| (roster.table.pin(), &roster.population)),
        }
    }

    /// As [`Collector::ingress`](crate::Collector::ingress).
    ///
    /// Cost: a hash, a lookup and one relaxed RMW; no lock; no clock; no alloc while the table does not grow. Bench:
    /// record/ingress.
    #[inline]
    pub fn ingress(&self, id: impl AsRef<[u8]>, bytes: u64) -> Verdict {
        self.count(id.as_ref(), Direction::Ingress, bytes)
    }

    /// As [`Collector::egress`](crate::Collector::egress).
    ///
    /// Cost: as [`ingress`](Self::ingress). Bench: record/ingress.
    #[inline]
    pub fn egress(&self, id: impl AsRef<[u8]>, bytes: u64) -> Verdict {
        self.count(id.as_ref(), Direction::Egress, bytes)
    }

    #[inline]
    fn count(&self, id: &[u8], direction: Direction, bytes: u64) -> Verdict {
        match &self.pin {
            Some((pin, population)) => pin.count(population, id, direction, bytes),
            None => Verdict::Counted,
        }
    }
}

impl fmt::Debug for Burst<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Burst").finish_non_exhaustive()
    }
}
