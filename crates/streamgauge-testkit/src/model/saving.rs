//! What a store of the model is to be given, and when.

use std::collections::BTreeMap;
use std::time::Duration;

use super::saved::Saved;
use super::{Model, Now};

/// Whether a save is expected of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Nothing is due, or nothing changed.
    No,
    /// What is stored is not what is there.
    Yes,
}

/// How the saves of one collector fared.
#[derive(Debug, Clone)]
pub(crate) struct Saving {
    /// When an interval was last over.
    asked_at: u64,
    /// What the store was given last, or had. Where it had more rows than there may be, without those.
    given: Saved,
    /// The serials that sessions were saved under, by the sessions' numbers; and one that is higher than all serials that
    /// a store has seen of this collector, in this run and the ones before.
    serials: BTreeMap<usize, u64>,
    pub(crate) next_serial: u64,
    pub(crate) failed: u64,
    pub(crate) error: Option<String>,
    pub(crate) last_saved: Option<Duration>,
    /// What the last operation calls for, and when it was.
    pub(crate) expected: Expected,
    pub(crate) at: Duration,
}

impl Saving {
    pub(super) fn new(stored: Saved, next_serial: u64, now: Now) -> Self {
        Self {
            asked_at: now.monotonic,
            given: stored,
            serials: BTreeMap::new(),
            next_serial,
            failed: 0,
            error: None,
            last_saved: None,
            expected: Expected::No,
            at: Duration::ZERO,
        }
    }
}

impl Model {
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
        let is_due = self.to_save() != saving.given || saving.error.is_some();
        self.saving.expected = if is_due { Expected::Yes } else { Expected::No };
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
        match error {
            None => self.saving.last_saved = Some(self.saving.at),
            Some(_) => self.saving.failed += 1,
        }
        self.saving.error = error;
    }

    /// Takes over the serials that the open sessions were saved under; `false` if they are not theirs. A session keeps its
    /// serial, and one that is saved for the first time has a higher one than all that were ever saved.
    pub(crate) fn adopt_serials(&mut self, found: &[u64]) -> bool {
        let Saving {
            serials, next_serial, ..
        } = &mut self.saving;
        let open = &self.published.open;
        let are_theirs = open.iter().zip(found).all(|((number, _), serial)| {
            let is_new = !serials.contains_key(number) && *serial >= *next_serial;
            if is_new {
                serials.insert(*number, *serial);
                *next_serial = serial + 1;
            }
            serials.get(number) == Some(serial)
        });
        are_theirs && open.len() == found.len()
    }
}
