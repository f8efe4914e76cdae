//! How a collector says that its machinery fares.

use std::time::{Duration, SystemTime};

use crate::ledger_check::{Checked, S};

#[test]
fn health_shows_the_last_tick() {
    let meter = Checked::new(|_| {});
    assert_eq!(meter.health().last_tick, None);
    assert!(meter.health().is_good());
    meter.tick_after(S * 3);
    meter.clock.advance(S);
    meter.refreshed();
    let health = meter.health();
    assert_eq!(health.last_tick, Some(SystemTime::UNIX_EPOCH + S * 3));
    assert_eq!(health.last_tick_duration, Duration::ZERO);
    assert_eq!((health.sampler_failure, health.store_error), (None, None));
}

#[test]
fn health_shows_a_stop() {
    let meter = Checked::new(|_| {});
    assert!(!meter.health().is_stopped);
    meter.stop();
    assert!(meter.health().is_stopped && !meter.health().is_good());
}
