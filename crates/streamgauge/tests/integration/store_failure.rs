//! Stores that fail: shown in health, and tried again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use streamgauge::{
    CollectorConfig, Config, HistorySnapshot, HistoryStore, Loaded, ManualClock, Registry, RegistryError,
    StoreError,
};

use crate::ledger_check::{Checked, S, bytes};

/// What a [`Fickle`] store does with a save.
#[derive(Clone, Copy, Default)]
enum Mood {
    #[default]
    Keep,
    Fail,
    Panic,
}

/// A store in memory that keeps, fails or panics as it is told, and counts saves.
#[derive(Default)]
struct Fickle {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    mood: Mood,
    kept: Option<HistorySnapshot>,
    asked: u32,
}

impl Fickle {
    fn become_(&self, mood: Mood) {
        self.with(|state| state.mood = mood);
    }

    fn asked(&self) -> u32 {
        self.with(|state| state.asked)
    }

    fn kept_rx_bytes(&self) -> u64 {
        self.with(|state| {
            let kept = state.kept.iter();
            kept.map(|kept| kept.totals().total_rx_bytes).sum()
        })
    }

    fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HistoryStore for Fickle {
    fn load(&self, _: &str) -> Result<Loaded, StoreError> {
        self.with(|state| match state.mood {
            Mood::Keep => Ok(state.kept.clone().map_or(Loaded::Nothing, Loaded::History)),
            Mood::Fail | Mood::Panic => Err(StoreError::Other("not today".to_owned())),
        })
    }

    fn save(&self, _: &str, snapshot: &HistorySnapshot) -> Result<(), StoreError> {
        let mood = self.with(|state| {
            state.asked += 1;
            state.mood
        });
        match mood {
            Mood::Keep => self.with(|state| state.kept = Some(snapshot.clone())),
            Mood::Fail => return Err(StoreError::Other("the disk is full".to_owned())),
            Mood::Panic => std::panic::resume_unwind(Box::new("a store of a test")),
        }
        Ok(())
    }
}

fn registry(store: &Arc<Fickle>, clock: &ManualClock) -> Registry {
    let mut config = Config::default();
    let store: Arc<dyn HistoryStore> = Arc::<Fickle>::clone(store);
    config.store = Some(store);
    let made = Registry::manual(config, clock.clone());
    made.unwrap_or_else(|_| unreachable!("a store is given, and no directory"))
}

fn every_two_seconds() -> CollectorConfig {
    let mut config = CollectorConfig::default();
    config.persist_interval = S * 2;
    config
}

fn move_bytes(meter: &Checked, bytes: u64) {
    meter.register("a", "stream", "here", "there").ingress(bytes);
    meter.unregister("a");
}

#[test]
fn a_failed_save_shows_in_health_and_is_tried_again() {
    let (store, clock) = (Arc::<Fickle>::default(), ManualClock::default());
    let registry = registry(&store, &clock);
    let meter = Checked::of(registry.register("hls", every_two_seconds()).unwrap(), clock);
    store.become_(Mood::Fail);
    move_bytes(&meter, 5);
    meter.tick_seconds(2);
    let health = meter.health();
    assert_eq!(health.store_error.as_deref(), Some("the disk is full"));
    assert_eq!((health.failed_saves, health.last_saved), (1, None));
    assert!(!health.is_good());
    // Nothing changed meanwhile, and it is tried again all the same: once an interval.
    meter.tick_seconds(4);
    assert_eq!((meter.health().failed_saves, store.asked()), (3, 3));
    store.become_(Mood::Keep);
    meter.tick_seconds(2);
    let health = meter.health();
    assert_eq!((health.store_error, health.failed_saves), (None, 3));
    assert_eq!(health.last_saved, Some(SystemTime::UNIX_EPOCH + S * 8));
    assert!(meter.health().is_good());
    assert_eq!(store.kept_rx_bytes(), 5);
    meter.tick_seconds(10);
    assert_eq!(store.asked(), 4);
}

#[test]
fn a_panicking_store_shows_in_health_and_is_tried_again() {
    let (store, clock) = (Arc::<Fickle>::default(), ManualClock::default());
    let registry = registry(&store, &clock);
    let meter = Checked::of(registry.register("hls", every_two_seconds()).unwrap(), clock);
    store.become_(Mood::Panic);
    move_bytes(&meter, 5);
    meter.tick_seconds(2);
    let error = meter.health().store_error.unwrap();
    assert!(error.contains("panicked: a store of a test"), "{error}");
    store.become_(Mood::Keep);
    meter.tick_seconds(2);
    assert_eq!(meter.health().store_error, None);
    assert_eq!(store.kept_rx_bytes(), 5);
    assert_eq!(bytes(meter.summary().totals), (5, 0));
}

#[test]
fn stop_tries_a_failed_save_again() {
    let (store, clock) = (Arc::<Fickle>::default(), ManualClock::default());
    let registry = registry(&store, &clock);
    let meter = Checked::of(registry.register("hls", every_two_seconds()).unwrap(), clock);
    store.become_(Mood::Fail);
    move_bytes(&meter, 5);
    meter.tick_seconds(2);
    store.become_(Mood::Keep);
    meter.stopped();
    assert_eq!(store.kept_rx_bytes(), 5);
    assert_eq!(meter.health().store_error, None);
    meter.stopped();
    assert_eq!(store.asked(), 2);
}

#[test]
fn a_history_that_cannot_be_loaded_keeps_its_collector_from_starting() {
    let (store, clock) = (Arc::<Fickle>::default(), ManualClock::default());
    let registry = registry(&store, &clock);
    store.become_(Mood::Fail);
    let failed = registry.register("hls", every_two_seconds()).unwrap_err();
    assert!(matches!(&failed, RegistryError::Start { id, .. } if id == "hls"));
    assert_eq!(failed.to_string(), "collector \"hls\": not today");
    assert!(registry.collectors().is_empty());
    store.become_(Mood::Keep);
    registry.register("hls", every_two_seconds()).unwrap();
}

#[test]
fn a_store_of_ones_own_gives_the_history_back() {
    let (store, clock) = (Arc::<Fickle>::default(), ManualClock::default());
    let first = registry(&store, &clock);
    let meter = Checked::of(first.register("hls", every_two_seconds()).unwrap(), clock.clone());
    move_bytes(&meter, 5);
    drop(first);
    let second = registry(&store, &clock);
    let collector = second.register("hls", every_two_seconds()).unwrap();
    assert_eq!(bytes(collector.summary().history.stats), (5, 0));
    // Nothing changed: the stop writes nothing; and a store that says nothing of it has nothing to do to become small.
    let asked = store.asked();
    assert!(!store.maintain("hls").unwrap());
    drop(second);
    assert_eq!(store.asked(), asked);
}
