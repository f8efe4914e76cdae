//! What a thread says of itself: since which epoch it is pinned, if it is.
//!
//! The word is the only thing that another thread reads: 0, or the epoch in which the thread's outermost pin began. Pins
//! nest, and are dropped in any order: the word goes back to 0 with the last of them. How many there are, and two facts that
//! make a pin an unusual one, are in a number that only the owner touches, so that one compare tells the usual case.
//!
//! Written by the one thread that has taken the record, read by reclaimers. Cost: a load of the epoch and two plain stores to
//! the thread's own line for a pin, and two for its end.

use std::ptr::{self, NonNull};

use crate::barrier::Barrier;
use crate::domain::Domain;
use crate::sync::{AtomicBool, AtomicU64, Cell, Ordering, compiler_fence};

/// The thread pins by a swap.
const SWAPS: u64 = 1 << 62;
/// The thread ends: the record goes back with the last pin.
const LEAVES: u64 = 1 << 63;
const COUNT: u64 = SWAPS - 1;

/// A thread's record, on lines of its own.
#[repr(align(128))]
#[derive(Debug)]
pub(crate) struct Record {
    /// 0, or the epoch of the outermost pin.
    word: AtomicU64,
    /// How many pins the owner holds, and the flags above.
    depth: Cell<u64>,
    /// Whether a thread has it.
    owned: AtomicBool,
    /// Written before the record is published, and never since.
    next: *mut Self,
    #[cfg(loom)]
    canary: crate::canary::Canary,
}

impl Record {
    /// A record that its maker owns.
    pub(crate) fn new(barrier: Barrier) -> Self {
        Self {
            word: AtomicU64::new(0),
            depth: Cell::new(match barrier {
                Barrier::Reclaimers => 0,
                Barrier::Readers => SWAPS,
            }),
            owned: AtomicBool::new(true),
            next: ptr::null_mut(),
            #[cfg(loom)]
            canary: crate::canary::Canary::new(),
        }
    }

    pub(crate) fn set_next(&mut self, next: *mut Self) {
        self.next = next;
    }

    pub(crate) fn next(&self) -> Option<NonNull<Self>> {
        #[cfg(loom)]
        self.canary.look();
        NonNull::new(self.next)
    }

    /// Takes a record over that was handed back.
    pub(crate) fn take_over(&self) -> bool {
        // Acquire: the owner before has done with the depth. Pairs with Release in hand_back() [M9].
        self.owned
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Gives the record to whoever takes it over next. The owner must not use it again.
    fn hand_back(&self) {
        self.depth.set(self.depth.get() & SWAPS);
        // Release: the depth, and the word back at 0. Pairs with Acquire in take_over() [M9].
        self.owned.store(false, Ordering::Release);
    }

    /// Hands the record back now, or with the last pin, and answers whether it was now. For the owner.
    #[cfg(any(test, not(loom)))]
    pub(crate) fn leave(&self) -> bool {
        if self.depth.get() & COUNT == 0 {
            self.hand_back();
            return true;
        }
        self.depth.set(self.depth.get() | LEAVES);
        false
    }

    /// Has the record handed back with the last pin, of which there is none yet. For the owner.
    #[cfg(not(loom))]
    pub(crate) fn lend(&self) {
        self.depth.set(self.depth.get() | LEAVES);
    }

    /// Pins the owner's thread.
    #[inline]
    pub(crate) fn pin(&self) {
        if self.depth.get() != 0 {
            return self.pin_unusually();
        }
        self.depth.set(1);
        // Release: what the thread read under its pin before comes before, also for a reclaimer that never saw the 0
        // between. Pairs with Acquire in pinned_since() [M9].
        self.word.store(Domain::global().epoch(), Ordering::Release);
        // SeqCst: the compiler keeps the store before the loads that follow; the processor is kept to it by the reclaimer's
        // membarrier. No instruction [M9].
        compiler_fence(Ordering::SeqCst);
    }

    #[cold]
    fn pin_unusually(&self) {
        let depth = self.depth.get();
        self.depth.set(depth + 1);
        if depth & COUNT > 0 {
            return;
        }
        let epoch = Domain::global().epoch();
        if depth & SWAPS == 0 {
            // Release: as in pin() [M9].
            self.word.store(epoch, Ordering::Release);
            // SeqCst: as in pin() [M9].
            compiler_fence(Ordering::SeqCst);
        } else {
            // AcqRel: either this swap comes first, and the reclaimer finds the pin; or it reads from the reclaimer's
            // read-modify-write, and sees what was unlinked before that. Pairs with AcqRel in pinned_since() [M9].
            self.word.swap(epoch, Ordering::AcqRel);
        }
    }

    /// Ends a pin. Answers whether the record was handed back with it, and must not be used again.
    #[inline]
    pub(crate) fn unpin(&self) -> bool {
        if self.depth.get() != 1 {
            return self.unpin_unusually();
        }
        self.depth.set(0);
        self.clear();
        false
    }

    #[cold]
    fn unpin_unusually(&self) -> bool {
        let depth = self.depth.get() - 1;
        self.depth.set(depth);
        if depth & COUNT > 0 {
            return false;
        }
        self.clear();
        if depth & LEAVES > 0 {
            self.hand_back();
            return true;
        }
        false
    }

    #[inline]
    fn clear(&self) {
        // Release: what the thread read under the pin comes before the free. Pairs with Acquire in pinned_since() [M9].
        self.word.store(0, Ordering::Release);
    }

    /// The epoch of the owner's outermost pin, for a reclaimer that has passed the barrier.
    pub(crate) fn pinned_since(&self, barrier: Barrier) -> Option<u64> {
        let word = match barrier {
            // Acquire: what the thread read under pins before comes before the free. Pairs with Release in pin() and
            // clear() [M9].
            Barrier::Reclaimers => self.word.load(Ordering::Acquire),
            // AcqRel: as above; and a pin that comes later reads from this, and sees what was unlinked before. Pairs with
            // AcqRel in pin_unusually() [M9].
            Barrier::Readers => self.word.fetch_add(0, Ordering::AcqRel),
        };
        (word != 0).then_some(word)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Barrier, Record};

    #[test]
    fn a_record_that_was_handed_back_is_as_a_new_one() {
        for barrier in [Barrier::Reclaimers, Barrier::Readers] {
            let record = Record::new(barrier);
            let new = record.depth.get();
            record.pin();
            record.pin();
            assert!(!record.unpin() && !record.unpin(), "it stays the owner's");
            // Handed back at once; with the last pin; with the one pin that it was taken for.
            assert!(record.leave());
            assert_eq!(record.depth.get(), new);
            assert!(record.take_over() && !record.take_over());
            record.pin();
            assert!(!record.leave() && !record.take_over());
            assert!(record.unpin() && record.take_over());
            assert_eq!(record.depth.get(), new);
            record.lend();
            record.pin();
            record.pin();
            assert!(!record.unpin());
            assert!(record.pinned_since(barrier).is_some());
            assert!(record.unpin() && record.take_over());
            assert_eq!((record.depth.get(), record.pinned_since(barrier)), (new, None));
        }
    }
}
