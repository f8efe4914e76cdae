//! Meters a viewer of a channel and asks what it moved.

use streamgauge::{Collector, CollectorConfig, Verdict};

fn main() {
    let mut config = CollectorConfig::default();
    config.max_sessions = 1_000;
    let collector = Collector::new(config); // with a sampler thread of its own

    // Per client or flow, a session: id, reference, location, peer.
    let viewer = collector.register("viewer-7", "channel-1", "edge-1", "198.51.100.7");

    // On the packet path: by handle, or by id where that is all there is.
    assert_eq!(viewer.egress(1_500), Verdict::Counted);
    assert_eq!(collector.ingress("viewer-7", 60), Verdict::Counted);

    // From any thread: who is active now, and what ended sessions moved.
    assert_eq!(collector.active()[0].tx_bytes, 1_500);
    viewer.unregister();
    println!("{:?}", collector.refresh().history.stats);
}
