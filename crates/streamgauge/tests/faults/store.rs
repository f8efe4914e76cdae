//! Every call to a store goes wrong, one after the other and many in a row: `health` shows each, nobody hangs, and once the
//! store works again everything is in it, exactly.

use std::sync::Arc;
use std::time::Duration;

use streamgauge::{CollectorConfig, Config, HistoryStore, ManualClock, Registry, Stats};

use crate::ledger_check::{Checked, S, bytes};
use crate::script::{Fault, Scripted};

/// Intervals in which a scenario saves before it stops.
const ROUNDS: u64 = 4;

fn registry(store: &Arc<Scripted>, clock: &ManualClock) -> Registry {
    let mut config = Config::default();
    config.store = Some(Arc::<Scripted>::clone(store) as Arc<dyn HistoryStore>);
    Registry::manual(config, clock.clone()).unwrap()
}

fn config() -> CollectorConfig {
    let mut config = CollectorConfig::default();
    config.persist_interval = S * 2;
    config.session_timeout = Duration::MAX;
    config
}

/// A run in which two sessions come in each interval, of which one ends, with a store that fails as it was told to: what was
/// counted, and what a collector begins with that is started anew when the store works again.
fn run(store: &Arc<Scripted>, clock: &ManualClock) -> (Stats, Stats) {
    let registry = registry(store, clock);
    let collector = loop {
        // A history that cannot be loaded keeps the collector from starting, and nobody from trying again.
        match registry.register("hls", config()) {
            Ok(collector) => break collector,
            Err(error) => {
                assert!(
                    error.to_string().contains("as the script says") || error.to_string().contains("panic")
                );
                assert!(registry.collectors().is_empty());
            }
        }
    };
    let meter = Checked::of(collector, clock.clone());
    for round in 0..ROUNDS {
        let live = meter.register(format!("live {round}"), "stream", "here", "there");
        live.ingress(100_u64.pow(2) << round);
        meter
            .register(format!("closed {round}"), "stream", "here", "there")
            .egress(7 << round);
        meter.unregister(format!("closed {round}"));
        meter.tick_seconds(2);
        assert_shown(&meter, store);
    }
    let counted = meter.stopped().totals;
    assert_shown(&meter, store);
    assert!(meter.health().is_stopped);
    // What a stop could not save, the next one tries again, and does not save twice.
    for _ in 0..3 {
        meter.stopped();
    }
    assert_shown(&meter, store);
    let calls = store.calls();
    drop((meter, registry));
    assert_eq!(store.calls(), calls, "the drop has nothing left to save");
    let anew = self::registry(store, clock).register("hls", config()).unwrap();
    (counted, anew.summary().totals)
}

/// That health says of the store what it did.
fn assert_shown(meter: &Checked, store: &Scripted) {
    let (failed_saves, is_last_save_failed) = store.failures();
    let health = meter.health();
    assert_eq!(health.failed_saves, failed_saves);
    assert_eq!(health.store_error.is_some(), is_last_save_failed, "{health:?}");
    if let Some(error) = health.store_error {
        assert!(
            error.contains("as the script says") || error.contains("panicked"),
            "{error}"
        );
    }
}

fn expected() -> (u64, u64) {
    (0..ROUNDS).fold((0, 0), |(rx, tx), round| {
        (rx + (10_000 << round), tx + (7 << round))
    })
}

#[test]
fn p6_any_one_call_to_the_store_may_go_wrong() {
    let clock = ManualClock::default();
    let store = Scripted::new(&clock);
    let (counted, kept) = run(&store, &clock);
    assert_eq!((bytes(counted), kept), (expected(), counted));
    // The load, a save for each interval, the last one; the load of the check.
    let calls = store.calls();
    assert_eq!(calls, ROUNDS + 3);
    for fault in Fault::ALL {
        for call in 1..calls {
            let clock = ManualClock::default();
            let store = Scripted::new(&clock);
            store.plan(call..call + 1, fault);
            let (counted, kept) = run(&store, &clock);
            assert_eq!(bytes(counted), expected(), "{fault:?} in call {call}");
            assert_eq!(kept, counted, "{fault:?} in call {call}");
        }
    }
}

#[test]
fn p6_any_calls_in_a_row_may_go_wrong() {
    for fault in Fault::ALL {
        for first in 1..ROUNDS + 3 {
            for last in first..ROUNDS + 4 {
                let clock = ManualClock::default();
                let store = Scripted::new(&clock);
                store.plan(first..last + 1, fault);
                let (counted, kept) = run(&store, &clock);
                assert_eq!(bytes(counted), expected(), "{fault:?} in calls {first} to {last}");
                assert_eq!(kept, counted, "{fault:?} in calls {first} to {last}");
            }
        }
    }
}

#[test]
fn p6_a_store_that_never_works_loses_nothing_in_memory_and_says_so() {
    let clock = ManualClock::default();
    let store = Scripted::new(&clock);
    store.plan(2..u64::MAX, Fault::Fails);
    let registry = registry(&store, &clock);
    let meter = Checked::of(registry.register("hls", config()).unwrap(), clock);
    meter.register("a", "stream", "here", "there").ingress(5);
    meter.tick_seconds(100);
    assert_eq!(bytes(meter.stopped().totals), (5, 0));
    // One for each interval, and one for the stop.
    let health = meter.health();
    assert_eq!((health.failed_saves, health.last_saved), (51, None));
    assert!(!health.is_good());
    assert_eq!(bytes(meter.stopped().history.stats), (5, 0));
    assert_eq!(meter.health().failed_saves, 52);
}

