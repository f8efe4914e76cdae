//! A session as small as it can be: its id and a counter; and as a key of the maps that can search by less than a key.

use std::borrow::Borrow;
use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::id::ID_LEN;

/// One counter.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Counts `bytes`.
    #[inline]
    pub fn add(&self, bytes: u64) {
        // Relaxed: a count, ordered with nothing.
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// What was counted.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        // Relaxed: read while nobody counts.
        self.0.load(Ordering::Relaxed)
    }
}

/// A session.
#[derive(Debug)]
pub struct Session {
    id: [u8; ID_LEN],
    count: Count,
}

thread_local! {
    static KEYS_HASHED: Cell<u64> = const { Cell::new(0) };
}

/// How many stored keys (not searched ids) the calling thread has hashed.
///
/// A map hashes a stored key when it inserts it and when it moves it to a larger array, so on a thread that only looks up
/// this counts the entries that the thread moved.
#[must_use]
pub fn keys_hashed() -> u64 {
    KEYS_HASHED.get()
}

/// A session as a key that hashes and compares as its id.
#[derive(Clone, Debug)]
pub struct Key(Arc<Session>);

impl Key {
    /// A session that has counted nothing.
    ///
    /// # Panics
    ///
    /// Panics unless the id has [`ID_LEN`] bytes.
    #[must_use]
    pub fn new(id: &str) -> Self {
        let mut own = [0; ID_LEN];
        own.copy_from_slice(id.as_bytes());
        Self(Arc::new(Session {
            id: own,
            count: Count::default(),
        }))
    }

    /// The session's counter.
    #[inline]
    #[must_use]
    pub fn count(&self) -> &Count {
        &self.0.count
    }
}

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

#[cfg(test)]
mod tests {
    use super::keys_hashed;
    use crate::id::IdBuffer;
    use crate::meter::Meter;
    use crate::rival::Scc;

    #[test]
    fn counting_hashes_no_stored_key() {
        let (table, mut id) = (Scc::default(), IdBuffer::default());
        table.register(id.format(7));
        let before = keys_hashed();
        assert!(table.ingress(id.format(7), 1));
        assert_eq!(keys_hashed(), before);
        assert!(before > 0);
    }
}
