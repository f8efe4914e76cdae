//! The handle of a session that many threads count for at once.

use super::SessionHandle;
use super::stripes::{Stripes, thread_number};
use crate::direction::Direction;
use crate::verdict::Verdict;

/// A handle of a session that many threads count for at once. Made by [`SessionHandle::shared`].
///
/// It counts in stripes, of which each thread has one that few others use, so threads do not contend for a line. What the
/// stripes hold is part of the session, in every summary and in the history; each closes exactly.
///
/// ```
/// use streamgauge::{CloseReason, Collector, CollectorConfig, ManualClock, Verdict};
///
/// let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
/// let session = collector.register("tunnel", "vpn", "here", "there");
/// let shared = session.shared();
/// std::thread::scope(|scope| {
///     for _ in 0..2 {
///         scope.spawn(|| assert_eq!(shared.ingress(1_500), Verdict::Counted));
///     }
/// });
/// assert_eq!(collector.refresh().live.total_rx_bytes, 3_000);
/// session.unregister();
/// assert_eq!(shared.ingress(1_500), Verdict::Closed(CloseReason::Unregistered));
/// ```
#[derive(Debug, Clone)]
pub struct SharedHandle {
    handle: SessionHandle,
    /// None for a session that had closed, whose own words are sealed, and for a null collector's.
    stripes: Stripes,
}

impl SharedHandle {
    pub(super) fn new(handle: SessionHandle, stripes: Stripes) -> Self {
        Self { handle, stripes }
    }

    /// Counts `bytes` received.
    ///
    /// Cost: one relaxed RMW on a line that few threads write, two where packets are counted, and a load of a thread-local;
    /// no alloc; no lock; no clock. Bench: record/ingress.
    #[inline]
    pub fn ingress(&self, bytes: u64) -> Verdict {
        self.count_as(thread_number(), Direction::Ingress, bytes)
    }

    /// Counts `bytes` sent.
    ///
    /// Cost: as [`ingress`](Self::ingress). Bench: record/ingress.
    #[inline]
    pub fn egress(&self, bytes: u64) -> Verdict {
        self.count_as(thread_number(), Direction::Egress, bytes)
    }

    /// Counts as the thread with this number.
    #[inline]
    pub(crate) fn count_as(&self, thread: usize, direction: Direction, bytes: u64) -> Verdict {
        match self
            .stripes
            .count(thread, direction, bytes, || self.handle.whole())
        {
            Some(verdict) => verdict,
            None => self.handle.count(direction, bytes),
        }
    }

    /// The session's handle.
    #[must_use]
    pub fn handle(&self) -> &SessionHandle {
        &self.handle
    }
}
