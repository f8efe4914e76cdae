//! Atomics and locks: std's, or loom's where the models are checked.

#[cfg(not(loom))]
pub(crate) use std::cell::Cell;
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering, compiler_fence, fence,
};
#[cfg(not(any(loom, streamgauge_tsan)))]
pub(crate) use std::sync::{Mutex, MutexGuard};

#[cfg(streamgauge_tsan)]
mod mutex;
#[cfg(streamgauge_tsan)]
pub use self::mutex::{Condvar, Mutex, MutexGuard};

#[cfg(loom)]
pub(crate) use loom::cell::Cell;
/// A full fence. Where a pin is left to membarrier(2), each of the two sides has a full fence in effect, when it matters: the
/// reader where the compiler's stands, the reclaimer where the call does.
#[cfg(loom)]
pub(crate) use loom::sync::atomic::fence as compiler_fence;
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};
#[cfg(loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard};

use std::sync::PoisonError;

/// Locks a mutex whose holders leave its contents whole at every step, so that a panic in one of them is no reason to
/// fail the next.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
