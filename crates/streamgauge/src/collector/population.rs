//! How many sessions there are, and the collector-wide words that sessions change: on cold paths only.
//!
//! Shared by a collector and its sessions. Nothing here is written by an ordinary count.

use crossbeam_utils::CachePadded;

use crate::direction::{Direction, PerDirection};
use crate::session::top::TopSums;
use crate::sync::{AtomicU64, Ordering};
use crate::verdict::RefuseReason;

/// The collector-wide words.
#[derive(Debug)]
pub(crate) struct Population {
    /// Pending and active: registered and not closed.
    open: CachePadded<AtomicU64>,
    active: CachePadded<AtomicU64>,
    /// Open, or closed and not folded yet: what holds memory.
    tracked: CachePadded<AtomicU64>,
    writers: AtomicU64,
    tops: TopSums,
    late_packets: PerDirection<AtomicU64>,
    refused: [AtomicU64; RefuseReason::ALL.len()],
    labels_cut: AtomicU64,
}

impl Population {
    pub(crate) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            open: CachePadded::new(zero()),
            active: CachePadded::new(zero()),
            tracked: CachePadded::new(zero()),
            writers: zero(),
            tops: TopSums::new(),
            late_packets: PerDirection::new(zero(), zero()),
            refused: std::array::from_fn(|_| zero()),
            labels_cut: zero(),
        }
    }

    pub(crate) fn open(&self) -> u64 {
        // Relaxed: one number [M3].
        self.open.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn active(&self) -> u64 {
        // Relaxed: one number; an activation that returned to its caller is in it by coherence [M3].
        self.active.load(Ordering::Relaxed)
    }

    /// Takes a place under `max`, to be given back by [`leave_tracked`](Self::leave_tracked).
    pub(crate) fn enter_tracked(&self, max: u64) -> bool {
        Self::enter(&self.tracked, max)
    }

    pub(crate) fn leave_tracked(&self) {
        // Relaxed: one number, lowered once by whoever raised it [M3].
        self.tracked.fetch_sub(1, Ordering::Relaxed);
    }

    /// Takes a writer's place under `max`, to be given back by [`leave_writers`](Self::leave_writers).
    pub(crate) fn enter_writers(&self, max: u64) -> bool {
        Self::enter(&self.writers, max)
    }

    pub(crate) fn leave_writers(&self, cells: u64) {
        // Relaxed: as in leave_tracked() [M3].
        self.writers.fetch_sub(cells, Ordering::Relaxed);
    }

    fn enter(places: &AtomicU64, max: u64) -> bool {
        // Relaxed: the update itself keeps the number under the cap [M3].
        let taken = places.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
            (n < max).then_some(n + 1)
        });
        taken.is_ok()
    }

    /// Counts a session in, before it can be seen.
    pub(crate) fn enter_open(&self) {
        // Relaxed: the session is published after this, by the insertion into the table [M3].
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a session as active if `activate` says that this call activated it.
    ///
    /// The number rises before the phase moves and falls again where it did not: it is never below the sessions that
    /// are active, so the closer that counts one out cannot take it below zero.
    pub(crate) fn enter_active(&self, activate: impl FnOnce() -> bool) -> bool {
        // Relaxed: the phase's exchange, AcqRel, orders this before the closer's subtraction [M3].
        self.active.fetch_add(1, Ordering::Relaxed);
        let activated = activate();
        if !activated {
            // Relaxed: takes back the addition of this very call [M3].
            self.active.fetch_sub(1, Ordering::Relaxed);
        }
        activated
    }

    /// Counts a session out. Called once, by the elected closer.
    pub(crate) fn leave_open(&self, was_active: bool) {
        // Relaxed: as in enter_open() [M3].
        self.open.fetch_sub(1, Ordering::Relaxed);
        if was_active {
            // Relaxed: as in enter_active() [M3].
            self.active.fetch_sub(1, Ordering::Relaxed);
        }
    }

    #[inline]
    pub(crate) fn tops(&self) -> &TopSums {
        &self.tops
    }

    /// Counts a packet whose bytes were accepted before its session closed and that itself came after.
    #[cold]
    pub(crate) fn count_late_packet(&self, direction: Direction) {
        // Relaxed: a total publishes nothing but itself [M2].
        self.late_packets.get(direction).fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn late_packets(&self) -> PerDirection<u64> {
        // Relaxed: as in count_late_packet() [M2].
        self.late_packets.map(|packets| packets.load(Ordering::Relaxed))
    }

    pub(crate) fn count_refused(&self, reason: RefuseReason) {
        // Relaxed: a statistic [M3].
        self.refused[usize::from(reason.code())].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self, reason: RefuseReason) -> u64 {
        // Relaxed: a statistic [M3].
        self.refused[usize::from(reason.code())].load(Ordering::Relaxed)
    }

    pub(crate) fn count_labels_cut(&self, labels: u64) {
        if labels != 0 {
            // Relaxed: a statistic [M3].
            self.labels_cut.fetch_add(labels, Ordering::Relaxed);
        }
    }

    pub(crate) fn labels_cut(&self) -> u64 {
        // Relaxed: a statistic [M3].
        self.labels_cut.load(Ordering::Relaxed)
    }
}
