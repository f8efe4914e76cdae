//! What a session takes in memory, and its registration in time: `session_memory [SESSIONS] [PEERS] [--tick]`.
//!
//! Registers and activates sessions with ids of 20 bytes, 500 references and so many distinct peers, and prints the
//! resident bytes of each, what a registration took on average, and the longest one. With `--tick` also after three ticks,
//! when the sampler's rows and two summaries are there.

#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::env;
use std::fs;
use std::time::{Duration, Instant};

use streamgauge::{Collector, CollectorConfig, ManualClock};
use streamgauge_benches::id::IdBuffer;

const REFERENCES: u64 = 500;

fn main() {
    let numbers: Vec<u64> = env::args().filter_map(|argument| argument.parse().ok()).collect();
    let sessions = numbers.first().copied().unwrap_or(1_000_000);
    let peers = numbers.get(1).copied().unwrap_or(sessions).max(1);
    let ticks = env::args().any(|argument| argument == "--tick");

    let clock = ManualClock::default();
    let mut config = CollectorConfig::default();
    config.max_tracked_sessions = sessions.max(config.max_tracked_sessions);
    config.session_timeout = Duration::MAX;
    let collector = Collector::manual(config, clock.clone());
    let references: Vec<String> = (0..REFERENCES).map(|n| format!("stream-{n}")).collect();
    let mut id = IdBuffer::default();
    let mut peer = String::new();
    let before = resident_bytes();
    let (mut sum, mut longest) = (Duration::ZERO, Duration::ZERO);
    for (number, reference) in (0..sessions).zip(references.iter().cycle()) {
        peer.clear();
        write_address(&mut peer, number % peers);
        let id = id.format(number);
        let start = Instant::now();
        collector.register_and_activate(id, reference, "edge-1", &peer);
        let took = start.elapsed();
        sum += took;
        longest = longest.max(took);
    }
    println!(
        "registered {sessions}: {:.1} bytes each, {:.0} ns each, longest {:.2} ms",
        per(resident_bytes() - before, sessions),
        sum.as_secs_f64() * 1e9 / per(sessions, 1),
        longest.as_secs_f64() * 1e3
    );
    if ticks {
        for _ in 0..3 {
            clock.advance(Duration::from_secs(1));
            collector.tick();
        }
        println!(
            "after three ticks: {:.1} bytes each",
            per(resident_bytes() - before, sessions)
        );
    }
    assert_eq!(collector.sessions(), sessions);
}

/// An address of 13 to 15 bytes, as in `198.51.100.7` but one for each number.
fn write_address(text: &mut String, number: u64) {
    use std::fmt::Write;
    let [.., a, b, c] = number.to_be_bytes();
    // Writing to a String does not fail.
    let _ = write!(text, "100.{}.{}.{}", 100 + (a & 63), b, c);
}

#[expect(clippy::cast_precision_loss, reason = "shown to a decimal")]
fn per(bytes: u64, sessions: u64) -> f64 {
    bytes as f64 / sessions as f64
}

/// The resident set, from `/proc/self/statm`, in pages of 4 KiB.
fn resident_bytes() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .unwrap_or(0);
    pages * 4_096
}
