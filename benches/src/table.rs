//! The rival session tables, each with the four operations that a session table needs.

use std::borrow::Borrow;
use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::id::ID_LEN;

/// A session as small as it can be: its id and a counter.
#[derive(Debug)]
pub struct Session {
    id: [u8; ID_LEN],
    bytes: AtomicU64,
}

impl Session {
    /// A session that has counted nothing.
    #[must_use]
    pub fn new(id: &[u8]) -> Arc<Self> {
        let mut own = [0; ID_LEN];
        own.copy_from_slice(id);
        Arc::new(Self {
            id: own,
            bytes: AtomicU64::new(0),
        })
    }

    /// Counts `bytes`.
    #[inline]
    pub fn add(&self, bytes: u64) {
        // Relaxed: a count, ordered with nothing.
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// What was counted.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        // Relaxed: read after the threads were joined.
        self.bytes.load(Ordering::Relaxed)
    }
}

thread_local! {
    static KEYS_HASHED: Cell<u64> = const { Cell::new(0) };
}

/// How many stored keys (not searched ids) the calling thread has hashed.
///
/// A table hashes a stored key when it inserts it and when it moves it to a larger table, so on a thread that only
/// looks up this counts the entries that the thread moved.
#[must_use]
pub fn keys_hashed() -> u64 {
    KEYS_HASHED.get()
}

/// A session as a key that hashes and compares as its id.
#[derive(Clone, Debug)]
pub struct Key(Arc<Session>);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        KEYS_HASHED.set(KEYS_HASHED.get() + 1);
        self.0.id[..].hash(state);
    }
}

impl PartialEq for Key {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Key {}

impl Borrow<[u8]> for Key {
    #[inline]
    fn borrow(&self) -> &[u8] {
        &self.0.id
    }
}

/// What the session table is asked to do.
pub trait Table: Default + Send + Sync + 'static {
    /// The name in benchmark ids.
    const NAME: &'static str;

    /// What keeps a thread pinned, where the table has pins; elsewhere the table itself.
    type Pin<'t>;

    /// Registers a session; false where the id is known.
    fn insert(&self, session: Arc<Session>) -> bool;

    /// Unregisters an id; false where it is unknown.
    fn remove(&self, id: &[u8]) -> bool;

    /// Finds the session and counts; false where the id is unknown.
    fn add(&self, id: &[u8], bytes: u64) -> bool;

    /// Pins the thread for many calls.
    fn pin(&self) -> Self::Pin<'_>;

    /// Does as [`add`](Self::add) does, on a pinned thread.
    fn add_pinned(pin: &Self::Pin<'_>, id: &[u8], bytes: u64) -> bool;
}

/// scc: buckets of 32 slots read without a lock; readers help to move buckets.
#[derive(Debug, Default)]
pub struct Scc(scc::HashIndex<Key, (), ahash::RandomState>);

impl Table for Scc {
    const NAME: &'static str = "scc";

    type Pin<'t> = (&'t Self, scc::Guard);

    fn insert(&self, session: Arc<Session>) -> bool {
        self.0.insert_sync(Key(session), ()).is_ok()
    }

    fn remove(&self, id: &[u8]) -> bool {
        self.0.remove_sync(id)
    }

    #[inline]
    fn add(&self, id: &[u8], bytes: u64) -> bool {
        self.0.peek_with(id, |key, ()| key.0.add(bytes)).is_some()
    }

    fn pin(&self) -> Self::Pin<'_> {
        (self, scc::Guard::new())
    }

    #[inline]
    fn add_pinned(pin: &Self::Pin<'_>, id: &[u8], bytes: u64) -> bool {
        // Nothing but the key holds the session, and only peek_with shows the key: its own guard nests in ours.
        pin.0.add(id, bytes)
    }
}

/// scc with room for a million sessions from the start, which it then never grows nor shrinks below.
#[derive(Debug)]
pub struct SccReserved(Scc);

impl Default for SccReserved {
    fn default() -> Self {
        Self(Scc(scc::HashIndex::with_capacity_and_hasher(
            1_000_000,
            ahash::RandomState::new(),
        )))
    }
}

impl Table for SccReserved {
    const NAME: &'static str = "scc_reserved";

    type Pin<'t> = <Scc as Table>::Pin<'t>;

    fn insert(&self, session: Arc<Session>) -> bool {
        self.0.insert(session)
    }

    fn remove(&self, id: &[u8]) -> bool {
        self.0.remove(id)
    }

    #[inline]
    fn add(&self, id: &[u8], bytes: u64) -> bool {
        self.0.add(id, bytes)
    }

