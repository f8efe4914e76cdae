//! The table: lookups without a lock, writers one at a time, and one call that frees.

use std::fmt;
use std::hash::BuildHasher;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;

use ahash::RandomState;

use crate::domain::Domain;
use crate::entry::Entry;
use crate::hash::Hash;
use crate::hold::Hold;
use crate::layout::Layout;
use crate::pin::Pin;
use crate::retired::Waiting;
use crate::root::Root;
use crate::sync::{Mutex, lock};

/// What became of a [`Table::claim`].
#[derive(Debug)]
pub enum Claim<T, E> {
    /// The entry is in the table.
    Inserted,
    /// This other entry has the key.
    Taken(Entry<T>),
    /// `announce` would not have it.
    Declined(E),
}

/// What a [`Table::reclaim`] did, in entries and parts of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reclaimed {
    /// How many were freed.
    pub freed: usize,
    /// How many wait for pins that are held.
    pub waiting: usize,
}

/// Entries by key.
///
/// Lookups from any thread take no lock, allocate nothing and free nothing, whatever other threads do. Insertions and
/// removals take one lock. What they take out of the table is freed by [`reclaim`](Self::reclaim), and by nothing else.
///
/// ```
/// use streamgauge_table::{Claim, Entry, Table};
///
/// let table = Table::with_room_for(0);
/// let entry = Entry::new(b"viewer-7", 42);
/// assert!(matches!(table.claim(&entry, || Ok::<_, ()>(())), Claim::Inserted));
/// assert_eq!(table.with(b"viewer-7", |entry| **entry), Some(42));
/// assert_eq!(table.with(b"viewer-8", |entry| **entry), None);
/// assert!(table.remove(&entry));
/// assert_eq!(table.with(b"viewer-7", |entry| **entry), None);
/// assert_eq!(table.reclaim().freed, 1);
/// ```
pub struct Table<T, S = RandomState> {
    root: Root<T>,
    state: S,
    apart: Apart<T>,
}

/// What writers touch, on lines of its own: lookups find theirs undisturbed.
#[repr(align(128))]
struct Apart<T> {
    layout: Mutex<Layout<T>>,
    waiting: Mutex<Waiting<T>>,
    /// The table gives and drops entries on any thread that has it.
    owns: PhantomData<Entry<T>>,
}

impl<T> Table<T> {
    /// A table that has room for some entries from the start, and below that hardly grows: a part is split now and then, where
    /// hashes crowd.
    ///
    /// Keys are hashed with a random seed of the table's own.
    ///
    /// Cost: an allocation of 4 KiB for each 200 entries, rounded up to a power of two.
    #[must_use]
    pub fn with_room_for(entries: usize) -> Self {
        Self::with_hasher(entries, random_state())
    }
}

#[cfg(not(loom))]
fn random_state() -> RandomState {
    RandomState::new()
}

/// The same each time: a model is run again and again, and has to take the same steps.
#[cfg(loom)]
fn random_state() -> RandomState {
    RandomState::with_seeds(1, 2, 3, 4)
}

impl<T, S: BuildHasher> Table<T, S> {
    /// As [`with_room_for`](Table::with_room_for), with a hash of the caller's choice: a good one in all of its bits.
    #[must_use]
    pub fn with_hasher(entries: usize, state: S) -> Self {
        let layout = Layout::with_room_for(entries);
        Self {
            root: Root::new(layout.directory_pointer()),
            state,
            apart: Apart {
                layout: Mutex::new(layout),
                waiting: Mutex::new(Waiting::default()),
                owns: PhantomData,
            },
        }
    }

    /// Looks a key up and passes what is there to `found`.
    ///
    /// Cost: a hash and two cache misses, the bucket's and the entry's; two stores to the thread's own line; no lock; no
    /// alloc; no free.
    #[inline]
    pub fn with<R>(&self, key: &[u8], found: impl FnOnce(&Entry<T>) -> R) -> Option<R> {
        let pin = self.pin();
        let entry = pin.find(key)?;
        Some(found(&entry))
    }

