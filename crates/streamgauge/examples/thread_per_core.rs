//! A thread per core, each with sessions of its own that it counts for through writers: no locked instruction and no shared
//! line per packet. Runs for a second, prints the summary, and asserts that no byte is missing.

use std::num::NonZero;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use streamgauge::{Collector, CollectorConfig, Writer};

const RUN_TIME: Duration = Duration::from_secs(1);
const FLOWS: usize = 16;
const PACKET_BYTES: u64 = 1_400;

fn main() {
    let mut config = CollectorConfig::default();
    config.count_packets = true;
    let collector = Collector::new(config);
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let start = Barrier::new(cores);

    let forwarded: u64 = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores)
            .map(|core| {
                let (collector, start) = (&collector, &start);
                scope.spawn(move || {
                    start.wait();
                    forward(collector, core)
                })
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).sum()
    });

    let summary = collector.refresh();
    println!("{cores} threads, {FLOWS} flows each, for {RUN_TIME:?}:");
    for flow in summary.active.iter().take(3) {
        println!("  {} on {}: {} packets", flow.id, flow.location, flow.rx_packets);
    }
    println!(
        "  .. {} flows in all, {} packets, {} bytes",
        summary.current_sessions, summary.totals.total_rx_packets, summary.totals.total_rx_bytes
    );
    assert_eq!(summary.totals.total_rx_packets, forwarded);
    assert_eq!(summary.totals.total_rx_bytes, forwarded * PACKET_BYTES);
    assert_eq!(summary.totals.total_tx_bytes, forwarded * PACKET_BYTES);
}

/// The loop of one core. Answers how many packets were counted.
fn forward(collector: &Collector, core: usize) -> u64 {
    let location = format!("core {core}");
    let mut flows: Vec<Writer> = (0..FLOWS)
        .map(|flow| {
            let session = collector.register(format!("flow-{core}-{flow}"), "udp", &location, "198.51.100.7");
            session.writer()
        })
        .collect();
    let end = now() + RUN_TIME;
    let mut packets = 0;
    while now() < end {
        // A batch, as a packet loop receives them: the time is looked at between batches only.
        for packet in 0..1_024 {
            let flow = &mut flows[packet % FLOWS];
            let counted = flow.ingress(PACKET_BYTES).is_counted() && flow.egress(PACKET_BYTES).is_counted();
            packets += u64::from(counted);
        }
    }
    packets
}

#[expect(
    clippy::disallowed_methods,
    reason = "an example runs for a second of real time"
)]
fn now() -> Instant {
    Instant::now()
}
