//! A part of the table: the entries whose hashes begin with the same bits.
//!
//! A key's search begins at the bucket that its hash names and goes on to the next as long as keys passed by there. Entries
//! are put and cleared in place and never moved: a key that is in the segment from the beginning to the end of a search is
//! found by it. A segment without room is not enlarged but replaced, by two. Should that be of no use, since the hashes are
//! all the same, further segments are chained to it: slow, and right.
//!
//! Readers are any threads that hold a pin. Whoever writes holds the table's writer lock.

use std::ptr::{self, NonNull};

use crate::bucket::{Bucket, SLOTS, Search};
use crate::entry::Inner;
use crate::hash::Hash;
use crate::prefetch::prefetch;
use crate::sync::{AtomicPtr, Ordering};

/// Buckets in a segment; a power of two.
pub(crate) const BUCKETS: usize = if cfg!(loom) { 2 } else { 64 };

/// Where an entry is in its segment.
#[derive(Clone, Copy)]
struct Place {
    /// How many buckets of the segment the entry passed by.
    passed: usize,
    bucket: usize,
    slot: usize,
}

/// Entries whose hashes have the first `depth` bits in common.
pub(crate) struct Segment<T> {
    buckets: [Bucket<T>; BUCKETS],
    /// A further segment for the same bits, where splitting is of no use.
    next: AtomicPtr<Self>,
    depth: u32,
    #[cfg(loom)]
    canary: crate::canary::Canary,
}

impl<T> Segment<T> {
    /// An empty segment. It is freed by [`free`](Self::free).
    pub(crate) fn allocate(depth: u32) -> NonNull<Self> {
        NonNull::from(Box::leak(Box::new(Self {
            buckets: std::array::from_fn(|_| Bucket::new()),
            next: AtomicPtr::new(ptr::null_mut()),
            depth,
            #[cfg(loom)]
            canary: crate::canary::Canary::new(),
        })))
    }

    /// Frees a segment and what is chained to it, and leaves the entries.
    ///
    /// # Safety
    ///
    /// The segment was made by `allocate`, is freed this once, and nobody reads it any more.
    pub(crate) unsafe fn free(segment: NonNull<Self>) {
        let mut next = Some(segment);
        while let Some(segment) = next {
            // SAFETY: as the caller promises, for the segment and what only it leads to.
            next = unsafe { segment.as_ref() }.next();
            #[cfg(loom)]
            // SAFETY: as above. Under the models the memory stays, so that a read that comes too late is found out.
            unsafe {
                segment.as_ref().canary.kill();
            }
            #[cfg(not(loom))]
            // SAFETY: as above; `allocate` made it of a box.
            drop(unsafe { Box::from_raw(segment.as_ptr()) });
        }
    }

    /// How many leading bits the hashes in here have in common.
    pub(crate) fn depth(&self) -> u32 {
        self.depth
    }

    /// Looks for a key. The caller holds a pin or the writer lock.
    #[inline]
    pub(crate) fn find(&self, hash: Hash, key: &[u8]) -> Option<NonNull<Inner<T>>> {
        #[cfg(loom)]
        self.canary.look();
        match self.bucket(hash.bucket()).find(hash, key) {
            Search::Found(entry) => Some(entry),
            Search::Absent => None,
            Search::Further => self.find_further(hash, key),
        }
    }

    #[inline(never)]
    fn find_further(&self, hash: Hash, key: &[u8]) -> Option<NonNull<Inner<T>>> {
        for passed in 1..BUCKETS {
            match self.bucket(hash.bucket() + passed).find(hash, key) {
                Search::Found(entry) => return Some(entry),
                Search::Absent => return None,
                Search::Further => {}
            }
        }
        self.next_segment()?.find(hash, key)
    }

    /// Asks for the bucket where the search for a hash begins.
    #[inline]
    pub(crate) fn prefetch_bucket(&self, hash: Hash) {
        prefetch(self.bucket(hash.bucket()), 0);
    }

    /// Asks for the entry that the search for a hash will probably end at. The caller holds a pin.
    #[inline]
    pub(crate) fn prefetch_entry(&self, hash: Hash) {
        self.bucket(hash.bucket()).prefetch_entry(hash);
    }

    /// Puts an entry within the first `reach` buckets of its search, and answers whether there was room. For the holder of
    /// the writer lock.
    pub(crate) fn put(&self, hash: Hash, entry: NonNull<Inner<T>>, reach: usize) -> bool {
        for passed in 0..reach {
            let bucket = self.bucket(hash.bucket() + passed);
            if let Some(slot) = bucket.free_slot() {
                self.pass(hash, passed);
                bucket.put(slot, hash, entry);
                return true;
            }
        }
        false
    }

