//! Tests: a collection that panics. Nothing outside the crate can make one panic, which is as it should be: no code of a
//! program's own runs in it. So the panic is planted here.

#![allow(clippy::unwrap_used, reason = "a test that does not get what it needs fails")]

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use super::{CollectorCore, Planted};
use crate::clock::ManualClock;
use crate::collector::Collector;
use crate::collector::config::CollectorConfig;
use crate::error::RegistryError;
use crate::history::file::FileStore;
use crate::history::store::{HistoryStore, Loaded};
use crate::registry::{Config, Registry};
use crate::sync::lock;
use crate::verdict::{CloseReason, Verdict};

const S: Duration = Duration::from_secs(1);

fn core_of(collector: &Collector) -> &Arc<CollectorCore> {
    &collector.inner.as_ref().unwrap().core
}

fn plant(collector: &Collector, planted: Planted) {
    lock(&core_of(collector).state).planted = Some(planted);
}

fn every_second() -> CollectorConfig {
    CollectorConfig {
        persist_interval: S,
        session_timeout: Duration::MAX,
        ..CollectorConfig::default()
    }
}

#[test]
fn a_collection_that_panics_shows_in_health_and_hangs_nobody() {
    let clock = ManualClock::default();
    let collector = Collector::manual(every_second(), clock.clone());
    let session = collector.register("a", "", "", "");
    session.ingress(5);
    clock.advance(S);
    collector.tick();
    let last = collector.summary();
    plant(&collector, Planted::Before);
    session.ingress(7);
    for _ in 0..3 {
        clock.advance(S);
        collector.tick();
        let health = collector.health();
        assert_eq!(health.sampler_failure.as_deref(), Some("planted"));
        assert!(!health.is_good() && !health.is_stopped);
    }
    // Sessions count, live answers go on, and the summary is that of before.
    assert_eq!(session.ingress(1), Verdict::Counted);
    assert_eq!(collector.active()[0].rx_bytes, 13);
    assert_eq!(collector.refresh().sequence, last.sequence);
    let late = collector.register("late", "", "", "");
    assert_eq!(late.ingress(1), Verdict::Counted);
    assert!(late.unregister());
    collector.stop();
    collector.stop();
    assert_eq!(session.ingress(1), Verdict::Closed(CloseReason::Stopped));
    assert!(collector.health().is_stopped && !collector.is_known_session("a"));
    assert_eq!(collector.summary().totals.total_rx_bytes, 5);
}

#[test]
fn p6_a_collector_whose_collection_panicked_writes_nothing_over_its_history() {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::default();
    let store = Arc::new(FileStore::open(directory.path()).unwrap());
    let config = Config {
        store: Some(Arc::<FileStore>::clone(&store)),
        ..Config::default()
    };
    let registry = Registry::manual(config, clock.clone()).unwrap();
    let collector = registry.register("hls", every_second()).unwrap();
    collector.register("a", "", "", "").ingress(5);
    clock.advance(S);
    registry.tick();
    plant(&collector, Planted::After);
    collector.ingress("a", 7);
    clock.advance(S);
    registry.tick();
    registry.unregister("hls").unwrap();
    let Loaded::History(kept) = store.load("hls").unwrap() else {
        panic!("what was saved before is there");
    };
    assert_eq!(kept.totals().total_rx_bytes, 5);
    // Another one goes on from there.
    let anew = registry.register("hls", every_second()).unwrap();
    assert_eq!(anew.summary().totals.total_rx_bytes, 5);
    assert!(anew.health().is_good());
    assert!(matches!(
        registry.register("hls", every_second()),
        Err(RegistryError::Exists { .. })
    ));
}

#[test]
fn a_collection_that_panics_does_not_end_the_sampler_thread() {
    let registry = Registry::new(Config::default()).unwrap();
    let config = CollectorConfig {
        sample_interval: Duration::from_millis(1),
        window: Duration::from_millis(10),
        ..every_second()
    };
    let broken = registry.register("broken", config.clone()).unwrap();
    let whole = registry.register("whole", config).unwrap();
    let session = broken.register("a", "", "", "");
    let (done, is_done) = channel();
    let stopping = thread::Builder::new().spawn(move || {
        plant(&broken, Planted::Before);
        while broken.health().sampler_failure.is_none() {
            thread::yield_now();
        }
        // The one thread that ticks both goes on with the other.
        let before = whole.summary().sequence;
        while whole.summary().sequence < before + 3 {
            thread::yield_now();
        }
        drop((broken, whole, registry));
        let _ = done.send(());
    });
    is_done.recv_timeout(Duration::from_secs(60)).unwrap();
    stopping.unwrap().join().unwrap();
    assert_eq!(session.ingress(1), Verdict::Closed(CloseReason::Stopped));
}
