//! One cache line of the table: seven slots, a tag for each, and how many keys passed by.
//!
//! The first word holds a byte for each slot: 0 where the slot is free, else eight bits of the key's hash. Its last byte
//! counts the keys that would be here had there been room, and are in a later bucket: a search that finds the count 0 is
//! over. At 255 the count stays for good, and searches go on one bucket too far at worst.
//!
//! Readers are any threads that hold a pin. Whoever writes holds the table's writer lock. The words of the marks are
//! hints; what decides is the slot's pointer and then the key it leads to. Cost of a search: this line, and the lines of an
//! entry for each tag that matches, one in 255 of them in vain.

use std::ptr::{self, NonNull};

use crate::entry::Inner;
use crate::hash::Hash;
use crate::sync::{AtomicPtr, AtomicU64, Ordering};

/// Slots in a bucket: what a line of 64 bytes has room for beside the marks.
pub(crate) const SLOTS: usize = if cfg!(loom) { 2 } else { 7 };

/// The lowest bit of each slot's byte.
const ONES: u64 = if cfg!(loom) { 0x0101 } else { 0x0001_0101_0101_0101 };
/// The highest bit of each slot's byte.
const TOPS: u64 = ONES << 7;
/// One key that passed by.
const PASSED: u64 = 1 << 56;
/// A count that is no count any more.
const MANY: u64 = 0xff;

/// What a search of one bucket came to.
pub(crate) enum Search<T> {
    Found(NonNull<Inner<T>>),
    /// The key is not in the segment.
    Absent,
    /// The key may be in the next bucket.
    Further,
}

/// Seven slots and their marks.
#[repr(C, align(64))]
pub(crate) struct Bucket<T> {
    marks: AtomicU64,
    slots: [AtomicPtr<Inner<T>>; SLOTS],
}

impl<T> Bucket<T> {
    pub(crate) fn new() -> Self {
        Self {
            marks: AtomicU64::new(0),
            slots: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
        }
    }

    /// Looks for the key. The caller holds a pin or the writer lock, and with it every entry that it finds here.
    #[inline]
    pub(crate) fn find(&self, hash: Hash, key: &[u8]) -> Search<T> {
        // Relaxed: a hint. A lookup that is not ordered after an insertion may miss it, and one that is sees these marks or
        // later ones, by coherence [M8].
        let marks = self.marks.load(Ordering::Relaxed);
        let mut hits = matching(marks, hash.tag());
        while hits != 0 {
            if let Some(entry) = self.entry(slot_of(hits)) {
                // What is found is written at its value's end, which can be another line than the key's: both are asked
                // for at once. A locked write would ask for its line only after the comparison.
                Inner::prefetch(entry);
                // SAFETY: the pin or the lock, taken before the slot was read, keeps the entry there.
                if unsafe { Inner::has_key(entry, key) } {
                    return Search::Found(entry);
                }
            }
            hits &= hits - 1;
        }
        if marks < PASSED {
            Search::Absent
        } else {
            Search::Further
        }
    }

    /// Asks for the lines of the first entry with the hash's tag.
    #[inline]
    pub(crate) fn prefetch_entry(&self, hash: Hash) {
        // Relaxed: a hint, for a hint [M8].
        let hits = matching(self.marks.load(Ordering::Relaxed), hash.tag());
        if hits != 0
            && let Some(entry) = self.entry(slot_of(hits))
        {
            Inner::prefetch(entry);
        }
    }

    /// What is in a slot. The caller holds a pin or the writer lock.
    #[inline]
    pub(crate) fn entry(&self, at: usize) -> Option<NonNull<Inner<T>>> {
        debug_assert!(at < SLOTS, "a slot of the bucket");
        // SAFETY: callers pass what `slot_of` made of marks, which is below SLOTS, or count to SLOTS themselves.
        let slot = unsafe { self.slots.get_unchecked(at) };
        // Acquire: the entry's key and value, all of what its maker wrote. Pairs with Release in put() [M8].
        NonNull::new(slot.load(Ordering::Acquire))
    }

    /// A free slot, for the holder of the writer lock.
    pub(crate) fn free_slot(&self) -> Option<usize> {
        let free = matching(self.marks_of_writer(), 0);
        (free != 0).then(|| slot_of(free))
    }

    /// Which slot holds this very entry, for the holder of the writer lock.
    pub(crate) fn slot_with(&self, entry: NonNull<Inner<T>>) -> Option<usize> {
        (0..SLOTS).find(|&at| self.entry(at) == Some(entry))
    }

    /// Whether no key passed by, for the holder of the writer lock.
    pub(crate) fn is_last(&self) -> bool {
        self.marks_of_writer() < PASSED
    }

    /// Fills a free slot, for the holder of the writer lock.
    pub(crate) fn put(&self, at: usize, hash: Hash, entry: NonNull<Inner<T>>) {
        // Release: the entry is whole before it can be found. Pairs with Acquire in entry() [M8].
        self.slots[at].store(entry.as_ptr(), Ordering::Release);
        self.set_marks(self.marks_of_writer() | (u64::from(hash.tag()) << (8 * at)));
    }

    /// Empties a slot, for the holder of the writer lock.
    pub(crate) fn clear(&self, at: usize) {
        self.set_marks(self.marks_of_writer() & !(0xff << (8 * at)));
        // Relaxed: that no later pin finds the entry is the affair of the epoch, before the entry is freed [M9].
        self.slots[at].store(ptr::null_mut(), Ordering::Relaxed);
    }

    /// Counts a key that goes on to a later bucket, for the holder of the writer lock. Before the key is put there.
    pub(crate) fn pass(&self) {
        let marks = self.marks_of_writer();
        if marks >> 56 < MANY {
            self.set_marks(marks + PASSED);
        }
    }

    /// Forgets a key that had gone on to a later bucket, for the holder of the writer lock. After it was cleared there.
    pub(crate) fn unpass(&self) {
        let marks = self.marks_of_writer();
        if (1..MANY).contains(&(marks >> 56)) {
            self.set_marks(marks - PASSED);
        }
    }

    fn marks_of_writer(&self) -> u64 {
        // Relaxed: the marks are written under the writer lock, which the caller holds [M8].
        self.marks.load(Ordering::Relaxed)
    }

    fn set_marks(&self, marks: u64) {
        // Relaxed: a hint, as in find() [M8].
        self.marks.store(marks, Ordering::Relaxed);
    }
}

/// The top bit of each slot's byte that has this tag, and now and then of one above it that has not.
#[inline]
fn matching(marks: u64, tag: u8) -> u64 {
    let differ = marks ^ (ONES * u64::from(tag));
    differ.wrapping_sub(ONES) & !differ & TOPS
}

/// The slot of the lowest bit.
#[inline]
fn slot_of(hits: u64) -> usize {
    hits.trailing_zeros() as usize / 8
}
