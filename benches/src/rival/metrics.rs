//! `metrics`: a counter with the id as a label, in the registry that the crate's exporters keep theirs in.
//!
//! What a call does is what the `counter!` macro does with an id that is not a literal: it builds the key, asks the recorder
//! for the counter, and increments it. An unknown id makes a new counter.

use metrics::{CounterFn, Key, Label};
use metrics_util::registry::{AtomicStorage, Registry};

use crate::meter::Meter;

/// Counters by id.
#[derive(Debug)]
pub struct Metrics(Registry<Key, AtomicStorage>);

impl Default for Metrics {
    fn default() -> Self {
        Self(Registry::new(AtomicStorage))
    }
}

#[inline]
fn key(id: &str) -> Key {
    Key::from_parts("ingress_bytes", vec![Label::new("id", id.to_owned())])
}

impl Meter for Metrics {
    const NAME: &'static str = "metrics";

    fn register(&self, id: &str) -> bool {
        if self.0.get_counter(&key(id)).is_some() {
            return false;
        }
        self.0.get_or_create_counter(&key(id), |_| ());
        true
    }

    fn unregister(&self, id: &str) -> bool {
        self.0.delete_counter(&key(id))
    }

    #[inline]
    fn ingress(&self, id: &str, bytes: u64) -> bool {
        self.0
            .get_or_create_counter(&key(id), |counter| CounterFn::increment(counter, bytes));
        true
    }

    fn total(&self) -> u64 {
        let mut total = 0;
        self.0.visit_counters(|_, counter| {
            // Relaxed: read while nobody counts.
            total += counter.load(std::sync::atomic::Ordering::Relaxed);
        });
        total
    }
}
