//! Writes one collector's history to the store.
//!
//! A tick offers the newest books and the summary of the same moment; the worker, and at stop the stopping thread, finds
//! what changed since the save before, in the books and among the open sessions, and hands that over. One write at a time,
//! and each takes what was offered last, so an older history never replaces a newer one. What changed is forgotten once it
//! is saved: a save that fails has its changes in the next.

use std::fmt;
use std::sync::Arc;
use std::thread::{self, ThreadId};

use crate::error::Error;
use crate::health::{HealthBoard, contain};
use crate::history::changed::Changed;
use crate::history::ledger::Ledger;
use crate::history::open::{OpenSession, OpenSessions, Seen, changes};
use crate::history::snapshot::{Base, Changes, HistorySnapshot};
use crate::history::store::{HistoryStore, Loaded, StoreError};
use crate::stats::Stats;
use crate::summary::Summary;
use crate::sync::{Mutex, lock};

/// What there is to save: the ended sessions, and those that were open at the same moment.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) ended: HistorySnapshot,
    /// Which rows changed since the offer before.
    pub(crate) changed: Changed,
    pub(crate) summary: Arc<Summary>,
}

/// What the store has.
#[derive(Debug)]
struct Saved {
    /// Which rows are other than it has them, where saves failed.
    changed: Changed,
    /// Its open sessions, by serial.
    open: Vec<Seen>,
    next_serial: u64,
    /// Which snapshot that is.
    base: Base,
}

/// What a load found, beside the books.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    /// The sessions that were open, which were folded into the books.
    pub(crate) sessions: Vec<OpenSession>,
    /// The first serial that no session had.
    pub(crate) next_serial: u64,
    /// Whether the store has other than the books.
    pub(crate) is_to_be_saved: bool,
    /// When it was saved.
    pub(crate) saved_at: Option<std::time::SystemTime>,
}

/// The way to the store for one collector's history.
pub(crate) struct Persister {
    store: Arc<dyn HistoryStore>,
    collector: String,
    keeps_ids: bool,
    offered: Mutex<Option<Offer>>,
    saved: Mutex<Saved>,
    /// Whether the store has more to do to become small, and was not asked to.
    has_work: Mutex<bool>,
    /// Whether the store was told that nothing comes any more.
    is_released: Mutex<bool>,
    /// Held by who writes, and who that is.
    writing: Mutex<()>,
    writer: Mutex<Option<ThreadId>>,
    health: Arc<HealthBoard>,
}

impl Persister {
    /// Loads what the store has, notes what it set aside, and folds the sessions that were open then.
    pub(crate) fn load(
        store: &Arc<dyn HistoryStore>,
        collector: &str,
        max_history_keys: u64,
        keeps_ids: bool,
        health: &Arc<HealthBoard>,
    ) -> Result<(Self, Ledger, Recovered), Error> {
        let loaded = contain(|| store.load(collector)).unwrap_or_else(|panic| Err(panicked(&panic)))?;
        let (history, set_aside) = match loaded {
            Loaded::Nothing => (None, Vec::new()),
            Loaded::History(history) => (Some(history), Vec::new()),
            Loaded::Damaged { history, set_aside } => (Some(history), set_aside),
        };
        for aside in &set_aside {
            tracing::error!(
                collector,
                path = %aside.path.display(),
                damage = %aside.damage,
                "a history did not check out; what did not was set aside"
            );
        }
        let (mut ledger, mut recovered) = match &history {
            Some(history) => (
                Ledger::restored(history, max_history_keys),
                Recovered {
                    sessions: history.open().collect(),
                    next_serial: history.next_serial(),
                    saved_at: Some(history.taken_at),
                    ..Recovered::default()
                },
            ),
            None => (
                Ledger::new(max_history_keys).noting_changes(),
                Recovered::default(),
            ),
        };
        let mut total = Stats::default();
        for session in &recovered.sessions {
            ledger.recover(session);
            total.add(session.stats);
        }
        if total != Stats::default() {
            tracing::warn!(
                collector,
                sessions = total.total_sessions,
                rx_bytes = total.total_rx_bytes,
                tx_bytes = total.total_tx_bytes,
                "sessions were open when the history was saved last, and are closed as recovered"
            );
        }
        recovered.is_to_be_saved = !recovered.sessions.is_empty() || !set_aside.is_empty();
        health.note(|health| {
            health.set_aside = set_aside;
            health.recovered = total;
        });
        let persister = Self {
            store: Arc::clone(store),
            collector: collector.to_owned(),
            keeps_ids,
            offered: Mutex::default(),
            saved: Mutex::new(Saved {
                changed: Changed::default(),
                open: recovered.sessions.iter().map(Seen::from).collect(),
                next_serial: recovered.next_serial,
                base: history.as_ref().map_or(Base::Nothing, Base::of),
            }),
            has_work: Mutex::default(),
            is_released: Mutex::default(),
            writing: Mutex::default(),
            writer: Mutex::default(),
            health: Arc::clone(health),
        };
        Ok((persister, ledger, recovered))
    }

