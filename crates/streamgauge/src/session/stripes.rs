//! The counters of a shared session: as many groups of words as threads are likely to count at once, each on lines of its
//! own.
//!
//! A thread counts in the stripe that its number picks. The number is the thread's for good, handed out at its first count
//! by a shared handle, or ahead by `prepare_thread()`; threads that were numbered one after the other pick different
//! stripes. Each stripe closes exactly, for itself, by the protocol of the session's own words (M1, M2); how stripes that
//! are made race a close is M10.
//!
//! Any thread writes, in its stripe; the closer seals; collections and `active` read. A session has 2 to 16 stripes of 128
//! bytes, from the first `shared()` until it is freed.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread::available_parallelism;

use crossbeam_utils::CachePadded;

use super::counter::PacketCounter;
use super::words::{Whole, Words};
use super::writer::Counts;
use crate::direction::{Direction, PerDirection};
use crate::sync::Ordering;
use crate::verdict::Verdict;

/// The most stripes of a session; a power of two.
const MOST: usize = if cfg!(loom) { 2 } else { 16 };

/// The stripes of one session, shared. Cloning it counts a reference.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stripes(Arc<[CachePadded<Stripe>]>);

/// What one thread in so many counts in. Beside the bytes whether packets are counted, as the session has it: an ordinary
/// count does not touch the session.
#[derive(Debug)]
struct Stripe {
    words: Words<bool>,
    packets: PerDirection<PacketCounter>,
}

impl Stripe {
    fn new(counts_packets: bool) -> Self {
        Self {
            words: Words::new(counts_packets),
            packets: PacketCounter::pair(),
        }
    }
}

impl Stripes {
    /// As many as threads can run at once: 2, 4, 8 or 16.
    pub(super) fn new(counts_packets: bool) -> Self {
        let threads = available_parallelism().map_or(MOST, usize::from);
        let stripes = threads.next_power_of_two().clamp(2, MOST);
        let stripe = || CachePadded::new(Stripe::new(counts_packets));
        Self((0..stripes).map(|_| stripe()).collect())
    }

    /// Counts in the stripe of the thread with this number; `None` where there are no stripes.
    #[inline]
    pub(super) fn count<'a>(
        &self,
        thread: usize,
        direction: Direction,
        bytes: u64,
        whole: impl FnOnce() -> Option<Whole<'a>>,
    ) -> Option<Verdict> {
        // Their number is a power of two, or 0, and then none is found.
        let stripe = self.0.get(thread & self.0.len().wrapping_sub(1))?;
        let packets = stripe.words.beside.then_some(&stripe.packets);
        Some(stripe.words.count(direction, bytes, packets, whole))
    }

    /// Seals every stripe and returns what they held. Called once, by the elected closer, after the phase moved.
    pub(super) fn seal(&self) -> Counts {
        self.0.iter().fold(Counts::default(), |sum, stripe| {
            sum.plus(stripe.words.seal(&stripe.packets))
        })
    }

    /// What the stripes hold, or `None` once any of them is sealed.
    pub(super) fn read(&self) -> Option<Counts> {
        self.0.iter().try_fold(Counts::default(), |sum, stripe| {
            Some(sum.plus(stripe.words.read(Some(&stripe.packets))?))
        })
    }
}

const UNNUMBERED: usize = usize::MAX;

thread_local! {
    // Const and without a destructor: reading it is a plain load.
    static NUMBER: Cell<usize> = const { Cell::new(UNNUMBERED) };
}

/// The number of this thread.
#[inline]
pub(super) fn thread_number() -> usize {
    match NUMBER.get() {
        UNNUMBERED => number_thread(),
        number => number,
    }
}

#[cold]
#[inline(never)]
fn number_thread() -> usize {
    // Std's also in the models, which name stripes by hand: loom's cannot be a static.
    static NUMBERED: AtomicUsize = AtomicUsize::new(0);
    // Relaxed: only that numbers differ matters, and only for speed [M10].
    let number = NUMBERED.fetch_add(1, Ordering::Relaxed) & (usize::MAX >> 1);
    NUMBER.set(number);
    number
}

/// Gives this thread its number, so that a first count by a shared handle does not.
pub(crate) fn prepare_thread() {
    thread_number();
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Direction, NUMBER, PerDirection, Stripes, UNNUMBERED, prepare_thread, thread_number};
    use crate::verdict::Verdict;

    #[test]
    fn a_thread_keeps_its_number_and_others_have_others() {
        let own = thread_number();
        assert_eq!(thread_number(), own);
        let other = std::thread::scope(|scope| scope.spawn(thread_number).join().unwrap());
        assert_ne!(other, own);
    }

    #[test]
    fn a_thread_that_is_prepared_has_its_number() {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert_eq!(NUMBER.get(), UNNUMBERED);
                prepare_thread();
                assert_ne!(NUMBER.get(), UNNUMBERED);
            });
        });
    }

    #[test]
    fn stripes_add_up_and_close() {
        let stripes = Stripes::new(true);
        assert!(stripes.0.len().is_power_of_two() && (2..=16).contains(&stripes.0.len()));
        for thread in [0, 1, 1, 2, 77, usize::MAX >> 1] {
            let counted = stripes.count(thread, Direction::Ingress, 5, || None);
            assert_eq!(counted, Some(Verdict::Counted));
        }
        assert_eq!(stripes.read().unwrap().bytes, PerDirection::new(30, 0));
        assert_eq!(stripes.seal().bytes, PerDirection::new(30, 0));
        assert!(stripes.read().is_none());
        assert_eq!(Stripes::default().count(3, Direction::Egress, 5, || None), None);
    }

    #[test]
    fn a_stripe_is_a_line_of_its_own() {
        let stripes = Stripes::new(false);
        let at = |n: usize| std::ptr::from_ref(&*stripes.0[n]).addr();
        assert!(at(1) - at(0) >= 128 && at(0) % 64 == 0);
    }
}
