//! The worker thread parked in an observer, and in a write to disk.

use std::sync::Arc;
use std::time::Duration;

use streamgauge::{
    Collector, CollectorConfig, Config, HistorySnapshot, HistoryStore, Loaded, Registry, SessionEvent,
    SessionObserver, StoreError,
};

use crate::gate::Gate;
use crate::harness::{DEADLINE, Outcome, run_packets};
use crate::subject::{Metered, Subject};

/// Parks its caller, whoever that is.
#[derive(Debug, Default)]
struct Parking(Gate);

impl SessionObserver for Parking {
    fn on_event(&self, _: &SessionEvent) {
        self.0.pass();
    }
}

impl HistoryStore for Parking {
    fn load(&self, _: &str) -> Result<Loaded, StoreError> {
        Ok(Loaded::Nothing)
    }

    fn save(&self, _: &str, _: &HistorySnapshot) -> Result<(), StoreError> {
        self.0.pass();
        Ok(())
    }
}

/// Ticks as often as a collector can.
fn fast() -> CollectorConfig {
    let mut config = CollectorConfig::default();
    config.sample_interval = Duration::from_millis(1);
    config.window = Duration::from_millis(100);
    config.session_timeout = Duration::MAX;
    config
}

fn assert_passed(subject: &Arc<Metered>, parking: &Parking) {
    parking.0.wait_until_parked();
    let before = subject.collector.refresh();
    assert_eq!(run_packets(subject, DEADLINE), Outcome::Finished);
    // Ticks go on too: a refresh has the packets, and sequences have moved by more than this one refresh.
    let after = subject.collector.refresh();
    assert_eq!(
        after.totals.total_rx_bytes - before.totals.total_rx_bytes,
        200_000
    );
    while subject.collector.summary().sequence <= after.sequence + 1 {
        std::thread::yield_now();
    }
    parking.0.open();
}

#[test]
fn p3_packets_and_ticks_pass_a_parked_observer() {
    let parking = Arc::new(Parking::default());
    let mut config = fast();
    config.observer = Some(Arc::clone(&parking) as Arc<dyn SessionObserver>);
    let subject = Metered::with(Collector::try_new(config).unwrap());
    assert_passed(&subject, &parking);
}

#[test]
fn p3_packets_and_ticks_pass_a_parked_disk() {
    let parking = Arc::new(Parking::default());
    let mut config = Config::default();
    config.store = Some(Arc::clone(&parking) as Arc<dyn HistoryStore>);
    let registry = Registry::new(config).unwrap();
    let mut config = fast();
    config.persist_interval = Duration::from_millis(1);
    let subject = Metered::with(registry.register("c", config).unwrap());
    // A session that ends with bytes: something to write.
    subject.register(0);
    subject.collector.ingress(b"o\0\0\0\0\0\0\0\0", 1);
    subject.unregister(0);
    assert_passed(&subject, &parking);
}
