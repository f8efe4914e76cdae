//! A collector ticked by hand, and what tests ask it.

use std::io::{self, ErrorKind};

use streamgauge::{Collector, CollectorConfig, ManualClock, SessionHandle, Stats, Verdict};
use streamgauge_tokio::SessionClosed;

pub(crate) fn collector() -> Collector {
    Collector::manual(CollectorConfig::default(), ManualClock::default())
}

pub(crate) fn register(collector: &Collector) -> SessionHandle {
    collector.register("client", "reference", "location", "peer")
}

/// Bytes received and sent.
pub(crate) fn bytes(stats: Stats) -> (u64, u64) {
    (stats.total_rx_bytes, stats.total_tx_bytes)
}

/// What open sessions moved.
pub(crate) fn live(collector: &Collector) -> (u64, u64) {
    bytes(collector.refresh().live)
}

/// What ended sessions moved.
pub(crate) fn ended(collector: &Collector) -> (u64, u64) {
    bytes(collector.refresh().history.stats)
}

/// What a closed session's stream ends with.
pub(crate) fn verdict<R>(result: io::Result<R>) -> Verdict {
    let error = result.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::ConnectionAborted, "{error}");
    error
        .get_ref()
        .and_then(|cause| cause.downcast_ref::<SessionClosed>())
        .unwrap()
        .0
}
