//! What a store of the model is to be given, and when.

use std::time::Duration;

use super::books::Saved;
use super::{Model, Now};

/// Whether a save is expected of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Nothing is due, or nothing changed.
    No,
    /// Something was entered, and what there is to save is the same as before.
    Maybe,
    /// What is stored is not what is there.
    Yes,
}

/// How the saves of one collector fared.
#[derive(Debug, Clone)]
pub(crate) struct Saving {
    /// When an interval was last over.
    asked_at: u64,
    /// What the store was given last, or had; and how many sessions had ended by then.
    given: Saved,
    entered: u64,
    pub(super) entered_now: u64,
    pub(crate) failed: u64,
    pub(crate) error: Option<String>,
    pub(crate) last_saved: Option<Duration>,
    /// What the last operation calls for, and when it was.
    pub(crate) expected: Expected,
    pub(crate) at: Duration,
}

impl Saving {
    pub(super) fn new(stored: Saved, now: Now) -> Self {
        Self {
            asked_at: now.monotonic,
            given: stored,
            entered: 0,
            entered_now: 0,
            failed: 0,
            error: None,
            last_saved: None,
            expected: Expected::No,
            at: Duration::ZERO,
        }
    }
}

impl Model {
    /// The history as it were if all sessions had ended at the last summary.
    pub(crate) fn to_save(&self) -> Saved {
        let mut saved = self.published.books.saved.clone();
        for row in &self.published.active {
            saved.add(&row.key, row.tally);
        }
        saved.discarded = saved.discarded.plus(self.published.pending);
        saved
    }

    /// After a tick: a save is called for when an interval is over and anything changed since the last, or that failed.
    pub(super) fn call_for_save_if_due(&mut self, now: Now) {
        let interval = self.setup.persist_interval.as_nanos();
        if interval > 0 && u128::from(now.monotonic - self.saving.asked_at) >= interval {
            self.saving.asked_at = now.monotonic;
            self.call_for_save(now);
        }
    }

    pub(super) fn call_for_save(&mut self, now: Now) {
        let saving = &self.saving;
        let expected = if self.to_save() != saving.given || saving.error.is_some() {
            Expected::Yes
        } else if saving.entered != saving.entered_now {
            Expected::Maybe
        } else {
            Expected::No
        };
        self.saving.expected = expected;
        self.saving.at = now.wall;
    }

    /// A save that failed is tried again: of what is in the last summary.
    pub(super) fn call_for_save_again(&mut self) {
        if self.saving.error.is_some() {
            self.saving.expected = Expected::Yes;
            self.saving.at = self.published.taken_at;
        }
    }

    /// The store was given what there is, and took it or failed with a message.
    pub(crate) fn was_saved(&mut self, error: Option<String>) {
        self.saving.given = self.to_save();
        self.saving.entered = self.saving.entered_now;
        match error {
            None => self.saving.last_saved = Some(self.saving.at),
            Some(_) => self.saving.failed += 1,
        }
        self.saving.error = error;
    }
}
