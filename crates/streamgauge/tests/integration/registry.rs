//! Registries: collectors by id.

use std::sync::Arc;

use streamgauge::{
    CloseReason, CollectorConfig, Config, Error, ManualClock, Registry, RegistryError, SessionEvent,
    SessionObserver, Verdict,
};

use crate::ledger_check::{S, assert_rate, bytes};

fn registry() -> (Registry, ManualClock) {
    let clock = ManualClock::default();
    (Registry::manual(Config::default(), clock.clone()).unwrap(), clock)
}

#[test]
fn an_id_is_one_or_more_of_digits_and_ascii_letters() {
    let (registry, _) = registry();
    for id in ["0", "hls", "RTMP1935", "a"] {
        registry.register(id, CollectorConfig::default()).unwrap();
    }
    let empty = registry.register("", CollectorConfig::default()).unwrap_err();
    assert!(matches!(empty, RegistryError::EmptyId));
    for bad in ["a b", "a-b", "a_b", "../a", "ä", "a\0", "a.b"] {
        let error = registry.register(bad, CollectorConfig::default()).unwrap_err();
        assert!(
            matches!(&error, RegistryError::InvalidId { id } if id == bad),
            "{error}"
        );
        assert!(error.to_string().contains(&format!("{bad:?}")), "{error}");
    }
}

#[test]
fn errors_name_the_id() {
    let (registry, _) = registry();
    registry.register("hls", CollectorConfig::default()).unwrap();
    let exists = registry.register("hls", CollectorConfig::default()).unwrap_err();
    assert!(
        matches!(&exists, RegistryError::Exists { id } if id == "hls"),
        "{exists}"
    );
    let missing = registry.unregister("rtmp").unwrap_err();
    assert!(
        matches!(&missing, RegistryError::NotFound { id } if id == "rtmp"),
        "{missing}"
    );
    assert!(matches!(registry.unregister(""), Err(RegistryError::EmptyId)));
    let mut config = CollectorConfig::default();
    config.window = S / 2;
    let failed = registry.register("srt", config).unwrap_err();
    assert!(
        matches!(&failed, RegistryError::Start { id, source: Error::Config { field: "window", .. } } if id == "srt"),
        "{failed}"
    );
    assert_eq!(registry.collectors(), ["hls"]);
}

#[test]
fn ids_that_differ_in_case_are_two_collectors() {
    let (registry, _) = registry();
    let upper = registry.register("ABC", CollectorConfig::default()).unwrap();
    let lower = registry.register("abc", CollectorConfig::default()).unwrap();
    upper.register_and_activate("a", "", "", "");
    assert_eq!((upper.sessions(), lower.sessions()), (1, 0));
    registry.unregister("abc").unwrap();
    assert_eq!(registry.collectors(), ["ABC"]);
}

#[test]
fn unregister_stops_the_collector_and_frees_its_id() {
    let (registry, _) = registry();
    let old = registry.register("hls", CollectorConfig::default()).unwrap();
    let session = old.register("a", "", "", "");
    session.ingress(1);
    registry.unregister("hls").unwrap();
    assert_eq!(session.ingress(1), Verdict::Closed(CloseReason::Stopped));
    assert!(old.health().is_stopped);
    assert!(registry.collector("hls").is_none());
    let new = registry.register("hls", CollectorConfig::default()).unwrap();
    assert_eq!(new.register("a", "", "", "").ingress(5), Verdict::Counted);
    assert_eq!(bytes(new.refresh().totals), (5, 0));
    assert_eq!(bytes(old.summary().totals), (1, 0));
}

#[test]
fn unregister_all_stops_all() {
    let (registry, _) = registry();
    let collectors: Vec<_> = ["b", "a", "c"]
        .map(|id| registry.register(id, CollectorConfig::default()).unwrap())
        .into();
    assert_eq!(registry.collectors(), ["a", "b", "c"]);
    registry.unregister_all();
    assert!(registry.collectors().is_empty());
    assert!(collectors.iter().all(|collector| collector.health().is_stopped));
}

#[test]
fn tick_ticks_all_collectors() {
    let (registry, clock) = registry();
    for id in ["a", "b"] {
        let collector = registry.register(id, CollectorConfig::default()).unwrap();
        collector.register("s", "", "", "").ingress(1_000);
    }
    clock.advance(S);
    registry.tick();
    for id in ["a", "b"] {
        assert_rate(registry.collector(id).unwrap().ingress_bitrate(), 8_000.0);
    }
}

#[test]
fn an_id_that_is_not_registered_has_an_empty_summary() {
    let (registry, _) = registry();
    for summary in [registry.summary("none"), registry.reader().summary("none")] {
        assert_eq!((summary.sequence, summary.totals.total_sessions), (0, 0));
        assert!(summary.active.is_empty());
    }
    assert!(registry.active("none").is_empty() && registry.reader().active("none").is_empty());
    assert!(registry.collector("none").is_none() && registry.reader().collector("none").is_none());
}

#[test]
fn a_reader_reads_what_the_registry_has() {
    let (registry, _) = registry();
    let reader = registry.reader();
    let collector = registry.register("hls", CollectorConfig::default()).unwrap();
    collector.register("a", "", "", "").egress(3);
    registry.tick();
    assert_eq!(reader.collectors(), ["hls"]);
    assert_eq!(bytes(reader.summary("hls").live), (0, 3));
    assert_eq!(bytes(registry.summary("hls").live), (0, 3));
    assert_eq!(reader.active("hls")[0].tx_bytes, 3);
    assert_eq!(registry.active("hls")[0].tx_bytes, 3);
    assert_eq!(reader.collector("hls").unwrap().sessions(), 1);
}

#[test]
fn a_reader_does_not_keep_collectors_running() {
    let (registry, _) = registry();
    let collector = registry.register("hls", CollectorConfig::default()).unwrap();
    let session = collector.register("a", "", "", "");
    let (reader, clone) = (registry.reader(), registry.clone());
    drop(registry);
    assert_eq!(session.ingress(1), Verdict::Counted);
    drop(clone);
    assert_eq!(session.ingress(1), Verdict::Closed(CloseReason::Stopped));
    assert!(reader.collectors().is_empty());
    assert_eq!(bytes(collector.summary().totals), (1, 0));
}

#[test]
fn a_collector_dropped_by_its_user_goes_on_in_its_registry() {
    let (registry, _) = registry();
    let collector = registry.register("hls", CollectorConfig::default()).unwrap();
    let session = collector.register("a", "", "", "");
    drop(collector);
    assert_eq!(session.ingress(1), Verdict::Counted);
    assert_eq!(registry.active("hls")[0].rx_bytes, 1);
}

#[test]
fn an_observer_may_use_the_registry_that_unregisters_its_collector() {
    struct Reregistering(std::sync::Mutex<Option<Registry>>);
    impl SessionObserver for Reregistering {
        fn on_event(&self, event: &SessionEvent) {
            if let SessionEvent::Closed(_) = event
                && let Some(registry) = self.0.lock().ok().and_then(|mut registry| registry.take())
            {
                drop(registry.register("next", CollectorConfig::default()));
            }
        }
    }
    let (registry, _) = registry();
    let observer = Arc::new(Reregistering(std::sync::Mutex::new(Some(registry.clone()))));
    let mut config = CollectorConfig::default();
    config.observer = Some(observer);
    let collector = registry.register("hls", config).unwrap();
    collector.register("a", "", "", "").ingress(1);
    registry.unregister("hls").unwrap();
    assert_eq!(registry.collectors(), ["next"]);
}
