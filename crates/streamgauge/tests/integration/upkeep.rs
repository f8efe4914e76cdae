//! What a store is asked for beside saves: to become small, at each interval as long as there is more to do; and stops that it
//! asks for itself.

use std::sync::{Arc, Mutex};

use streamgauge::{
    Collector, CollectorConfig, Config, HistorySnapshot, HistoryStore, Loaded, ManualClock, Registry,
    StoreError,
};

use crate::ledger_check::{Checked, S};
use crate::log_lines::LogLines;

#[derive(Default)]
struct State {
    fails: bool,
    saves: u32,
    /// How often it was asked to become small, and how often it will say that there is more to do.
    asked: u32,
    more: u32,
    /// Why it cannot.
    hindrance: Option<&'static str>,
    /// What it stops in each save.
    stops: Option<Collector>,
}

/// A store that keeps nothing.
#[derive(Default)]
struct Asked(Mutex<State>);

impl Asked {
    fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        act(&mut self.0.lock().unwrap())
    }
}

impl HistoryStore for Asked {
    fn load(&self, _: &str) -> Result<Loaded, StoreError> {
        Ok(Loaded::Nothing)
    }

    fn save(&self, _: &str, _: &HistorySnapshot) -> Result<(), StoreError> {
        let (fails, stops) = self.with(|state| {
            state.saves += 1;
            // What would never come to an end is seen to by the test.
            (state.fails, state.stops.clone().filter(|_| state.saves < 50))
        });
        if let Some(collector) = stops {
            collector.stop();
        }
        if fails {
            return Err(StoreError::Other("the disk is full".to_owned()));
        }
        Ok(())
    }

    fn maintain(&self, _: &str) -> Result<bool, StoreError> {
        self.with(|state| {
            state.asked += 1;
            if let Some(hindrance) = state.hindrance {
                return Err(StoreError::Other(hindrance.to_owned()));
            }
            let is_more = state.more > 0;
            state.more = state.more.saturating_sub(1);
            Ok(is_more)
        })
    }
}

fn begin() -> (Arc<Asked>, Registry, Checked) {
    let (store, clock) = (Arc::<Asked>::default(), ManualClock::default());
    let mut config = Config::default();
    config.store = Some(Arc::<Asked>::clone(&store) as Arc<_>);
    let registry = Registry::manual(config, clock.clone()).unwrap();
    let mut config = CollectorConfig::default();
    config.persist_interval = S * 2;
    let meter = Checked::of(registry.register("hls", config).unwrap(), clock);
    (store, registry, meter)
}

fn move_bytes(meter: &Checked) {
    meter.register("a", "stream", "here", "there").ingress(5);
    meter.unregister("a");
}

#[test]
fn p5_a_store_with_more_to_do_is_asked_at_each_interval_until_it_has_not() {
    let (store, _registry, meter) = begin();
    store.with(|state| state.more = 3);
    move_bytes(&meter);
    let mut asked = Vec::new();
    for _ in 0..6 {
        meter.tick_seconds(2);
        asked.push(store.with(|state| (state.saves, state.asked)));
    }
    assert_eq!(asked, [(1, 1), (1, 2), (1, 3), (1, 4), (1, 4), (1, 4)]);
    // Not behind a save that failed: there may be no room for what is smaller.
    store.with(|state| state.fails = true);
    move_bytes(&meter);
    meter.tick_seconds(2);
    assert_eq!(store.with(|state| (state.saves, state.asked)), (2, 4));
}

#[test]
fn p6_a_second_stop_tries_what_the_first_could_not_save() {
    let (store, _registry, meter) = begin();
    store.with(|state| state.fails = true);
    move_bytes(&meter);
    meter.stopped();
    assert_eq!(store.with(|state| state.saves), 1);
    assert!(meter.health().store_error.is_some());
    store.with(|state| state.fails = false);
    meter.stopped();
    assert_eq!(store.with(|state| state.saves), 2);
    assert_eq!(meter.health().store_error, None);
    meter.stopped();
    assert_eq!(store.with(|state| state.saves), 2);
}

#[test]
fn a_store_that_fails_and_stops_its_collector_comes_to_an_end() {
    let (store, _registry, meter) = begin();
    let collector = (*meter).clone();
    store.with(|state| (state.fails, state.stops) = (true, Some(collector)));
    move_bytes(&meter);
    for saves in 1..=3 {
        meter.stopped();
        assert_eq!(store.with(|state| state.saves), saves);
    }
    store.with(|state| state.stops = None);
}

#[test]
fn p5_a_store_that_cannot_become_small_shows_in_health_and_is_logged_once_for_each_reason() {
    let (store, _registry, meter) = begin();
    let log = LogLines::default();
    let hindrances = [
        Some("no room"),
        Some("no room"),
        Some("no right"),
        None,
        Some("no right"),
    ];
    let logged = hindrances.map(|hindrance| {
        store.with(|state| state.hindrance = hindrance);
        move_bytes(&meter);
        tracing::subscriber::with_default(log.clone(), || meter.tick_seconds(2));
        let health = meter.health();
        assert_eq!(
            (health.compaction_error.as_deref(), health.store_error),
            (hindrance, None)
        );
        let lines = log
            .take()
            .into_iter()
            .filter(|line| line.contains("made smaller"));
        lines
            .filter(|line| hindrance.is_some_and(|why| line.contains(why)))
            .count()
    });
    assert_eq!(logged, [1, 0, 1, 0, 1]);
}
