//! What a program finds before it does anything: defaults, answers, and what it may call at any time.

use streamgauge::{Activation, CloseReason, CollectorConfig, Config, RefuseReason, Verdict};

#[test]
fn defaults_are_as_documented() {
    let config = CollectorConfig::default();
    let seconds = |duration: std::time::Duration| duration.as_secs();
    assert_eq!((seconds(config.window), seconds(config.sample_interval)), (10, 1));
    assert_eq!(
        (config.max_rx_bitrate, config.max_tx_bitrate, config.max_sessions),
        (0, 0, 0)
    );
    assert_eq!(config.activation, Activation::OnTraffic);
    assert!(config.session_timeout.is_zero() && config.inactive_timeout.is_zero());
    assert!(config.persist_interval.is_zero() && !config.count_packets);
    assert!(config.limiter.is_none() && config.observer.is_none());
    let config = Config::default();
    assert!(config.persist_dir.is_none() && config.store.is_none());
}

#[test]
fn only_counted_is_counted() {
    assert!(Verdict::Counted.is_counted());
    for verdict in [
        Verdict::Unknown,
        Verdict::Closed(CloseReason::TimedOut),
        Verdict::Refused(RefuseReason::TooLarge),
    ] {
        assert!(!verdict.is_counted());
    }
}

#[test]
fn prepare_thread_may_be_called_at_any_time() {
    streamgauge::prepare_thread();
    streamgauge::prepare_thread();
}
