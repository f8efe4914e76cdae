//! Values that one thread replaces and others load without waiting: the one place that names arc-swap.
//!
//! arc-swap's loads are wait-free for readers that hold few guards at a time (its debt slots are per thread; past them a
//! load takes a reference count instead). A swap waits for nobody; it settles the debts of readers it finds. In the models
//! something stands for it that promises less.

#[cfg(loom)]
mod sequence;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

#[cfg(not(loom))]
use arc_swap::{ArcSwap, ArcSwapOption};

#[cfg(loom)]
use self::sequence::{ArcSwap, ArcSwapOption};

/// A slot that always holds a value.
pub(crate) struct Slot<T>(ArcSwap<T>);

impl<T> Slot<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self(ArcSwap::new(value))
    }

    #[inline]
    pub(crate) fn load_full(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// Loads without touching a reference count, for the length of a borrow.
    #[inline]
    pub(crate) fn load(&self) -> impl Deref<Target = Arc<T>> {
        self.0.load()
    }

    pub(crate) fn swap(&self, value: Arc<T>) -> Arc<T> {
        self.0.swap(value)
    }
}

impl<T: fmt::Debug> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Slot").field(&*self.load()).finish()
    }
}

/// A slot that may be empty, and is a single word then.
pub(crate) struct OptionalSlot<T>(ArcSwapOption<T>);

impl<T> OptionalSlot<T> {
    pub(crate) fn empty() -> Self {
        Self(ArcSwapOption::empty())
    }

    pub(crate) fn load(&self) -> Option<Arc<T>> {
        self.0.load_full()
    }

    pub(crate) fn store(&self, value: Option<Arc<T>>) {
        self.0.store(value);
    }
}

impl<T: fmt::Debug> fmt::Debug for OptionalSlot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OptionalSlot").field(&self.load()).finish()
    }
}

/// Makes this thread's part of arc-swap, so that a first load does not.
pub(crate) fn prepare_thread() {
    drop(Slot::new(Arc::new(())).load_full());
}