    /// Puts an entry where there is room, in a new segment at the chain's end if need be. For the holder of the writer lock.
    pub(crate) fn put_in_chain(&self, hash: Hash, entry: NonNull<Inner<T>>) {
        let mut segment = self;
        while !segment.put(hash, entry, BUCKETS) {
            // An entry further down is found only if every bucket on the way says that it passed by.
            segment.pass(hash, BUCKETS);
            segment = if let Some(next) = segment.next_segment() {
                next
            } else {
                let next = Self::allocate(self.depth);
                // Release: the new segment is empty before it can be found. Pairs with Acquire in next() [M8].
                segment.next.store(next.as_ptr(), Ordering::Release);
                // SAFETY: allocated above, and freed with this segment.
                unsafe { next.as_ref() }
            };
        }
    }

    /// Takes out this very entry, and answers whether it was here. For the holder of the writer lock.
    pub(crate) fn take(&self, hash: Hash, entry: NonNull<Inner<T>>) -> bool {
        let mut segment = self;
        let place = loop {
            if let Some(place) = segment.place_of(hash, entry) {
                break place;
            }
            let Some(next) = segment.next_segment() else {
                return false;
            };
            segment = next;
        };
        segment.bucket(place.bucket).clear(place.slot);
        segment.unpass(hash, place.passed);
        let holder = segment;
        segment = self;
        while !ptr::eq(segment, holder) {
            segment.unpass(hash, BUCKETS);
            let Some(next) = segment.next_segment() else { break };
            segment = next;
        }
        true
    }

    fn place_of(&self, hash: Hash, entry: NonNull<Inner<T>>) -> Option<Place> {
        for passed in 0..BUCKETS {
            let bucket = hash.bucket() + passed;
            if let Some(slot) = self.bucket(bucket).slot_with(entry) {
                return Some(Place { passed, bucket, slot });
            }
            if self.bucket(bucket).is_last() {
                break;
            }
        }
        None
    }

    fn pass(&self, hash: Hash, buckets: usize) {
        for passed in 0..buckets {
            self.bucket(hash.bucket() + passed).pass();
        }
    }

    fn unpass(&self, hash: Hash, buckets: usize) {
        for passed in 0..buckets {
            self.bucket(hash.bucket() + passed).unpass();
        }
    }

    /// Shows every entry, those of the chain too. For the holder of the writer lock.
    pub(crate) fn for_each(&self, mut show: impl FnMut(NonNull<Inner<T>>)) {
        let mut next = Some(self);
        while let Some(segment) = next {
            for (index, bucket) in segment.buckets.iter().enumerate() {
                // What is shown is read: the entries of the bucket after the next are asked for meanwhile.
                segment.prefetch_entries(index + 2);
                (0..SLOTS).filter_map(|at| bucket.entry(at)).for_each(&mut show);
            }
            next = segment.next_segment();
        }
    }

    fn prefetch_entries(&self, bucket: usize) {
        if let Some(bucket) = self.buckets.get(bucket) {
            (0..SLOTS)
                .filter_map(|at| bucket.entry(at))
                .for_each(Inner::prefetch);
        }
    }

    /// Whether further segments are chained to this one.
    pub(crate) fn has_chain(&self) -> bool {
        self.next().is_some()
    }

    fn next(&self) -> Option<NonNull<Self>> {
        // Acquire: the buckets of the segment. Pairs with Release in put_in_chain() [M8].
        NonNull::new(self.next.load(Ordering::Acquire))
    }

    #[inline]
    fn next_segment(&self) -> Option<&Self> {
        // SAFETY: a chained segment is freed with the first of its chain, which the caller may use.
        self.next().map(|next| unsafe { next.as_ref() })
    }

    /// The bucket at an index, counted on from the last one to the first.
    #[inline]
    fn bucket(&self, index: usize) -> &Bucket<T> {
        // SAFETY: a remainder of BUCKETS is below it.
        unsafe { self.buckets.get_unchecked(index % BUCKETS) }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{BUCKETS, Hash, SLOTS, Segment};
    use crate::entry::Entry;

    #[test]
    fn a_segment_that_is_emptied_has_searches_as_short_as_a_new_one() {
        let segment = Segment::<u64>::allocate(0);
        let hash = Hash::from_bits(5);
        // More than the first bucket holds, fewer than are counted exactly.
        let entries: Vec<_> = (0..SLOTS as u64 * 3)
            .map(|number| Entry::new(&number.to_le_bytes(), number))
            .collect();
        // SAFETY: allocated above, and freed below.
        let there = unsafe { segment.as_ref() };
        // The second time they go as near as the first: what was cleared is free.
        for _ in 0..2 {
            for entry in &entries {
                assert!(there.put(hash, entry.clone().into_pointer(), 3));
            }
            assert!(!there.bucket(hash.bucket()).is_last());
            for entry in &entries {
                assert!(there.take(hash, entry.pointer()));
                assert!(there.find(hash, entry.key()).is_none());
                // SAFETY: `put` was given the pointer of an entry's own, which is unlinked now.
                drop(unsafe { Entry::from_pointer(entry.pointer()) });
            }
            assert!((0..BUCKETS).all(|index| there.bucket(index).is_last()));
        }
        // SAFETY: made above, and nobody reads it any more.
        unsafe { Segment::free(segment) };
        assert!(entries.iter().all(|entry| entry.references() == 1));
    }
}
