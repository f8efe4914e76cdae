//! A store that hands on to a [`FileStore`], and is not as good as that: what is on disk is whole all the same (P1, P6).

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use streamgauge::{
    Activation, CollectorConfig, Config, FileStore, HistorySnapshot, HistoryStore, Loaded, ManualClock,
    Registry, Stats, StoreError,
};

use crate::ledger_check::{Checked, S};

/// Which of its saves, by number, a store does not do as it says.
struct Wrapped {
    inner: FileStore,
    saves: AtomicU64,
    /// These are saved, and said not to be: as by a store that copies to a second place, which fails.
    denied: Vec<u64>,
    /// These are not saved, and said to be: as by a store that keeps each tenth.
    skipped: Vec<u64>,
    /// These are not saved, and said not to be.
    refused: Mutex<Vec<u64>>,
    /// What it was given last.
    last: Mutex<Stats>,
    /// What happens while the next is saved.
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl HistoryStore for Wrapped {
    fn load(&self, collector: &str) -> Result<Loaded, StoreError> {
        self.inner.load(collector)
    }

    fn save(&self, collector: &str, snapshot: &HistorySnapshot) -> Result<(), StoreError> {
        let n = self.saves.fetch_add(1, Ordering::Relaxed);
        *self.last.lock().unwrap() = snapshot.totals();
        if self.skipped.contains(&n) {
            return Ok(());
        }
        if self.refused.lock().unwrap().contains(&n) {
            return Err(StoreError::Other("not today".to_owned()));
        }
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        self.inner.save(collector, snapshot)?;
        if self.denied.contains(&n) {
            return Err(StoreError::Other("the second place is full".to_owned()));
        }
        Ok(())
    }

    fn maintain(&self, collector: &str) -> Result<bool, StoreError> {
        self.inner.maintain(collector)
    }
}

fn begin(directory: &Path, denied: Vec<u64>, skipped: Vec<u64>) -> (Arc<Wrapped>, Registry, Checked) {
    let store = Arc::new(Wrapped {
        inner: FileStore::open(directory).unwrap(),
        saves: AtomicU64::new(0),
        denied,
        skipped,
        refused: Mutex::default(),
        last: Mutex::default(),
        meanwhile: Mutex::default(),
    });
    let mut settings = Config::default();
    settings.store = Some(Arc::<Wrapped>::clone(&store) as Arc<_>);
    let clock = ManualClock::default();
    let registry = Registry::manual(settings, clock.clone()).unwrap();
    let mut config = CollectorConfig::default();
    config.persist_interval = S;
    config.session_timeout = Duration::MAX;
    config.activation = Activation::Explicit;
    let meter = Checked::of(registry.register("hls", config).unwrap(), clock);
    (store, registry, meter)
}

/// Each second a session opens that is open for one save, and one goes on counting.
fn work(meter: &Checked, rounds: std::ops::Range<u64>) {
    for n in rounds {
        let id = format!("short {n}");
        meter
            .register_and_activate(&id, &id, "here", "there")
            .ingress(1 << n);
        meter.tick_after(S);
        meter.unregister(&id);
    }
    meter.tick_after(S);
}

/// What a program finds that is started now, on a copy of what is there.
fn left(directory: &Path) -> Stats {
    let left = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), left.path().join(file.file_name())).unwrap();
    }
    match FileStore::open(left.path()).unwrap().load("hls").unwrap() {
        Loaded::History(history) => history.totals(),
        other => unreachable!("{other:#?}"),
    }
}

#[test]
fn p6_a_save_that_is_there_and_was_said_to_have_failed_leaves_nothing_behind_that_is_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _registry, meter) = begin(directory.path(), vec![1, 2, 4], Vec::new());
    work(&meter, 0..7);
    assert_eq!(meter.health().failed_saves, 3);
    let last = *store.last.lock().unwrap();
    assert_eq!(last, meter.summary().totals);
    assert_eq!(left(directory.path()), last);
}

#[test]
fn p6_a_store_behind_one_that_passes_over_saves_has_all_that_the_next_one_has() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _registry, meter) = begin(directory.path(), Vec::new(), vec![0, 1, 3, 4]);
    work(&meter, 0..7);
    assert_eq!(left(directory.path()), *store.last.lock().unwrap());
}

#[test]
fn p6_a_load_by_somebody_else_meanwhile_takes_nothing_from_the_saves_that_follow() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _registry, meter) = begin(directory.path(), Vec::new(), Vec::new());
    work(&meter, 0..3);
    let before = meter.summary().totals;
    assert!(matches!(store.inner.load("hls"), Ok(Loaded::History(_))));
    store.inner.compact("hls").unwrap();
    assert_eq!(left(directory.path()), before);
    work(&meter, 3..6);
    assert_eq!(left(directory.path()), meter.summary().totals);
    assert_ne!(before, meter.summary().totals);
}

#[test]
fn p6_what_changed_by_a_save_that_failed_is_in_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _registry, meter) = begin(directory.path(), Vec::new(), Vec::new());
    *store.refused.lock().unwrap() = vec![1, 2];
    let stays = meter.register_and_activate("stays", "stays", "here", "there");
    stays.ingress(1);
    meter.tick_after(S);
    // It moves, and another comes and ends, while saves fail; then it is still.
    stays.ingress(10);
    let ends = meter.register_and_activate("ends", "ends", "here", "there");
    ends.ingress(100);
    meter.tick_after(S);
    ends.unregister();
    meter.tick_after(S);
    assert_eq!(meter.health().failed_saves, 2);
    meter.tick_after(S);
    assert_eq!(meter.health().store_error, None);
    let found = left(directory.path());
    assert_eq!((found.total_sessions, found.total_rx_bytes), (2, 111));
    assert_eq!(found, meter.summary().totals);
}

#[test]
fn p6_what_two_ticks_offer_while_a_save_is_under_way_is_all_in_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _registry, meter) = begin(directory.path(), Vec::new(), Vec::new());
    let collector = meter.collector.clone();
    let clock = meter.clock.clone();
    *store.meanwhile.lock().unwrap() = Some(Box::new(move || {
        for (id, bytes) in [("first", 1), ("second", 10)] {
            collector
                .register_and_activate(id, id, "here", "there")
                .ingress(bytes);
            collector.unregister(id);
            clock.advance(S);
            collector.tick();
        }
    }));
    meter
        .register_and_activate("before", "before", "here", "there")
        .ingress(100);
    meter.unregister("before");
    meter.tick_after(S);
    let found = left(directory.path());
    assert_eq!((found.total_sessions, found.total_rx_bytes), (3, 111));
    assert_eq!(found, meter.summary().totals);
}
