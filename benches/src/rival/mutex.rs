//! One mutex around the standard library's map of plain counters.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::meter::Meter;

/// Counters by id.
#[derive(Debug, Default)]
pub struct Locked(Mutex<HashMap<Box<str>, u64, ahash::RandomState>>);

impl Locked {
    fn map(&self) -> MutexGuard<'_, HashMap<Box<str>, u64, ahash::RandomState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Meter for Locked {
    const NAME: &'static str = "mutex";

    fn register(&self, id: &str) -> bool {
        let mut map = self.map();
        if map.contains_key(id) {
            return false;
        }
        map.insert(id.into(), 0).is_none()
    }

    fn unregister(&self, id: &str) -> bool {
        self.map().remove(id).is_some()
    }

    #[inline]
    fn ingress(&self, id: &str, bytes: u64) -> bool {
        self.map().get_mut(id).map(|count| *count += bytes).is_some()
    }

    fn total(&self) -> u64 {
        self.map().values().sum()
    }
}
