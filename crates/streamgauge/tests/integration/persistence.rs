//! Histories that survive a restart (P1 d, P6).

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use streamgauge::{
    Activation, Collector, CollectorConfig, Config, Error, FileStore, HistoryStore, Loaded, ManualClock,
    Registry, RegistryError, Stats, StoreError,
};

use crate::ledger_check::{Checked, S, bytes};

fn open(directory: &Path, clock: &ManualClock) -> Registry {
    let mut config = Config::default();
    config.persist_dir = Some(directory.to_owned());
    Registry::manual(config, clock.clone()).unwrap()
}

fn every(interval: Duration) -> CollectorConfig {
    let mut config = CollectorConfig::default();
    config.session_timeout = Duration::MAX;
    config.persist_interval = interval;
    config
}

fn move_bytes(collector: &Collector, id: &str, bytes: u64) {
    let session = collector.register(id, "stream", "here", "there");
    session.ingress(bytes);
    session.egress(2 * bytes);
    session.unregister();
}

/// The names of the files in a directory, ordered.
fn files(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn p1d_totals_never_fall_across_restarts() {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::default();
    let mut before = Stats::default();
    for round in 1..=4_u64 {
        let registry = open(directory.path(), &clock);
        let meter = Checked::of(
            registry.register("hls", every(Duration::ZERO)).unwrap(),
            clock.clone(),
        );
        assert_eq!(meter.summary().totals, before);
        move_bytes(&meter, "a", round);
        meter.register("pending", "", "", "");
        meter.register("live", "stream 2", "here", "there").egress(round);
        meter.tick_after(S);
        drop(registry);
        before = meter.summary().totals;
        assert_eq!(before.total_sessions, 3 * round);
        assert_eq!(before.total_rx_bytes, round * (round + 1) / 2);
    }
    let registry = open(directory.path(), &clock);
    let last = registry.register("hls", every(Duration::ZERO)).unwrap().summary();
    assert_eq!((last.totals, last.discarded.total_sessions), (before, 4));
    assert_eq!(bytes(*last.history.references.get("stream 2").unwrap()), (0, 10));
    let peer = last.history.peers.get("there").unwrap();
    assert_eq!(peer.locations.get("here").unwrap().total_rx_bytes, 10);
}

#[test]
fn p1d_a_collector_registered_anew_goes_on_with_its_history() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(directory.path(), &ManualClock::default());
    for round in 1..=3 {
        let collector = registry.register("hls", every(Duration::ZERO)).unwrap();
        move_bytes(&collector, "a", 10);
        assert_eq!(bytes(collector.refresh().totals), (10 * round, 20 * round));
        registry.unregister("hls").unwrap();
    }
}

#[test]
fn p1d_and_p5_a_lower_cap_folds_what_was_loaded_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(directory.path(), &ManualClock::default());
    let collector = registry.register("hls", every(Duration::ZERO)).unwrap();
    for n in 0..5 {
        let session = collector.register(n.to_string(), &n.to_string(), "here", "there");
        session.ingress(1);
    }
    registry.unregister("hls").unwrap();
    let mut config = every(Duration::ZERO);
    config.max_history_keys = 2;
    for _ in 0..2 {
        let collector = registry.register("hls", config.clone()).unwrap();
        let summary = collector.summary();
        assert_eq!(bytes(summary.totals), (5, 0));
        let references: Vec<_> = summary.history.references.iter().collect();
        assert_eq!(references.len(), 3);
        assert_eq!((references[0].0, references[0].1.total_sessions), ("(other)", 3));
        registry.unregister("hls").unwrap();
    }
}

#[test]
fn bitrates_do_not_count_what_was_loaded() {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::default();
    let registry = open(directory.path(), &clock);
    move_bytes(
        &registry.register("hls", every(Duration::ZERO)).unwrap(),
        "a",
        1 << 40,
    );
    registry.unregister("hls").unwrap();
    let collector = registry.register("hls", every(Duration::ZERO)).unwrap();
    clock.advance(S);
    registry.tick();
    assert!(collector.ingress_bitrate().abs() < f64::EPSILON);
}

#[test]
fn collectors_whose_ids_differ_in_case_have_histories_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(directory.path(), &ManualClock::default());
    for (id, bytes) in [("ABC", 1), ("abc", 10), ("aBc", 100)] {
        move_bytes(&registry.register(id, every(Duration::ZERO)).unwrap(), "a", bytes);
    }
    registry.unregister_all();
    let names: std::collections::BTreeSet<String> = files(directory.path())
        .iter()
        .map(|name| name.to_lowercase())
        .collect();
    assert_eq!(names.len(), 4, "three histories and the lock: {names:?}");
    for (id, rx) in [("ABC", 1), ("abc", 10), ("aBc", 100)] {
        let collector = registry.register(id, every(Duration::ZERO)).unwrap();
        assert_eq!(bytes(collector.summary().totals), (rx, 2 * rx), "{id}");
    }
}

#[test]
fn a_history_is_saved_every_persist_interval_and_not_in_between() {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::default();
    let registry = open(directory.path(), &clock);
    let meter = Checked::of(registry.register("hls", every(S * 10)).unwrap(), clock);
    move_bytes(&meter, "a", 1);
    meter.tick_seconds(9);
    assert_eq!(meter.health().last_saved, None);
    assert_eq!(files(directory.path()), ["lock"]);
    meter.tick_after(S);
    assert_eq!(meter.health().last_saved, Some(SystemTime::UNIX_EPOCH + S * 10));
    assert_eq!(files(directory.path()), ["hls.0.log", "lock"]);
    move_bytes(&meter, "b", 1);
    meter.tick_seconds(9);
    assert_eq!(meter.health().last_saved, Some(SystemTime::UNIX_EPOCH + S * 10));
    meter.tick_after(S);
    assert_eq!(meter.health().last_saved, Some(SystemTime::UNIX_EPOCH + S * 20));
    // Nothing changed: nothing is written.
    meter.tick_seconds(30);
    assert_eq!(meter.health().last_saved, Some(SystemTime::UNIX_EPOCH + S * 20));
}

