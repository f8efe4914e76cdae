//! scc: buckets of 32 slots read without a lock; readers help to move buckets.

use super::session::Key;
use crate::meter::Meter;

/// Sessions by id.
#[derive(Debug, Default)]
pub struct Scc(scc::HashIndex<Key, (), ahash::RandomState>);

impl Meter for Scc {
    const NAME: &'static str = "scc";

    fn register(&self, id: &str) -> bool {
        self.0.insert_sync(Key::new(id), ()).is_ok()
    }

    fn unregister(&self, id: &str) -> bool {
        self.0.remove_sync(id.as_bytes())
    }

    #[inline]
    fn ingress(&self, id: &str, bytes: u64) -> bool {
        self.0
            .peek_with(id.as_bytes(), |session, ()| session.count().add(bytes))
            .is_some()
    }

    fn total(&self) -> u64 {
        let mut total = 0;
        self.0.iter_sync(|session, ()| {
            total += session.count().bytes();
            true
        });
        total
    }
}
