//! papaya: open addressing over boxed entries; only writers move entries.

use super::session::Key;
use crate::meter::Meter;

/// Sessions by id.
#[derive(Debug, Default)]
pub struct Papaya(papaya::HashMap<Key, (), ahash::RandomState>);

impl Meter for Papaya {
    const NAME: &'static str = "papaya";

    fn register(&self, id: &str) -> bool {
        self.0.pin().try_insert(Key::new(id), ()).is_ok()
    }

    fn unregister(&self, id: &str) -> bool {
        self.0.pin().remove(id.as_bytes()).is_some()
    }

    #[inline]
    fn ingress(&self, id: &str, bytes: u64) -> bool {
        let sessions = self.0.pin();
        sessions
            .get_key_value(id.as_bytes())
            .map(|(session, ())| session.count().add(bytes))
            .is_some()
    }

    fn total(&self) -> u64 {
        self.0.pin().keys().map(|session| session.count().bytes()).sum()
    }
}
