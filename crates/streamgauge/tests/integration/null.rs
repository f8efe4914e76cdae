//! P8: a null collector answers `Counted`, knows nothing, allows every IP.

use std::sync::Arc;

use streamgauge::{Collector, CollectorConfig, Health, ManualClock, Verdict};

use crate::ledger_check::S;

#[test]
fn p8_null_counts_nothing_and_says_counted() {
    let null = Collector::null();
    let session = null.register_and_activate("a", "stream", "here", "there");
    let mut writer = session.writer();
    for verdict in [
        null.ingress("a", 1),
        null.egress("nobody", u64::MAX),
        null.burst().ingress("a", 1),
        session.ingress(1),
        session.shared().egress(1),
        writer.ingress(1),
        writer.egress(1),
    ] {
        assert_eq!(verdict, Verdict::Counted);
    }
    null.tick();
    assert_eq!(null.summary().totals, null.refresh().totals);
    assert_eq!(null.summary().totals.total_sessions, 0);
    assert_eq!(null.with_summary(|summary| summary.sequence), 0);
    // All null collectors show one and the same summary.
    assert!(Arc::ptr_eq(&null.summary(), &Collector::null().refresh()));
}

#[test]
fn p8_null_knows_nothing() {
    let null = Collector::null();
    let session = null.register("a", "stream", "here", "there");
    assert!(!null.is_known_session("a") && !session.is_known() && null.session("a").is_none());
    assert!(!null.activate("a") && !session.activate());
    assert!(!null.unregister("a") && !session.unregister());
    assert!(session.id().is_none());
    null.extra("a", "more");
    null.session_set_top_ingress_bitrate("a", 1e6);
    assert_eq!((null.sessions(), null.active().len()), (0, 0));
    assert!(!null.is_sessions_exceeded());
    assert!(!null.is_ingress_bitrate_exceeded() && !null.is_egress_bitrate_exceeded());
    let sum = null.ingress_bitrate()
        + null.egress_bitrate()
        + null.max_ingress_bitrate()
        + null.top_egress_bitrate()
        + null.session_top_ingress_bitrate("a");
    assert!(sum.abs() < f64::EPSILON);
    assert_eq!(null.health(), Health::default());
    null.stop();
    assert_eq!(null.ingress("a", 1), Verdict::Counted);
}

#[test]
fn p8_null_allows_every_ip() {
    let null = Collector::null();
    assert!(null.is_collectable_ip("192.0.2.1") && null.is_collectable_ip("not an address"));
}

#[test]
fn a_configuration_that_cannot_be_followed_makes_a_null_collector() {
    let mut config = CollectorConfig::default();
    config.sample_interval = S * 20;
    assert!(Collector::try_new(config.clone()).is_err());
    let collector = Collector::manual(config.clone(), ManualClock::default());
    assert!(!collector.register("a", "", "", "").is_known());
    let collector = Collector::new(config);
    assert_eq!(collector.ingress("a", 1), Verdict::Counted);
    assert!(!collector.register("a", "", "", "").is_known());
}

#[test]
fn configuration_errors_name_the_field_and_the_rule() {
    let error = |change: fn(&mut CollectorConfig)| {
        let mut config = CollectorConfig::default();
        change(&mut config);
        Collector::try_new(config).unwrap_err().to_string()
    };
    assert_eq!(
        error(|config| config.sample_interval = S / 10_000),
        "sample_interval cannot be 100µs: it must be at least 1 ms"
    );
    assert_eq!(
        error(|config| config.window = S / 2),
        "window cannot be 500ms: it must be at least one sample_interval"
    );
    assert_eq!(
        error(|config| config.window = S * 257),
        "window cannot be 257s: it must be at most 256 times the sample_interval"
    );
    assert_eq!(
        error(|config| config.expected_sessions = (1 << 30) + 1),
        "expected_sessions cannot be 1073741825: it must be at most 2^30"
    );
    assert!(error(|config| config.expected_sessions = usize::MAX).starts_with("expected_sessions"));
}
