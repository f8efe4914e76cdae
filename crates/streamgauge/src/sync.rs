//! Atomics, locks, and what is built on them elsewhere: std's, or loom's where the models are checked.
//!
//! Loom sees neither into once_cell nor into atomic_float. Under the models something of its own stands for each, which
//! promises the least that this crate relies on: docs/memory-model.md lists them.
//!
//! Atomics are imported by the newtypes that own a protocol alone (`session::counter`, `session::phase`, `session::top`,
//! `session::writer`, `collector::population`, and the bitrates in `collector::core`), so every `Ordering` of the crate
//! stands beside the rule it keeps.

#[cfg(loom)]
mod atomic_f64;
#[cfg(loom)]
mod once_box;

#[cfg(not(loom))]
pub(crate) use atomic_float::AtomicF64;
#[cfg(not(loom))]
pub(crate) use once_cell::race::OnceBox;
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
#[cfg(not(any(loom, streamgauge_tsan)))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
#[cfg(streamgauge_tsan)]
pub(crate) use streamgauge_table::{Condvar, Mutex, MutexGuard};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
#[cfg(loom)]
pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};

#[cfg(loom)]
pub(crate) use self::{atomic_f64::AtomicF64, once_box::OnceBox};

use std::sync::PoisonError;

/// Locks a mutex whose holders leave its contents whole at every step, so that a panic in one of them is no reason to
/// fail the next.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
