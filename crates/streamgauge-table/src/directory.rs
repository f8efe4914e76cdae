//! Which segment has a hash: an array of pointers, chosen from by the hash's first bits.
//!
//! A segment whose depth is less than the directory's is named by several slots, side by side. When a segment of the full
//! depth is split, the directory is replaced by one of twice the length; a directory itself never changes its length.
//!
//! Readers are any threads that hold a pin. Whoever writes holds the table's writer lock. Cost of a lookup: one load, from
//! an array with 8 bytes for some 300 entries.

use std::ptr::NonNull;

use crate::hash::Hash;
use crate::segment::Segment;
use crate::sync::{AtomicPtr, Ordering};

/// The segments, in order of their hashes' first bits.
pub(crate) struct Directory<T> {
    /// How far a hash is shifted down to be an index: 64 less the depth.
    shift: u32,
    /// Two to the depth.
    slots: Box<[AtomicPtr<Segment<T>>]>,
    #[cfg(loom)]
    canary: crate::canary::Canary,
}

impl<T> Directory<T> {
    /// A directory of the given depth, from 1 on, that names what `segment` answers for each index. It is freed by
    /// [`free`](Self::free).
    pub(crate) fn allocate(depth: u32, segment: impl FnMut(usize) -> NonNull<Segment<T>>) -> NonNull<Self> {
        let slots = (0..1_usize << depth)
            .map(segment)
            .map(|segment| AtomicPtr::new(segment.as_ptr()))
            .collect();
        NonNull::from(Box::leak(Box::new(Self {
            shift: 64 - depth,
            slots,
            #[cfg(loom)]
            canary: crate::canary::Canary::new(),
        })))
    }

    /// Frees a directory, and leaves the segments.
    ///
    /// # Safety
    ///
    /// The directory was made by `allocate`, is freed this once, and nobody reads it any more.
    pub(crate) unsafe fn free(directory: NonNull<Self>) {
        #[cfg(loom)]
        // SAFETY: as the caller promises. Under the models the memory stays, so that a read that comes too late is found
        // out.
        unsafe {
            directory.as_ref().canary.kill();
        }
        #[cfg(not(loom))]
        // SAFETY: as the caller promises; `allocate` made it of a box.
        drop(unsafe { Box::from_raw(directory.as_ptr()) });
    }

    /// How many bits choose the segment.
    pub(crate) fn depth(&self) -> u32 {
        64 - self.shift
    }

    /// The segment for a hash. It stays as long as the caller's pin, or writer lock, is held.
    #[inline]
    pub(crate) fn segment(&self, hash: Hash) -> &Segment<T> {
        let segment = self.pointer(hash.prefix(self.shift));
        // SAFETY: a slot names a segment that is not freed before it was replaced here, and every pin that could have seen
        // it is gone.
        unsafe { segment.as_ref() }
    }

    /// The segment pointer at an index below two to the depth.
    #[inline]
    pub(crate) fn pointer(&self, index: usize) -> NonNull<Segment<T>> {
        #[cfg(loom)]
        self.canary.look();
        debug_assert!(index < self.slots.len(), "as many bits as the directory has");
        // SAFETY: an index is a hash without all but its first bits, as many of them as the array's length allows.
        let slot = unsafe { self.slots.get_unchecked(index) };
        // Acquire: what stands in the segment. Pairs with Release in replace() and with that of the directory [M8].
        let segment = slot.load(Ordering::Acquire);
        // SAFETY: slots are made of `NonNull`s and replaced by them.
        unsafe { NonNull::new_unchecked(segment) }
    }

    /// Names two segments in the place of one, which is less deep than the directory. For the holder of the writer lock.
    pub(crate) fn replace(&self, hash: Hash, depth: u32, halves: [NonNull<Segment<T>>; 2]) {
        let width = 1_usize << (self.depth() - depth);
        let first = hash.prefix(self.shift) & !(width - 1);
        for (index, slot) in self.slots[first..first + width].iter().enumerate() {
            let half = halves[usize::from(index >= width / 2)];
            // Release: the copies are whole before they can be found. Pairs with Acquire in pointer() [M8].
            slot.store(half.as_ptr(), Ordering::Release);
        }
    }

    /// A directory of twice the length that names two segments in the place of the one for a hash. For the holder of the
    /// writer lock.
    pub(crate) fn doubled(&self, hash: Hash, halves: [NonNull<Segment<T>>; 2]) -> NonNull<Self> {
        let split = hash.prefix(self.shift);
        Self::allocate(self.depth() + 1, |index| {
            if index / 2 == split {
                halves[index % 2]
            } else {
                self.pointer(index / 2)
            }
        })
    }
}
