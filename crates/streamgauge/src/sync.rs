//! Atomics and locks: std's, or loom's where the models are checked.
//!
//! Atomics are imported by the newtypes that own a protocol alone (`session::counter`, `session::phase`, `session::top`,
//! `session::writer`, `collector::population`, and the bitrates in `collector::core`), so every `Ordering` of the crate
//! stands beside the rule it keeps.

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
#[cfg(not(loom))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
#[cfg(loom)]
pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};

use std::sync::PoisonError;

/// Locks a mutex whose holders leave its contents whole at every step, so that a panic in one of them is no reason to
/// fail the next.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