    /// Pins the thread, so that many lookups pay for it once.
    ///
    /// What the table retires meanwhile waits; nobody else does.
    ///
    /// Cost: two stores to the thread's own line; no lock. The first pin of a thread may allocate a record for it.
    #[inline]
    pub fn pin(&self) -> Pin<'_, T, S> {
        Pin::new(self, Hold::new())
    }

    /// Inserts an entry whose key is free.
    ///
    /// `announce` runs when that is settled, before any lookup can find the entry, and may decline. It runs under the lock
    /// that serializes insertions and removals: of this table it may use lookups alone.
    ///
    /// Cost: a lock and a hash; at most one part of the table is split, which copies up to 448 entries, in most calls none.
    pub fn claim<E>(&self, entry: &Entry<T>, announce: impl FnOnce() -> Result<(), E>) -> Claim<T, E> {
        let hash = self.hash(entry.key());
        let mut layout = lock(&self.apart.layout);
        if let Some(found) = layout.find(hash, entry.key()) {
            // SAFETY: the entry is in the table, whose reference it is, and stays there while the lock is held; it is not
            // dropped.
            let found = ManuallyDrop::new(unsafe { Entry::from_pointer(found) });
            return Claim::Taken(Entry::clone(&found));
        }
        if let Err(declined) = announce() {
            return Claim::Declined(declined);
        }
        layout.put(&self.root, &self.state, hash, entry.clone());
        Claim::Inserted
    }

    /// Removes this very entry, never another one with its key. Answers whether it was there.
    ///
    /// Lookups that begin afterwards do not find it. It is freed by a later [`reclaim`](Self::reclaim), when neither a pin
    /// nor a clone holds it.
    ///
    /// Cost: a lock and a hash; no free.
    pub fn remove(&self, entry: &Entry<T>) -> bool {
        let hash = self.hash(entry.key());
        lock(&self.apart.layout).remove(hash, entry)
    }

    /// Every entry that is in the table from the beginning to the end of the call, once, and some of those that come or go
    /// meanwhile. In no order.
    ///
    /// Cost: the lock, again and again, for a few hundred entries each time.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry<T>> {
        let mut entries = Vec::with_capacity(self.len());
        let mut next = Some(Hash::from_bits(0));
        // Each turn takes the hashes of one segment, as the table is laid out at that moment. Whatever is split meanwhile,
        // the next turn goes on where those hashes end.
        while let Some(hash) = next {
            next = lock(&self.apart.layout).clone_segment(hash, &mut entries);
        }
        entries
    }

    /// How many entries there are.
    ///
    /// Cost: the lock.
    #[must_use]
    pub fn len(&self) -> usize {
        lock(&self.apart.layout).len()
    }

    /// Whether there is no entry.
    ///
    /// Cost: as [`len`](Self::len).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Frees what was taken out of the table and what it outgrew, as far as no pin can have it any more. The only call that
    /// frees; it is for one thread that has the time, and calls it now and then.
    ///
    /// A pin holds back what was retired since it began, here and in every other table. Nothing waits for it. Values are
    /// dropped on the calling thread, with none of the table's locks held.
    ///
    /// Cost: if there is something to free, a membarrier(2) or what stands in for it, a cache line for each thread, and the
    /// frees.
    pub fn reclaim(&self) -> Reclaimed {
        let mut waiting = lock(&self.apart.waiting);
        let retired = lock(&self.apart.layout).take_retired();
        let domain = Domain::global();
        if retired.len() > 0 {
            waiting.add(domain.advance(), retired);
        }
        if waiting.is_empty() {
            return Reclaimed::default();
        }
        let ripe = match domain.oldest_pin() {
            Some(oldest) => waiting.take_ripe(oldest),
            None => Vec::new(),
        };
        let left = waiting.len();
        drop(waiting);
        Reclaimed {
            freed: ripe.iter().map(|retired| retired.len()).sum(),
            waiting: left,
        }
    }

    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> Hash {
        Hash::of(key, &self.state)
    }

    #[inline]
    pub(crate) fn root(&self) -> &Root<T> {
        &self.root
    }
}

impl<T, S> fmt::Debug for Table<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").finish_non_exhaustive()
    }
}

/// Makes this thread's record, so that its first lookup allocates nothing.
///
/// Cost: at most one allocation; what a thread that ended has left is used again.
pub fn prepare_thread() {
    drop(Hold::new());
}

/// Has readers pin by a swap, as where membarrier(2) is missing, and answers whether they do: too late after the first pin.
/// For tests.
#[cfg(not(loom))]
#[doc(hidden)]
#[must_use]
pub fn pin_by_swap() -> bool {
    crate::barrier::Barrier::choose_readers()
}