#[test]
fn a_store_that_gives_less_than_it_was_given_is_believed_and_adds_up() {
    struct Short;
    impl HistoryStore for Short {
        fn load(&self, _: &str) -> Result<streamgauge::Loaded, streamgauge::StoreError> {
            let mut half = streamgauge::HistorySnapshot::default();
            let stats = Stats {
                total_rx_bytes: 5,
                ..Stats::default()
            };
            half.add(&streamgauge::HistoryKey::new("", "", ""), stats);
            half.discarded.total_sessions = 7;
            Ok(streamgauge::Loaded::History(half))
        }

        fn save(&self, _: &str, _: &streamgauge::HistorySnapshot) -> Result<(), streamgauge::StoreError> {
            Ok(())
        }
    }
    let clock = ManualClock::default();
    let mut config = Config::default();
    config.store = Some(Arc::new(Short));
    let registry = Registry::manual(config, clock.clone()).unwrap();
    // Bytes of no session, under labels that no session can have.
    let meter = Checked::of(registry.register("hls", self::config()).unwrap(), clock);
    meter.register("a", "", "", "").ingress(3);
    let summary = meter.tick_seconds(4);
    assert_eq!(
        (bytes(summary.totals), summary.totals.total_sessions),
        ((8, 0), 8)
    );
    assert_eq!(bytes(meter.stopped().totals), (8, 0));
}

#[test]
fn p1d_a_collector_that_was_replaced_saves_no_more_over_its_successors_history() {
    let clock = ManualClock::default();
    let store = Scripted::new(&clock);
    let registry = registry(&store, &clock);
    let first = registry.register("hls", config()).unwrap();
    first.register("a", "stream", "here", "there").ingress(5);
    // The load was the first call. The stop's save fails, and nothing is left of the five bytes but what health says.
    store.plan(2..3, Fault::Fails);
    registry.unregister("hls").unwrap();
    assert!(first.health().store_error.is_some());
    let second = Checked::of(registry.register("hls", config()).unwrap(), clock.clone());
    second.register("b", "stream", "here", "there").ingress(700);
    second.tick_seconds(2);
    let calls = store.calls();
    first.stop();
    drop(first);
    assert_eq!(store.calls(), calls, "the history is somebody else's");
    let totals = second.stopped().totals;
    drop((second, registry));
    let anew = self::registry(&store, &clock).register("hls", config()).unwrap();
    assert_eq!((anew.summary().totals, bytes(totals)), (totals, (700, 0)));
}

#[test]
fn a_store_that_fails_and_stops_its_collector_each_time_comes_to_an_end() {
    struct Stopping(std::sync::Mutex<(Option<streamgauge::Collector>, u32)>);
    impl HistoryStore for Stopping {
        fn load(&self, _: &str) -> Result<streamgauge::Loaded, streamgauge::StoreError> {
            Ok(streamgauge::Loaded::Nothing)
        }

        fn save(&self, _: &str, _: &streamgauge::HistorySnapshot) -> Result<(), streamgauge::StoreError> {
            let collector = {
                let mut state = self.0.lock().unwrap();
                state.1 += 1;
                state.0.clone()
            };
            collector.unwrap().stop();
            Err(streamgauge::StoreError::Other("never".to_owned()))
        }
    }
    let store = Arc::new(Stopping(std::sync::Mutex::default()));
    let mut config = Config::default();
    config.store = Some(Arc::<Stopping>::clone(&store));
    let clock = ManualClock::default();
    let registry = Registry::manual(config, clock.clone()).unwrap();
    let meter = Checked::of(registry.register("hls", self::config()).unwrap(), clock);
    store.0.lock().unwrap().0 = Some(meter.collector.clone());
    meter.register("a", "", "", "").ingress(5);
    meter.tick_seconds(2);
    // The interval's, and the stop's that was asked for inside it.
    assert_eq!((store.0.lock().unwrap().1, meter.health().failed_saves), (2, 2));
    meter.stopped();
    assert_eq!(meter.health().failed_saves, 3);
    store.0.lock().unwrap().0 = None;
}

#[test]
fn a_store_that_stops_its_collector_as_it_is_released_does_not_wait_for_itself() {
    struct Stopping(std::sync::Mutex<Option<streamgauge::Collector>>);
    impl HistoryStore for Stopping {
        fn load(&self, _: &str) -> Result<streamgauge::Loaded, streamgauge::StoreError> {
            Ok(streamgauge::Loaded::Nothing)
        }

        fn save(&self, _: &str, _: &streamgauge::HistorySnapshot) -> Result<(), streamgauge::StoreError> {
            Ok(())
        }

        fn release(&self, _: &str) {
            let collector = self.0.lock().unwrap().take();
            collector.unwrap().stop();
        }
    }
    let store = Arc::new(Stopping(std::sync::Mutex::default()));
    let mut config = Config::default();
    config.store = Some(Arc::<Stopping>::clone(&store));
    let registry = Registry::manual(config, ManualClock::default()).unwrap();
    *store.0.lock().unwrap() = Some(registry.register("hls", self::config()).unwrap());
    registry.unregister("hls").unwrap();
    assert!(store.0.lock().unwrap().is_none(), "it was released");
}
