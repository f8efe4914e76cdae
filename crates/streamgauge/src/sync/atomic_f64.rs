//! What stands for atomic_float's `AtomicF64` in the models: a number in one word, with the orderings that it is given.

use super::{AtomicU64, Ordering};

/// One number.
#[derive(Debug)]
pub(crate) struct AtomicF64(AtomicU64);

impl AtomicF64 {
    pub(crate) fn load(&self, ordering: Ordering) -> f64 {
        f64::from_bits(self.0.load(ordering))
    }

    pub(crate) fn store(&self, number: f64, ordering: Ordering) {
        self.0.store(number.to_bits(), ordering);
    }
}

impl Default for AtomicF64 {
    fn default() -> Self {
        Self(AtomicU64::new(0))
    }
}
