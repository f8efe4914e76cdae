//! `prometheus-client`: a family of counters with the id as a label. An unknown id makes a new counter.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use crate::meter::Meter;

type Labels = [(&'static str, String); 1];

/// Counters by id.
#[derive(Debug, Default)]
pub struct PrometheusClient {
    counters: Family<Labels, Counter>,
    /// The same counters, to sum them without an export.
    registered: Mutex<HashMap<Box<str>, Counter>>,
}

#[inline]
fn labels(id: &str) -> Labels {
    [("id", id.to_owned())]
}

impl Meter for PrometheusClient {
    const NAME: &'static str = "prometheus_client";

    fn register(&self, id: &str) -> bool {
        let counter = self.counters.get_or_create_owned(&labels(id));
        let mut registered = self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        registered.insert(id.into(), counter).is_none()
    }

    fn unregister(&self, id: &str) -> bool {
        let mut registered = self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        registered.remove(id).is_some() && self.counters.remove(&labels(id))
    }

    #[inline]
    fn ingress(&self, id: &str, bytes: u64) -> bool {
        self.counters.get_or_create(&labels(id)).inc_by(bytes);
        true
    }

    fn total(&self) -> u64 {
        let registered = self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        registered.values().map(Counter::get).sum()
    }
}
