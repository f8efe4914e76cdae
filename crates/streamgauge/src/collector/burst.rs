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
    /// Cost: a hash, a lookup and one relaxed RMW; no lock; no clock; no alloc; no free. Bench: record/ingress.
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

    /// Counts many calls, each as [`ingress`](Self::ingress) would, in order, and passes each call's index and verdict to
    /// `answer`.
    ///
    /// The memory of many sessions is waited for at once. Where the sessions are more than the cache holds, that is faster
    /// than one call after the other.
    ///
    /// ```
    /// use streamgauge::{Collector, CollectorConfig, ManualClock, Verdict};
    ///
    /// let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
    /// collector.register("a", "stream", "here", "there");
    /// let mut unknown = Vec::new();
    /// collector
    ///     .burst()
    ///     .ingress_all(&[("a", 100), ("b", 200), ("a", 300)], |at, verdict| {
    ///         if verdict != Verdict::Counted {
    ///             unknown.push(at);
    ///         }
    ///     });
    /// assert_eq!(unknown, [1]);
    /// assert_eq!(collector.refresh().live.total_rx_bytes, 400);
    /// ```
    ///
    /// Cost: for each call, a hash, the share of a lookup and one relaxed RMW; no lock; no clock; no alloc; no free. Bench:
    /// record/ingress.
    #[inline]
    pub fn ingress_all<I: AsRef<[u8]>>(&self, calls: &[(I, u64)], answer: impl FnMut(usize, Verdict)) {
        self.count_all(calls, Direction::Ingress, answer);
    }

    /// As [`ingress_all`](Self::ingress_all), for egress.
    ///
    /// Cost: as [`ingress_all`](Self::ingress_all). Bench: record/ingress.
    #[inline]
    pub fn egress_all<I: AsRef<[u8]>>(&self, calls: &[(I, u64)], answer: impl FnMut(usize, Verdict)) {
        self.count_all(calls, Direction::Egress, answer);
    }

    #[inline]
    fn count_all<I: AsRef<[u8]>>(
        &self,
        calls: &[(I, u64)],
        direction: Direction,
        mut answer: impl FnMut(usize, Verdict),
    ) {
        match &self.pin {
            Some((pin, population)) => pin.count_all(population, calls, direction, answer),
            None => (0..calls.len()).for_each(|at| answer(at, Verdict::Counted)),
        }
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