#[test]
fn persist_interval_zero_saves_at_stop_alone() {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::default();
    let registry = open(directory.path(), &clock);
    let meter = Checked::of(registry.register("hls", every(Duration::ZERO)).unwrap(), clock);
    move_bytes(&meter, "a", 1);
    meter.tick_seconds(100);
    assert_eq!(files(directory.path()), ["lock"]);
    meter.stop();
    assert_eq!(files(directory.path()), ["hls.0.log", "lock"]);
    assert_eq!(meter.health().last_saved, Some(SystemTime::UNIX_EPOCH + S * 100));
}

#[test]
fn p6_a_crash_loses_no_more_than_one_interval_live_sessions_included() {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::default();
    let registry = open(directory.path(), &clock);
    let meter = Checked::of(registry.register("hls", every(S * 10)).unwrap(), clock.clone());
    move_bytes(&meter, "closed", 100);
    let live = meter.register("live", "stream 2", "here", "there");
    live.ingress(7);
    meter.tick_seconds(10);
    live.ingress(1_000_000);
    meter.tick_seconds(9);
    let crashed = tempfile::tempdir().unwrap();
    fs::copy(
        directory.path().join("hls.0.log"),
        crashed.path().join("hls.0.log"),
    )
    .unwrap();
    let registry = open(crashed.path(), &clock);
    let summary = registry.register("hls", every(S * 10)).unwrap().summary();
    assert_eq!(bytes(summary.totals), (107, 200));
    assert_eq!(
        summary.history.references.get("stream 2").unwrap().total_rx_bytes,
        7
    );
    // The run that went on accounts its sessions once all the same.
    assert_eq!(bytes(meter.stopped().totals), (1_000_107, 200));
}

#[test]
fn p6_an_activation_that_moves_no_bytes_is_saved_too() {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::default();
    let registry = open(directory.path(), &clock);
    let mut config = every(S);
    config.activation = Activation::Explicit;
    let meter = Checked::of(registry.register("hls", config.clone()).unwrap(), clock.clone());
    meter.register("a", "stream", "here", "there").ingress(7);
    meter.tick_after(S);
    meter.activate("a");
    meter.tick_after(S);
    // A crash: what is on disk is all that is left.
    let left = tempfile::tempdir().unwrap();
    fs::copy(directory.path().join("hls.0.log"), left.path().join("hls.0.log")).unwrap();
    let summary = open(left.path(), &clock)
        .register("hls", config)
        .unwrap()
        .summary();
    assert_eq!(
        (bytes(summary.history.stats), bytes(summary.discarded)),
        ((7, 0), (0, 0))
    );
}

#[test]
fn a_second_store_on_a_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(directory.path(), &ManualClock::default());
    let refused = FileStore::open(directory.path()).unwrap_err();
    assert!(matches!(&refused, StoreError::InUse { path } if path == directory.path()));
    assert!(
        refused
            .to_string()
            .contains(&directory.path().display().to_string())
    );
    assert!(refused.to_string().contains("in use"), "{refused}");
    let mut config = Config::default();
    config.persist_dir = Some(directory.path().to_owned());
    let again = Registry::manual(config, ManualClock::default()).unwrap_err();
    assert!(matches!(again, Error::Store(StoreError::InUse { .. })));
    drop(registry);
    assert!(FileStore::open(directory.path()).is_ok());
}

#[test]
fn a_directory_is_made_where_there_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("some").join("where");
    let store = FileStore::open(&path).unwrap();
    assert_eq!(store.directory(), path);
    assert_eq!(store.load("nobody").unwrap(), Loaded::Nothing);
}

#[test]
fn a_history_that_cannot_be_read_keeps_its_collector_from_starting() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(directory.path(), &ManualClock::default());
    fs::create_dir(directory.path().join("hls.0.log")).unwrap();
    let failed = registry.register("hls", every(Duration::ZERO)).unwrap_err();
    assert!(
        matches!(&failed, RegistryError::Start { id, source: Error::Store(StoreError::Io { .. }) } if id == "hls"),
        "{failed}"
    );
    assert!(registry.collectors().is_empty());
}

#[test]
fn a_directory_and_a_store_together_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let store = FileStore::open(directory.path().join("a")).unwrap();
    let mut config = Config::default();
    config.persist_dir = Some(directory.path().join("b"));
    config.store = Some(std::sync::Arc::new(store));
    let error = Registry::manual(config, ManualClock::default()).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Config {
                field: "persist_dir",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn p6_an_id_whose_history_can_be_loaded_has_one_that_can_be_saved() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.persist_dir = Some(directory.path().to_owned());
    let registry = Registry::manual(config, ManualClock::default()).unwrap();
    for length in 195..=256 {
        // File names of more than 255 bytes are an error of the system's: then at once, and not when it is too late. Behind an id
        // stand a number, what it is, and where need be under which number it was set aside, in up to 52 bytes.
        let registered = registry.register(&"a".repeat(length), CollectorConfig::default());
        assert_eq!(registered.is_ok(), length + 52 <= 255, "{length}");
        let Ok(collector) = registered else {
            continue;
        };
        collector.register("a", "stream", "here", "there").ingress(7);
        collector.stop();
        assert_eq!(collector.health().store_error, None, "{length}");
    }
}
