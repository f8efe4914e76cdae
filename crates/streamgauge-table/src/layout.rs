//! How the table is laid out, and how a writer changes it: the directory, its segments, what was retired.
//!
//! Whoever has a `&mut Layout` has the writer lock. An entry goes within [`REACH`] buckets of where its search begins; if
//! there is no room its segment is split in two by one more bit of the hash, which copies the segment's entries (at most
//! 448) and no others. Readers in the old segment find what was there when it was split, which is what was there while
//! they were looking; it is retired, and so is a directory that had to be doubled.
//!
//! Segments are never merged: the table keeps the room of its largest number of entries.

use std::hash::BuildHasher;
use std::ptr::NonNull;

use crate::directory::Directory;
use crate::entry::{Entry, Inner};
use crate::hash::{Hash, MAX_DEPTH};
use crate::retired::Retired;
use crate::root::Root;
use crate::segment::{BUCKETS, Segment};

/// Buckets from the first of a search on in which an entry is put before its segment is split.
const REACH: usize = if cfg!(loom) { 1 } else { 3 };

/// Entries for which a segment is certain enough to have room, on average over many.
const ROOM: usize = if cfg!(loom) { 2 } else { 200 };

/// Slots that a directory has for each segment, at most, beyond its first [`LENGTH`].
const SPARSE: usize = if cfg!(loom) { 2 } else { 8 };

/// Slots that any directory may have.
const LENGTH: usize = if cfg!(loom) { 2 } else { 64 };

/// How a writer sees the table.
pub(crate) struct Layout<T> {
    directory: NonNull<Directory<T>>,
    segments: usize,
    entries: usize,
    retired: Retired<T>,
}

// SAFETY: the directory and all it leads to are used by whoever holds the writer lock, on any thread; the entries are the
// table's references.
unsafe impl<T: Send + Sync> Send for Layout<T> {}

impl<T> Layout<T> {
    /// An empty layout with room for some entries.
    pub(crate) fn with_room_for(entries: usize) -> Self {
        let segments = entries
            .div_ceil(ROOM)
            .max(1)
            .next_power_of_two()
            .min(1 << (MAX_DEPTH / 2));
        let depth = segments.trailing_zeros();
        // A directory has two slots at least, so that no hash is ever shifted by all of its bits.
        let directory = if depth == 0 {
            let one = Segment::allocate(0);
            Directory::allocate(1, |_| one)
        } else {
            Directory::allocate(depth, |_| Segment::allocate(depth))
        };
        Self {
            directory,
            segments,
            entries: 0,
            retired: Retired::default(),
        }
    }

    pub(crate) fn directory_pointer(&self) -> NonNull<Directory<T>> {
        self.directory
    }

    fn directory(&self) -> &Directory<T> {
        // SAFETY: the table's directory is freed only after it was replaced here.
        unsafe { self.directory.as_ref() }
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries
    }

    /// The entry with a key.
    pub(crate) fn find(&self, hash: Hash, key: &[u8]) -> Option<NonNull<Inner<T>>> {
        self.directory().segment(hash).find(hash, key)
    }

    /// Puts in an entry whose key is not there.
    pub(crate) fn put<S: BuildHasher>(&mut self, root: &Root<T>, state: &S, hash: Hash, entry: Entry<T>) {
        let entry = entry.into_pointer();
        self.entries += 1;
        while !self.directory().segment(hash).put(hash, entry, REACH) {
            if !self.can_split(hash) {
                self.directory().segment(hash).put_in_chain(hash, entry);
                return;
            }
            self.split(root, state, hash);
        }
    }

    /// Takes out this very entry and retires it. Answers whether it was there.
    pub(crate) fn remove(&mut self, hash: Hash, entry: &Entry<T>) -> bool {
        if !self.directory().segment(hash).take(hash, entry.pointer()) {
            return false;
        }
        self.entries -= 1;
        // SAFETY: `put` made the pointer of an entry of the table's own, which is unlinked now: its reference is free to take.
        self.retired
            .add_entry(unsafe { Entry::from_pointer(entry.pointer()) });
        true
    }

    /// What was retired since the last call.
    pub(crate) fn take_retired(&mut self) -> Retired<T> {
        std::mem::take(&mut self.retired)
    }

    /// Whether a segment has bits left to be split by, and the directory may become as long as that takes: in proportion to
    /// the segments. Hashes that are not random would have it doubled for nothing.
    fn can_split(&self, hash: Hash) -> bool {
        let segment = self.directory().segment(hash);
        let depth = self.directory().depth();
        let longer = 2_usize << depth;
        !segment.has_chain()
            && segment.depth() < MAX_DEPTH
            && (segment.depth() < depth || longer <= SPARSE * self.segments + LENGTH)
    }

