//! What was taken out of the table and may still be in a reader's hands.
//!
//! A writer adds to the list under the writer lock. A reclaimer takes the list, tags it with an epoch, and frees it when no
//! pin is older than the tag.

use std::collections::VecDeque;
use std::ptr::NonNull;

use crate::directory::Directory;
use crate::entry::Entry;
use crate::segment::Segment;

/// Entries in one piece of the list: adding one never moves more than these.
const PIECE: usize = 1 << 10;

/// A segment that only the retired list knows.
struct OldSegment<T>(NonNull<Segment<T>>);

// SAFETY: the segment is freed on whichever thread reclaims; it holds pointers and owns none of the entries.
unsafe impl<T> Send for OldSegment<T> {}

impl<T> Drop for OldSegment<T> {
    fn drop(&mut self) {
        // SAFETY: it was unlinked before it came here, and is dropped when no pin can have it any more.
        unsafe { Segment::free(self.0) };
    }
}

/// A directory that only the retired list knows.
struct OldDirectory<T>(NonNull<Directory<T>>);

// SAFETY: the directory is freed on whichever thread reclaims; it holds pointers and owns nothing.
unsafe impl<T> Send for OldDirectory<T> {}

impl<T> Drop for OldDirectory<T> {
    fn drop(&mut self) {
        // SAFETY: it was unlinked before it came here, and is dropped when no pin can have it any more.
        unsafe { Directory::free(self.0) };
    }
}

/// What was unlinked, each thing with the memory that is freed with it. Dropping it frees.
pub(crate) struct Retired<T> {
    /// Each but the last is full.
    entries: Vec<Vec<Entry<T>>>,
    segments: Vec<OldSegment<T>>,
    directories: Vec<OldDirectory<T>>,
}

impl<T> Retired<T> {
    /// Adds an entry, with the table's reference to it.
    pub(crate) fn add_entry(&mut self, entry: Entry<T>) {
        match self.entries.last_mut() {
            Some(piece) if piece.len() < PIECE => piece.push(entry),
            _ => {
                // The first piece grows as it must; the ones after it show that it is worth a whole one.
                let mut piece = Vec::with_capacity(if self.entries.is_empty() { 0 } else { PIECE });
                piece.push(entry);
                self.entries.push(piece);
            }
        }
    }

    /// Adds a segment that no directory names any more, to be freed without its entries.
    ///
    /// # Safety
    ///
    /// It was made by `Segment::allocate`, is added this once, and no pin that begins in a later epoch can find it.
    pub(crate) unsafe fn add_segment(&mut self, segment: NonNull<Segment<T>>) {
        self.segments.push(OldSegment(segment));
    }

    /// Adds a directory that is not the table's any more.
    ///
    /// # Safety
    ///
    /// It was made by `Directory::allocate`, is added this once, and no pin that begins in a later epoch can find it.
    pub(crate) unsafe fn add_directory(&mut self, directory: NonNull<Directory<T>>) {
        self.directories.push(OldDirectory(directory));
    }

    /// How many entries, segments and directories there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.iter().map(Vec::len).sum::<usize>() + self.segments.len() + self.directories.len()
    }
}

impl<T> Default for Retired<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            segments: Vec::new(),
            directories: Vec::new(),
        }
    }
}

/// What was unlinked before an epoch.
struct Batch<T> {
    epoch: u64,
    retired: Retired<T>,
}

/// Batches that wait for pins to end, the oldest first.
pub(crate) struct Waiting<T> {
    batches: VecDeque<Batch<T>>,
}

impl<T> Waiting<T> {
    /// Adds what was unlinked before `epoch` began, which is later than that of every batch here.
    pub(crate) fn add(&mut self, epoch: u64, retired: Retired<T>) {
        self.batches.push_back(Batch { epoch, retired });
    }

    /// Takes out what no pin can have any more, `oldest` being the epoch of the oldest.
    pub(crate) fn take_ripe(&mut self, oldest: u64) -> Vec<Retired<T>> {
        let ripe = self.batches.partition_point(|batch| batch.epoch <= oldest);
        self.batches.drain(..ripe).map(|batch| batch.retired).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// How many entries, segments and directories wait.
    pub(crate) fn len(&self) -> usize {
        self.batches.iter().map(|batch| batch.retired.len()).sum()
    }
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self {
            batches: VecDeque::new(),
        }
    }
}
