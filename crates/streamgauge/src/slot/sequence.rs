//! What stands for arc-swap in the models: all values that a slot ever held, and the number of the last.
//!
//! A load that a swap happened before finds its value or a later one; any other load may find an older one, as long as it has
//! found no later one before. Values are kept for the length of the model.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use loom::sync::atomic::AtomicUsize;

use crate::sync::Ordering;

pub(super) type ArcSwap<T> = Sequence<Arc<T>>;
pub(super) type ArcSwapOption<T> = Sequence<Option<Arc<T>>>;

/// A slot and its past.
pub(super) struct Sequence<V> {
    values: Mutex<Vec<V>>,
    last: AtomicUsize,
}

impl<V: Clone> Sequence<V> {
    pub(super) fn new(value: V) -> Self {
        Self {
            values: Mutex::new(vec![value]),
            last: AtomicUsize::new(0),
        }
    }

    pub(super) fn load_full(&self) -> V {
        // Acquire: what the value's maker wrote. Pairs with AcqRel in swap() [M1].
        let last = self.last.load(Ordering::Acquire);
        self.values()[last].clone()
    }

    pub(super) fn load(&self) -> Box<V> {
        Box::new(self.load_full())
    }

    pub(super) fn swap(&self, value: V) -> V {
        let number = {
            let mut values = self.values();
            values.push(value);
            values.len() - 1
        };
        // AcqRel: publishes the value, and takes what was published before. Pairs with Acquire in load_full() [M1].
        let before = self.last.swap(number, Ordering::AcqRel);
        self.values()[before].clone()
    }

    pub(super) fn store(&self, value: V) {
        drop(self.swap(value));
    }

    /// No thread of a model is stopped while it holds this.
    fn values(&self) -> MutexGuard<'_, Vec<V>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Sequence<Option<Arc<T>>> {
    pub(super) fn empty() -> Self {
        Self::new(None)
    }
}

impl<V> fmt::Debug for Sequence<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sequence").finish_non_exhaustive()
    }
}
