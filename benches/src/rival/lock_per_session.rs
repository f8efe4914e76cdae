//! A collector with a lock for each session, as a straightforward port of one written around mutexes would be.
//!
//! The map is behind a reader-writer lock, a session behind a mutex. A session that times out has to know when it was last
//! used: reading the clock at each call is the only cost that its timer is charged with here.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Instant;

use crate::meter::Meter;

#[derive(Debug)]
struct Session {
    rx_bytes: u64,
    last_activity: Instant,
}

/// Sessions by id.
#[derive(Debug, Default)]
pub struct LockPerSession<S = ahash::RandomState>(RwLock<HashMap<Box<str>, Mutex<Session>, S>>);

/// With the hash that it has by default.
pub type LockByDefault = LockPerSession<RandomState>;

impl<S: BuildHasher + Default + Send + Sync + 'static> Meter for LockPerSession<S> {
    const NAME: &'static str = "lock_per_session";

    fn register(&self, id: &str) -> bool {
        let mut sessions = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if sessions.contains_key(id) {
            return false;
        }
        let session = Mutex::new(Session {
            rx_bytes: 0,
            last_activity: Instant::now(),
        });
        sessions.insert(id.into(), session).is_none()
    }

    fn unregister(&self, id: &str) -> bool {
        let mut sessions = self.0.write().unwrap_or_else(PoisonError::into_inner);
        sessions.remove(id).is_some()
    }

    #[inline]
    fn ingress(&self, id: &str, bytes: u64) -> bool {
        let sessions = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(session) = sessions.get(id) else {
            return false;
        };
        let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
        session.rx_bytes += bytes;
        session.last_activity = Instant::now();
        true
    }

    fn total(&self) -> u64 {
        let sessions = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let bytes = |session: &Mutex<Session>| {
            let session = session.lock().unwrap_or_else(PoisonError::into_inner);
            assert!(session.last_activity <= Instant::now());
            session.rx_bytes
        };
        sessions.values().map(bytes).sum()
    }
}
