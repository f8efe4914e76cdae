//! The session table: id to session, looked up without locks. The only file that names the map.
//!
//! The map is scc's `HashIndex`: lookups take no lock; insertions and removals lock one bucket. The shared session is its
//! own key, hashed and compared by its id, so a lookup touches a bucket and the session. What a lookup may still do on its
//! own thread while the table grows, and what that means for P3, is said in docs/limitations.md; the choice and its
//! figures in docs/adr/0001-session-table.md.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};

use ahash::RandomState;
use scc::hash_index::Entry;
use scc::{Guard, HashIndex};

use crate::collector::population::Population;
use crate::direction::Direction;
use crate::session::core::SessionRef;
use crate::verdict::Verdict;

/// A session as a key: it hashes and compares as its id does.
#[derive(Clone)]
struct Key(SessionRef);

impl Borrow<[u8]> for Key {
    #[inline]
    fn borrow(&self) -> &[u8] {
        self.0.key()
    }
}

impl Hash for Key {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        Borrow::<[u8]>::borrow(self).hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        Borrow::<[u8]>::borrow(self) == Borrow::<[u8]>::borrow(other)
    }
}

impl Eq for Key {}

/// What became of a [`Table::claim`].
pub(crate) enum Claim<E> {
    /// The session is in the table.
    Inserted,
    /// Another session has its id.
    Taken(SessionRef),
    /// `announce` would not have it.
    Declined(E),
}

/// Lookup by id, with a pin of its own for each call or under a held one.
pub(crate) trait Lookup {
    /// Looks an id up and passes what is there, open or closed, to `found`.
    fn with<R>(&self, id: &[u8], found: impl FnOnce(&SessionRef) -> R) -> Option<R>;

    /// Counts by id: in the open session that has it, or not at all.
    #[inline]
    fn count(&self, population: &Population, id: &[u8], direction: Direction, bytes: u64) -> Verdict {
        match self.with(id, |session| session.count(direction, bytes, || population)) {
            Some(Verdict::Closed(_)) => self.count_again(population, id, direction, bytes),
            Some(verdict) => verdict,
            None => Verdict::Unknown,
        }
    }

    /// Counts in the successor of a closed session, if there is one: looks again while it finds another one than before.
    #[cold]
    fn count_again(&self, population: &Population, id: &[u8], direction: Direction, bytes: u64) -> Verdict {
        let mut met = 0;
        loop {
            let found = self.with(id, |session| {
                (session.count(direction, bytes, || population), session.address())
            });
            match found {
                Some((Verdict::Closed(_), session)) if session != met => met = session,
                Some((Verdict::Closed(_), _)) | None => return Verdict::Unknown,
                Some((verdict, _)) => return verdict,
            }
        }
    }
}

/// Sessions by id.
pub(crate) struct Table {
    // Randomly keyed: ids can come from attackers.
    map: HashIndex<Key, (), RandomState>,
}

impl Table {
    /// A table that does not grow before it holds more than `sessions`.
    pub(crate) fn with_room_for(sessions: usize) -> Self {
        Self {
            map: HashIndex::with_capacity_and_hasher(sessions, RandomState::new()),
        }
    }

    /// Holds the table's memory, so that many lookups pay once.
    #[inline]
    pub(crate) fn pin(&self) -> Pin<'_> {
        Pin {
            table: self,
            guard: Guard::new(),
        }
    }

    /// Inserts a session whose id is free.
    ///
    /// `announce` runs inside the entry's lock, before any lookup can find the session.
    pub(crate) fn claim<E>(
        &self,
        session: &SessionRef,
        announce: impl FnOnce() -> Result<(), E>,
    ) -> Claim<E> {
        match self.map.entry_sync(Key(session.clone())) {
            Entry::Occupied(entry) => Claim::Taken(entry.key().0.clone()),
            Entry::Vacant(entry) => match announce() {
                Ok(()) => {
                    entry.insert_entry(());
                    Claim::Inserted
                }
                Err(declined) => Claim::Declined(declined),
            },
        }
    }

    /// All sessions in the table, in no order.
    pub(crate) fn sessions(&self) -> Vec<SessionRef> {
        let guard = Guard::new();
        self.map.iter(&guard).map(|(key, ())| key.0.clone()).collect()
    }

    /// Removes this very session, never a successor under the same id.
    pub(crate) fn remove(&self, session: &SessionRef) {
        if let Some(entry) = self.map.get_sync(session.key())
            && SessionRef::is_same(&entry.key().0, session)
        {
            entry.remove_entry();
        }
    }
}

impl Lookup for Table {
    #[inline]
    fn with<R>(&self, id: &[u8], found: impl FnOnce(&SessionRef) -> R) -> Option<R> {
        self.map.peek_with(id, |key, ()| found(&key.0))
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").finish_non_exhaustive()
    }
}

/// A hold on the table's memory for a row of lookups.
pub(crate) struct Pin<'a> {
    table: &'a Table,
    guard: Guard,
}

impl Lookup for Pin<'_> {
    #[inline]
    fn with<R>(&self, id: &[u8], found: impl FnOnce(&SessionRef) -> R) -> Option<R> {
        // The map's peek under a given guard returns the value alone, and ours is the key. Entering the epoch again under
        // a held guard is an increment of a thread-local.
        let _held = &self.guard;
        self.table.map.peek_with(id, |key, ()| found(&key.0))
    }
}

/// Makes this thread's part of the map's reclamation, so that a first lookup does not.
pub(crate) fn prepare_thread() {
    drop(Guard::new());
}
