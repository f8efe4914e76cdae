//! Lookups under one pin.

use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Deref;

use std::hash::BuildHasher;

use crate::entry::Entry;
use crate::hash::Hash;
use crate::hold::Hold;
use crate::table::Table;

/// Keys that are looked up side by side: as many as the lines of their entries that a core can wait for at once, and some.
const ABREAST: usize = 16;

/// A pin of the calling thread: what it finds stays until it is dropped. Made by [`Table::pin`].
///
/// Pins nest, of one table and of several, and are dropped in any order.
///
/// ```
/// use streamgauge_table::{Entry, Table};
///
/// let table = Table::with_room_for(0);
/// let entry = Entry::new(b"a", 1);
/// let _ = table.claim(&entry, || Ok::<_, ()>(()));
/// let pin = table.pin();
/// let found = pin.find(b"a").unwrap();
/// table.remove(&entry);
/// drop(entry);
/// assert_eq!(table.reclaim().freed, 0);
/// assert_eq!(**found, 1);
/// drop(pin);
/// assert_eq!(table.reclaim().freed, 1);
/// ```
pub struct Pin<'t, T, S = ahash::RandomState> {
    table: &'t Table<T, S>,
    _hold: Hold,
}

impl<'t, T, S: BuildHasher> Pin<'t, T, S> {
    #[inline]
    pub(crate) fn new(table: &'t Table<T, S>, hold: Hold) -> Self {
        Self { table, _hold: hold }
    }

    /// Looks a key up.
    ///
    /// Cost: a hash and two cache misses, the bucket's and the entry's; no lock; no alloc; no free.
    #[must_use]
    #[inline]
    pub fn find(&self, key: &[u8]) -> Option<Found<'_, T>> {
        self.find_hashed(self.table.hash(key), key)
    }

    /// Looks up the key of each item, and passes the item's index, the item and what is there to `found`, in order.
    ///
    /// The memory of many items is waited for at once: where the table is larger than the cache, this is faster than one
    /// lookup after the other. Each item is looked up when its turn has come, after `found` has returned from the one
    /// before.
    ///
    /// Cost: for each item, a hash and the share of two cache misses; no lock; no alloc; no free.
    #[inline]
    pub fn find_each<I>(
        &self,
        items: &[I],
        key: impl Fn(&I) -> &[u8],
        mut found: impl FnMut(usize, &I, Option<&Entry<T>>),
    ) {
        let mut hashes = [Hash::from_bits(0); ABREAST];
        for (turn, items) in items.chunks(ABREAST).enumerate() {
            let directory = self.table.root().directory();
            for (hash, item) in hashes.iter_mut().zip(items) {
                *hash = self.table.hash(key(item));
                directory.segment(*hash).prefetch_bucket(*hash);
            }
            for hash in &hashes[..items.len()] {
                directory.segment(*hash).prefetch_entry(*hash);
            }
            for (at, (hash, item)) in hashes.iter().zip(items).enumerate() {
                let entry = self.find_hashed(*hash, key(item));
                found(turn * ABREAST + at, item, entry.as_deref());
            }
        }
    }

    #[inline]
    fn find_hashed(&self, hash: Hash, key: &[u8]) -> Option<Found<'_, T>> {
        let entry = self.table.root().directory().segment(hash).find(hash, key)?;
        Some(Found {
            // SAFETY: this pin keeps the entry there as long as what is returned can be used, and it is not dropped.
            entry: ManuallyDrop::new(unsafe { Entry::from_pointer(entry) }),
            pin: PhantomData,
        })
    }
}

impl<T, S> fmt::Debug for Pin<'_, T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pin").finish_non_exhaustive()
    }
}

/// An entry that was found, as long as the pin is held. It is no clone: to keep the entry, clone it.
pub struct Found<'p, T> {
    entry: ManuallyDrop<Entry<T>>,
    pin: PhantomData<&'p Entry<T>>,
}

impl<T> Deref for Found<'_, T> {
    type Target = Entry<T>;

    #[inline]
    fn deref(&self) -> &Entry<T> {
        &self.entry
    }
}

impl<T: fmt::Debug> fmt::Debug for Found<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