    /// Puts two segments in the place of the one for a hash.
    fn split<S: BuildHasher>(&mut self, root: &Root<T>, state: &S, hash: Hash) {
        let directory = self.directory();
        let segment = directory.segment(hash);
        let depth = segment.depth();
        let halves = [Segment::allocate(depth + 1), Segment::allocate(depth + 1)];
        segment.for_each(|entry| {
            // SAFETY: the entry is in the table, and nobody takes it out meanwhile; its reference stays the table's.
            let hash = Hash::of(unsafe { Inner::key(entry) }, state);
            // SAFETY: allocated above, and freed by nobody before it is published.
            let half = unsafe { halves[usize::from(hash.bit(depth))].as_ref() };
            // As many slots as in the whole: there is room in all of its buckets together.
            half.put(hash, entry, BUCKETS);
        });
        let old = NonNull::from(segment);
        if depth < directory.depth() {
            directory.replace(hash, depth, halves);
        } else {
            let doubled = directory.doubled(hash, halves);
            let old = self.directory;
            root.publish(doubled);
            self.directory = doubled;
            // SAFETY: the root named it alone, and names another now.
            unsafe { self.retired.add_directory(old) };
        }
        // SAFETY: the directory named it alone, and names the halves now.
        unsafe { self.retired.add_segment(old) };
        self.segments += 1;
    }

    /// Clones the entries of the segment for a hash, and answers the least hash beyond it.
    pub(crate) fn clone_segment(&self, hash: Hash, into: &mut Vec<Entry<T>>) -> Option<Hash> {
        let segment = self.directory().segment(hash);
        segment.for_each(|entry| {
            // SAFETY: the entry is in the table, whose reference it is; it is not dropped.
            let entry = std::mem::ManuallyDrop::new(unsafe { Entry::from_pointer(entry) });
            into.push(Entry::clone(&entry));
        });
        hash.beyond(segment.depth())
    }

    /// Frees all of it. Nobody else can see it any more.
    fn free(&mut self) {
        let mut next = Some(Hash::from_bits(0));
        while let Some(hash) = next {
            let directory = self.directory();
            let segment = directory.segment(hash);
            next = hash.beyond(segment.depth());
            let (old, mut entries) = (NonNull::from(segment), Retired::default());
            // SAFETY: `put` made the pointer of an entry of the table's own.
            segment.for_each(|entry| entries.add_entry(unsafe { Entry::from_pointer(entry) }));
            // SAFETY: nobody reads the table any more, and each segment is met once.
            unsafe { entries.add_segment(old) };
        }
        // SAFETY: nobody reads the table any more.
        unsafe { Directory::free(self.directory) };
    }
}

impl<T> Drop for Layout<T> {
    fn drop(&mut self) {
        self.free();
    }
}

#[cfg(all(test, not(any(loom, streamgauge_colliding_hash))))]
mod tests {
    use std::hash::{BuildHasher, Hasher};

    use super::{Entry, Hash, Layout, Root};

    /// The hash of a key is the key.
    #[derive(Clone, Copy, Default)]
    struct Itself(u64);

    impl BuildHasher for Itself {
        type Hasher = Self;

        fn build_hasher(&self) -> Self {
            Self::default()
        }
    }

    impl Hasher for Itself {
        fn write(&mut self, key: &[u8]) {
            self.0 = key.iter().fold(0, |hash, byte| (hash << 8) | u64::from(*byte));
        }

        fn finish(&self) -> u64 {
            self.0
        }
    }

    fn put(layout: &mut Layout<()>, root: &Root<()>, bits: u64) {
        let entry = Entry::new(&bits.to_be_bytes(), ());
        layout.put(root, &Itself::default(), Hash::from_bits(bits), entry);
    }

    fn has_chain(layout: &Layout<()>, bits: u64) -> bool {
        layout.directory().segment(Hash::from_bits(bits)).has_chain()
    }

    #[test]
    fn hashes_that_crowd_are_chained_and_cost_the_others_nothing() {
        // What a segment has slots for, when its buckets are filled evenly, and one more.
        const CROWD: u64 = 64 * 7 + 1;
        let mut layout = Layout::with_room_for(0);
        let root = Root::new(layout.directory_pointer());
        // Alike in all of their first bits: the directory grows in proportion to the segments, and then no more.
        for bits in 0..2 * CROWD {
            put(&mut layout, &root, bits);
        }
        assert_eq!((layout.directory().depth(), layout.segments), (6, 7));
        assert!(has_chain(&layout, 0));
        // Each segment that was split, and each directory that was too short.
        assert_eq!(layout.take_retired().len(), 6 + 5);
        // The directory may not grow, and need not: the half that was empty so far is split within it.
        for bits in 0..CROWD {
            put(&mut layout, &root, (1 << 63) | ((bits % 2) << 62) | (bits / 2));
        }
        assert!(!has_chain(&layout, 1 << 63) && !has_chain(&layout, 3 << 62));
        assert_eq!((layout.directory().depth(), layout.segments), (6, 8));
        assert_eq!(layout.len() as u64, 3 * CROWD);
        for bits in 0..3_u64 {
            let hash = Hash::from_bits(bits);
            let found = layout.find(hash, &bits.to_be_bytes()).unwrap();
            // SAFETY: the table's reference keeps the entry there; it is not dropped here.
            let entry = std::mem::ManuallyDrop::new(unsafe { Entry::from_pointer(found) });
            assert!(layout.remove(hash, &entry));
        }
        assert_eq!(layout.take_retired().len(), 3 + 1);
    }
}
