//! P3 and P4: what counting calls and reads allocate and free, which is nothing, each on the thread that makes them. P5
//! and P6: what loading a history allocates. And what the truncation of peers adds to registrations.

mod counting;
mod loading;
mod reading;
mod registering;

use std::sync::{Mutex, MutexGuard, PoisonError};

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

/// Keeps the tests apart: what one's threads leave in the table's reclamation, another's would free.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks up until the table has nothing more to move or to free: the steady state begins after that.
fn settle(collector: &Collector) {
    let look_up = || (0..10_000).all(|n| collector.is_known_session(id(n % 100)));
    loop {
        let (is_known, counts) = count(look_up);
        assert!(is_known);
        if counts == Counts::default() {
            return;
        }
    }
}

/// Fails where `work` allocates or frees on this thread.
fn assert_none<R>(what: &str, work: impl FnOnce() -> R) -> R {
    let (result, counts) = count(work);
    assert_eq!(counts, Counts::default(), "{what}");
    result
}

/// Runs `work` on a prepared thread of its own: one that registered no session, and so has nothing of the table to free.
fn on_packet_thread(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            streamgauge::prepare_thread();
            work();
        });
    });
}