    fn pin(&self) -> Self::Pin<'_> {
        self.0.pin()
    }

    #[inline]
    fn add_pinned(pin: &Self::Pin<'_>, id: &[u8], bytes: u64) -> bool {
        Scc::add_pinned(pin, id, bytes)
    }
}

/// papaya: open addressing over boxed entries; only writers move entries.
#[derive(Debug, Default)]
pub struct Papaya(papaya::HashMap<Key, (), ahash::RandomState>);

impl Table for Papaya {
    const NAME: &'static str = "papaya";

    type Pin<'t> = papaya::HashMapRef<'t, Key, (), ahash::RandomState, papaya::LocalGuard<'t>>;

    fn insert(&self, session: Arc<Session>) -> bool {
        self.0.pin().try_insert(Key(session), ()).is_ok()
    }

    fn remove(&self, id: &[u8]) -> bool {
        self.0.pin().remove(id).is_some()
    }

    #[inline]
    fn add(&self, id: &[u8], bytes: u64) -> bool {
        Self::add_pinned(&self.0.pin(), id, bytes)
    }

    fn pin(&self) -> Self::Pin<'_> {
        self.0.pin()
    }

    #[inline]
    fn add_pinned(pin: &Self::Pin<'_>, id: &[u8], bytes: u64) -> bool {
        pin.get_key_value(id).map(|(key, ())| key.0.add(bytes)).is_some()
    }
}

/// `DashMap`: what a user would write first. Shards behind reader-writer locks.
#[derive(Debug, Default)]
pub struct Dash(dashmap::DashMap<Box<[u8]>, Arc<Session>, ahash::RandomState>);

impl Table for Dash {
    const NAME: &'static str = "dashmap";

    type Pin<'t> = &'t Self;

    fn insert(&self, session: Arc<Session>) -> bool {
        match self.0.entry(session.id.into()) {
            dashmap::Entry::Occupied(_) => false,
            dashmap::Entry::Vacant(vacant) => {
                vacant.insert(session);
                true
            }
        }
    }

    fn remove(&self, id: &[u8]) -> bool {
        self.0.remove(id).is_some()
    }

    #[inline]
    fn add(&self, id: &[u8], bytes: u64) -> bool {
        self.0.get(id).map(|session| session.add(bytes)).is_some()
    }

    fn pin(&self) -> Self::Pin<'_> {
        self
    }

    #[inline]
    fn add_pinned(pin: &Self::Pin<'_>, id: &[u8], bytes: u64) -> bool {
        pin.add(id, bytes)
    }
}

/// One mutex around the standard library's map.
#[derive(Debug, Default)]
pub struct Locked(Mutex<HashMap<Key, (), ahash::RandomState>>);

impl Table for Locked {
    const NAME: &'static str = "mutex";

    type Pin<'t> = &'t Self;

    fn insert(&self, session: Arc<Session>) -> bool {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if map.contains_key(&session.id[..]) {
            return false;
        }
        map.insert(Key(session), ()).is_none()
    }

    fn remove(&self, id: &[u8]) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id)
            .is_some()
    }

    #[inline]
    fn add(&self, id: &[u8], bytes: u64) -> bool {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        map.get_key_value(id).map(|(key, ())| key.0.add(bytes)).is_some()
    }

    fn pin(&self) -> Self::Pin<'_> {
        self
    }

    #[inline]
    fn add_pinned(pin: &Self::Pin<'_>, id: &[u8], bytes: u64) -> bool {
        pin.add(id, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::IdBuffer;

    fn registers_finds_and_forgets<T: Table>() {
        let (table, mut id) = (T::default(), IdBuffer::default());
        let session = Session::new(id.format(7));
        assert!(!table.add(id.format(7), 1));
        assert!(table.insert(Arc::clone(&session)));
        assert!(!table.insert(Session::new(id.format(7))));
        assert!(table.add(id.format(7), 1));
        assert!(T::add_pinned(&table.pin(), id.format(7), 2));
        assert!(table.remove(id.format(7)) && !table.remove(id.format(7)));
        assert!(!table.add(id.format(7), 4));
        assert_eq!(session.bytes(), 3);
    }

    #[test]
    fn every_table_registers_finds_and_forgets() {
        registers_finds_and_forgets::<Scc>();
        registers_finds_and_forgets::<SccReserved>();
        registers_finds_and_forgets::<Papaya>();
        registers_finds_and_forgets::<Dash>();
        registers_finds_and_forgets::<Locked>();
    }

    #[test]
    fn looking_up_hashes_no_stored_key() {
        let (table, mut id) = (Scc::default(), IdBuffer::default());
        table.insert(Session::new(id.format(7)));
        let before = keys_hashed();
        table.add(id.format(7), 1);
        assert_eq!(keys_hashed(), before);
    }
}
