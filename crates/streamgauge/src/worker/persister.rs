//! Writes one collector's history to the store.
//!
//! A tick offers the newest books and the summary of the same moment; the worker, and at stop the stopping thread, adds the
//! sessions that were open then and writes what that makes. One write at a time, and each takes what was offered last, so an
//! older history never replaces a newer one.

use std::fmt;
use std::sync::Arc;
use std::thread::{self, ThreadId};

use crate::error::Error;
use crate::health::{HealthBoard, contain};
use crate::history::ledger::Ledger;
use crate::history::store::{HistoryStore, Loaded, StoreError};
use crate::history::{HistoryKey, HistorySnapshot};
use crate::stats::Stats;
use crate::summary::Summary;
use crate::summary::numbers::Standing;
use crate::sync::{Mutex, lock};

/// What there is to save: the ended sessions, and those that were open at the same moment.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) ended: HistorySnapshot,
    pub(crate) summary: Arc<Summary>,
}

impl Offer {
    /// The history as it were if all sessions had ended: after a crash it is all that is left of them (P6).
    fn snapshot(self) -> HistorySnapshot {
        let mut snapshot = self.ended;
        for row in self.summary.active.rows() {
            let stats = Stats::of_session(row.numbers.counts);
            if row.numbers.standing == Standing::Active {
                snapshot.add(&HistoryKey::from(row.session.labels()), stats);
            } else {
                snapshot.discarded.add(stats);
            }
        }
        snapshot
    }
}

/// The way to the store for one collector's history.
pub(crate) struct Persister {
    store: Arc<dyn HistoryStore>,
    collector: String,
    offered: Mutex<Option<Offer>>,
    /// Held by who writes, and who that is.
    writing: Mutex<()>,
    writer: Mutex<Option<ThreadId>>,
    health: Arc<HealthBoard>,
}

impl Persister {
    /// Loads what the store has, and notes what it set aside.
    pub(crate) fn load(
        store: &Arc<dyn HistoryStore>,
        collector: &str,
        max_history_keys: u64,
        health: &Arc<HealthBoard>,
    ) -> Result<(Self, Ledger), Error> {
        let loaded = contain(|| store.load(collector)).unwrap_or_else(|panic| Err(panicked(&panic)))?;
        let ledger = match loaded {
            Loaded::Nothing => Ledger::new(max_history_keys),
            Loaded::History(snapshot) => Ledger::restored(&snapshot, max_history_keys),
            Loaded::SetAside(set_aside) => {
                tracing::error!(
                    collector,
                    path = %set_aside.path.display(),
                    cause = set_aside.cause,
                    "a history did not check out; it was set aside, and an empty one is begun"
                );
                health.note(|health| health.set_aside = Some(set_aside));
                Ledger::new(max_history_keys)
            }
        };
        let persister = Self {
            store: Arc::clone(store),
            collector: collector.to_owned(),
            offered: Mutex::default(),
            writing: Mutex::default(),
            writer: Mutex::default(),
            health: Arc::clone(health),
        };
        Ok((persister, ledger))
    }

    /// Offers what is newest. Answers whether a write is to be asked for: not if one is still due.
    pub(crate) fn offer(&self, offer: Offer) -> bool {
        lock(&self.offered).replace(offer).is_none()
    }

    /// Whether the last write failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.health.read().store_error.is_some()
    }

    /// Whether the last write failed, and this is not the store's own thread inside it: a store that fails and stops its
    /// collector each time it is asked would never come to an end.
    pub(crate) fn is_to_be_retried(&self) -> bool {
        self.has_failed() && *lock(&self.writer) != Some(thread::current().id())
    }

    /// Whether the last write failed, or one is under way that may. For the stop, after which no interval tries again.
    pub(crate) fn is_in_doubt(&self) -> bool {
        // In this order: a write notes how it went before it lets go of the lock.
        self.writing.try_lock().is_err() || self.has_failed()
    }

    /// Writes what was offered last, if anything was; when it returns, that is written, or the failure noted.
    ///
    /// Inside the store's own `save` it returns at once: the call around it looks again when that write is done.
    pub(crate) fn run(&self) {
        let this = Some(thread::current().id());
        if *lock(&self.writer) == this {
            return;
        }
        let _writing = lock(&self.writing);
        let _named = Named::new(&self.writer, this);
        loop {
            // A statement of its own, so that offers are not held up by the write.
            let offer = lock(&self.offered).take();
            let Some(offer) = offer else { break };
            self.write(&offer.snapshot());
        }
    }

    fn write(&self, snapshot: &HistorySnapshot) {
        let saved = contain(|| self.store.save(&self.collector, snapshot));
        let saved = saved.unwrap_or_else(|panic| Err(panicked(&panic)));
        let error = saved.err().map(|error| error.to_string());
        self.health.note(|health| {
            match error {
                None => health.last_saved = Some(snapshot.taken_at),
                Some(_) => health.failed_saves += 1,
            }
            health.store_error.clone_from(&error);
        });
        let Some(error) = error else { return };
        let collector = &self.collector;
        self.health
            .contain(|| tracing::error!(collector, error, "the history could not be saved"));
    }

    /// Where to note how it fares.
    pub(super) fn health(&self) -> &Arc<HealthBoard> {
        &self.health
    }
}

fn panicked(panic: &str) -> StoreError {
    StoreError::Other(format!("the store panicked: {panic}"))
}

/// Says who writes, for as long as it lives: also where something panics meanwhile.
struct Named<'a>(&'a Mutex<Option<ThreadId>>);

impl<'a> Named<'a> {
    fn new(writer: &'a Mutex<Option<ThreadId>>, this: Option<ThreadId>) -> Self {
        *lock(writer) = this;
        Self(writer)
    }
}

impl Drop for Named<'_> {
    fn drop(&mut self) {
        *lock(self.0) = None;
    }
}

impl fmt::Debug for Persister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Persister")
            .field("collector", &self.collector)
            .finish_non_exhaustive()
    }
}
