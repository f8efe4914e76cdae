//! A mutex whose order ThreadSanitizer can see. For `.ci/tsan` alone.
//!
//! The standard library is not instrumented, so the sanitizer misses what its locks order where they are contended, and takes all
//! that they guard for racing. Here a word beside the lock is written before it is let go and read after it was taken: it
//! orders what the lock orders, and nothing else.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult, WaitTimeoutResult};
use std::time::Duration;

use super::{AtomicU64, Ordering};

/// A mutex of std's, and the word.
#[derive(Default)]
pub struct Mutex<T: ?Sized> {
    turns: AtomicU64,
    inner: std::sync::Mutex<T>,
}

/// A mutex that is held.
pub struct MutexGuard<'a, T: ?Sized> {
    turns: &'a AtomicU64,
    /// None while a condition is waited for.
    inner: Option<std::sync::MutexGuard<'a, T>>,
}

impl<T> Mutex<T> {
    /// A mutex of its own.
    pub const fn new(value: T) -> Self {
        Self {
            turns: AtomicU64::new(0),
            inner: std::sync::Mutex::new(value),
        }
    }
}

impl<T: ?Sized> Mutex<T> {
    /// As std's.
    ///
    /// # Errors
    ///
    /// As std's.
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        self.told(self.inner.lock())
    }

    /// As std's.
    ///
    /// # Errors
    ///
    /// As std's.
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        match self.inner.try_lock() {
            Ok(inner) => Ok(MutexGuard::taken(&self.turns, inner)),
            Err(TryLockError::WouldBlock) => Err(TryLockError::WouldBlock),
            Err(TryLockError::Poisoned(poisoned)) => Err(TryLockError::Poisoned(PoisonError::new(
                MutexGuard::taken(&self.turns, poisoned.into_inner()),
            ))),
        }
    }

    fn told<'a>(&'a self, taken: LockResult<std::sync::MutexGuard<'a, T>>) -> LockResult<MutexGuard<'a, T>> {
        match taken {
            Ok(inner) => Ok(MutexGuard::taken(&self.turns, inner)),
            Err(poisoned) => Err(PoisonError::new(MutexGuard::taken(
                &self.turns,
                poisoned.into_inner(),
            ))),
        }
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    fn taken(turns: &'a AtomicU64, inner: std::sync::MutexGuard<'a, T>) -> Self {
        // Acquire: what was done under the lock before. Pairs with Release in let_go() [M8].
        turns.load(Ordering::Acquire);
        Self {
            turns,
            inner: Some(inner),
        }
    }

    fn let_go(&mut self) -> Option<std::sync::MutexGuard<'a, T>> {
        // Release: what was done under the lock. Pairs with Acquire in taken() [M8].
        self.turns.fetch_add(1, Ordering::Release);
        self.inner.take()
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        drop(self.let_go());
    }
}

#[expect(
    clippy::expect_used,
    reason = "none only while a condition is waited for, which consumes the guard"
)]
impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.inner.as_ref().expect("held")
    }
}

#[expect(clippy::expect_used, reason = "as above")]
impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.inner.as_mut().expect("held")
    }
}

impl<T: ?Sized> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").finish_non_exhaustive()
    }
}

impl<T: ?Sized> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MutexGuard").finish_non_exhaustive()
    }
}

/// A condition variable for such a mutex.
#[derive(Debug, Default)]
pub struct Condvar(std::sync::Condvar);

#[expect(clippy::expect_used, reason = "a guard that exists holds the lock")]
impl Condvar {
    /// As std's.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// As std's.
    ///
    /// # Errors
    ///
    /// As std's.
    pub fn wait<'a, T>(&self, mut guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let turns = guard.turns;
        match self.0.wait(guard.let_go().expect("held")) {
            Ok(inner) => Ok(MutexGuard::taken(turns, inner)),
            Err(poisoned) => Err(PoisonError::new(MutexGuard::taken(turns, poisoned.into_inner()))),
        }
    }

    /// As std's.
    ///
    /// # Errors
    ///
    /// As std's.
    pub fn wait_timeout<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        wait: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let turns = guard.turns;
        match self.0.wait_timeout(guard.let_go().expect("held"), wait) {
            Ok((inner, result)) => Ok((MutexGuard::taken(turns, inner), result)),
            Err(poisoned) => {
                let (inner, result) = poisoned.into_inner();
                Err(PoisonError::new((MutexGuard::taken(turns, inner), result)))
            }
        }
    }
}
