//! How a collector's own machinery fares.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, SystemTime};

use crate::history::store::SetAside;
use crate::stats::Stats;
use crate::sync::{Mutex, lock};

/// How a collector's own machinery fares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// When the last tick began; none yet if there was none.
    pub last_tick: Option<SystemTime>,
    /// How long the last tick took.
    pub last_tick_duration: Duration,
    /// Whether the collector has stopped.
    pub is_stopped: bool,
    /// What the sampler panicked with. Sessions still count then; no further summary is published.
    pub sampler_failure: Option<String>,
    /// Events that were dropped because the observer was behind, or did not return before the stop timeout.
    pub undelivered_events: u64,
    /// Panics of the observer.
    pub observer_panics: u64,
    /// Panics of the limiter; each answered that the address is not collectable.
    pub limiter_panics: u64,
    /// Panics on the worker that were neither the observer's nor the store's: of a subscriber to the log, or of what an
    /// observer owned, as it was dropped.
    pub worker_panics: u64,
    /// When the history was saved last.
    pub last_saved: Option<SystemTime>,
    /// Saves that failed.
    pub failed_saves: u64,
    /// Why the last save failed; none if the last one succeeded.
    pub store_error: Option<String>,
    /// Why the store could not be made smaller; none if it could, or need not. What was saved is saved all the same.
    pub compaction_error: Option<String>,
    /// What did not check out of the history when the collector was registered.
    pub set_aside: Vec<SetAside>,
    /// What the sessions moved that were open when the history was saved last, and were closed as
    /// [`Recovered`](crate::CloseReason::Recovered) when the collector was registered.
    pub recovered: Stats,
}

impl Health {
    /// Whether the sampler runs, and the last save, if any, succeeded, and so did what keeps the store small.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.sampler_failure.is_none()
            && self.store_error.is_none()
            && self.compaction_error.is_none()
            && !self.is_stopped
    }
}

/// Where the threads of a collector note how they fare. Held for the length of one note.
#[derive(Debug, Default)]
pub(crate) struct HealthBoard(Mutex<Health>);

impl HealthBoard {
    pub(crate) fn read(&self) -> Health {
        lock(&self.0).clone()
    }

    /// How many events were dropped.
    pub(crate) fn undelivered_events(&self) -> u64 {
        lock(&self.0).undelivered_events
    }

    pub(crate) fn note(&self, change: impl FnOnce(&mut Health)) {
        change(&mut lock(&self.0));
    }

    /// Runs code on the worker that is not the crate's: a panic is counted, and goes no further.
    pub(crate) fn contain(&self, work: impl FnOnce()) {
        if contain(work).is_err() {
            self.note(|health| health.worker_panics += 1);
        }
    }
}

/// Runs code that is not the crate's, or may break for another reason, and answers what it panicked with.
///
/// What it panicked with may itself panic as it is dropped: that goes no further either.
pub(crate) fn contain<R>(work: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let message = panic_message(&*panic);
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
            // It may go on for ever like this. A leak is the end of it.
            std::mem::forget(second);
        }
        message
    })
}

/// What a caught panic said.
fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}