    /// Offers what is newest. Answers whether a write is to be asked for: not if one is still due.
    pub(crate) fn offer(&self, mut offer: Offer) -> bool {
        let mut offered = lock(&self.offered);
        let Some(before) = offered.take() else {
            *offered = Some(offer);
            return true;
        };
        offer.changed.follow(before.changed, &offer.ended);
        *offered = Some(offer);
        false
    }

    /// Whether the store has more to do to become small, which the caller then asks for.
    pub(crate) fn take_work(&self) -> bool {
        std::mem::take(&mut *lock(&self.has_work))
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

    /// Writes what was offered last, if anything was; when it returns, that is written, or the failure noted. Then has the
    /// store do a part of what keeps it small.
    ///
    /// Inside the store's own `save` it returns at once: the call around it looks again when that write is done.
    pub(crate) fn run(&self) {
        let this = Some(thread::current().id());
        if *lock(&self.writer) == this {
            return;
        }
        let _writing = lock(&self.writing);
        let _named = Named::new(&self.writer, this);
        let mut is_saved = false;
        let mut is_written = false;
        loop {
            // A statement of its own, so that offers are not held up by the write.
            let offer = lock(&self.offered).take();
            let Some(offer) = offer else { break };
            is_saved = self.write(offer);
            is_written = true;
        }
        // Without an offer it was asked for this.
        if (is_saved || !is_written) && !*lock(&self.is_released) {
            self.maintain();
        }
    }

    /// Saves, and answers whether that succeeded.
    fn write(&self, offer: Offer) -> bool {
        let Offer {
            ended,
            mut changed,
            summary,
        } = offer;
        let (snapshot, open) = {
            let mut saved = lock(&self.saved);
            changed.follow(std::mem::take(&mut saved.changed), &ended);
            saved.changed = changed.clone();
            let (open_changes, open) = changes(&saved.open, &summary, self.keeps_ids);
            saved.next_serial = saved.next_serial.max(open.last().map_or(0, Seen::next_serial));
            let changes = Changes {
                since: saved.base.clone(),
                rows: changed.rows(&ended),
                open: open_changes,
            };
            let published = OpenSessions::of(summary, self.keeps_ids);
            (ended.with(published, saved.next_serial, changes), open)
        };
        let outcome = contain(|| self.store.save(&self.collector, &snapshot));
        let outcome = outcome.unwrap_or_else(|panic| Err(panicked(&panic)));
        let error = outcome.err().map(|error| error.to_string());
        if error.is_none() {
            let mut saved = lock(&self.saved);
            saved.changed = Changed::default();
            saved.open = open;
            saved.base = Base::of(&snapshot);
        }
        self.health.note(|health| {
            match error {
                None => health.last_saved = Some(snapshot.taken_at),
                Some(_) => health.failed_saves += 1,
            }
            health.store_error.clone_from(&error);
        });
        let Some(error) = error else { return true };
        let collector = &self.collector;
        self.health
            .contain(|| tracing::error!(collector, error, "the history could not be saved"));
        false
    }

    /// Tells the store that nothing is saved any more. Inside the store's own call this does nothing.
    pub(crate) fn release(&self) {
        let this = Some(thread::current().id());
        if *lock(&self.writer) == this {
            return;
        }
        let _writing = lock(&self.writing);
        // A store that stops its collector in here finds itself at work, and does not wait for itself.
        let _named = Named::new(&self.writer, this);
        *lock(&self.is_released) = true;
        if let Err(panic) = contain(|| self.store.release(&self.collector)) {
            self.health
                .note(|health| health.store_error = Some(panicked(&panic).to_string()));
        }
    }

    fn maintain(&self) {
        let done = contain(|| self.store.maintain(&self.collector));
        let done = done.unwrap_or_else(|panic| Err(panicked(&panic)));
        *lock(&self.has_work) = matches!(done, Ok(true));
        let error = done.err().map(|error| error.to_string());
        let mut is_known = false;
        self.health.note(|health| {
            is_known = health.compaction_error == error;
            health.compaction_error.clone_from(&error);
        });
        let Some(error) = error.filter(|_| !is_known) else {
            return;
        };
        let collector = &self.collector;
        self.health
            .contain(|| tracing::error!(collector, error, "the history could not be made smaller"));
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
