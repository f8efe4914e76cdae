//! `prometheus`: a vector of counters with the id as a label. An unknown id makes a new counter.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use prometheus::{IntCounter, IntCounterVec, Opts};

use crate::meter::Meter;

/// Counters by id.
pub struct Prometheus {
    counters: IntCounterVec,
    /// The same counters, to sum them without an export.
    registered: Mutex<HashMap<Box<str>, IntCounter>>,
}

impl Default for Prometheus {
    #[expect(
        clippy::expect_used,
        reason = "name and label are constants that the crate accepts"
    )]
    fn default() -> Self {
        Self {
            counters: IntCounterVec::new(Opts::new("ingress_bytes", "bytes by session"), &["id"])
                .expect("the name is valid"),
            registered: Mutex::default(),
        }
    }
}

impl fmt::Debug for Prometheus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prometheus").finish_non_exhaustive()
    }
}

impl Meter for Prometheus {
    const NAME: &'static str = "prometheus";

    fn register(&self, id: &str) -> bool {
        let counter = self.counters.with_label_values(&[id]);
        let mut registered = self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        registered.insert(id.into(), counter).is_none()
    }

    fn unregister(&self, id: &str) -> bool {
        let mut registered = self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        registered.remove(id).is_some() && self.counters.remove_label_values(&[id]).is_ok()
    }

    #[inline]
    fn ingress(&self, id: &str, bytes: u64) -> bool {
        self.counters.with_label_values(&[id]).inc_by(bytes);
        true
    }

    fn total(&self) -> u64 {
        let registered = self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        registered.values().map(IntCounter::get).sum()
    }
}
