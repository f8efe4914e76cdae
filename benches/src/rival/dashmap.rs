//! `DashMap` of counters: what a user would write first. Shards behind reader-writer locks.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::session::Count;
use crate::meter::Meter;

/// Counters by id.
#[derive(Debug, Default)]
pub struct Dash<S: BuildHasher + Clone = ahash::RandomState>(dashmap::DashMap<Box<str>, Arc<Count>, S>);

/// With the hash that it has by default.
pub type DashByDefault = Dash<RandomState>;

impl<S: BuildHasher + Clone + Default + Send + Sync + 'static> Meter for Dash<S> {
    const NAME: &'static str = "dashmap";

    fn register(&self, id: &str) -> bool {
        match self.0.entry(id.into()) {
            dashmap::Entry::Occupied(_) => false,
            dashmap::Entry::Vacant(vacant) => {
                vacant.insert(Arc::default());
                true
            }
        }
    }

    fn unregister(&self, id: &str) -> bool {
        self.0.remove(id).is_some()
    }

    #[inline]
    fn ingress(&self, id: &str, bytes: u64) -> bool {
        self.0.get(id).map(|count| count.add(bytes)).is_some()
    }

    fn total(&self) -> u64 {
        self.0.iter().map(|count| count.bytes()).sum()
    }
}
