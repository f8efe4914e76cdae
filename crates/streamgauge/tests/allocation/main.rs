//! P3 and P4: what counting calls and reads allocate and free, which is nothing, each on the thread that makes them. P5
//! and P6: what loading a history allocates.

mod counting;
mod loading;
mod reading;

use streamgauge::{Collector, CollectorConfig, ManualClock};
use streamgauge_testkit::{CountingAllocator, Counts, count};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// A collector with `sessions` sessions, their ids as [`id`] makes them.
fn collector_of(sessions: u64, count_packets: bool) -> (Collector, ManualClock) {
    let clock = ManualClock::default();
    let mut config = CollectorConfig::default();
    config.count_packets = count_packets;
    let collector = Collector::manual(config, clock.clone());
    for n in 0..sessions {
        collector.register(id(n), "stream", "here", "there");
    }
    (collector, clock)
}

fn id(n: u64) -> [u8; 8] {
    n.to_be_bytes()
}

/// Fails where `work` allocates or frees on this thread.
fn assert_none<R>(what: &str, work: impl FnOnce() -> R) -> R {
    let (result, counts) = count(work);
    assert_eq!(counts, Counts::default(), "{what}");
    result
}
