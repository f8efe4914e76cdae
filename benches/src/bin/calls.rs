//! What one call costs by each way in that looks nothing up, beside the two floors, in alternating rounds of one run.
//!
//! `calls` prints nanoseconds for each way, the median of its rounds, and its ratio to its floor: for one thread on one
//! session, and for two threads on one. `calls WAY N` makes N calls by one way and nothing else, to count their
//! instructions under `valgrind --tool=callgrind`; two runs of different N subtract what is not the calls.

use std::env;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crossbeam_utils::CachePadded;
use streamgauge::{Collector, CollectorConfig, ManualClock, SessionHandle};
use streamgauge_benches::crew::{Crew, Work};

/// Rounds of each way; the median is shown.
const ROUNDS: usize = 101;

/// Calls in one round: so few that most rounds pass undisturbed also on a busy machine.
const CALLS: u64 = 400_000;

const WAYS: [&str; 8] = [
    "floor_atomic",
    "handle",
    "handle_packets",
    "floor_store",
    "writer",
    "writer_packets",
    "shared",
    "shared_packets",
];

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let [_, way, calls] = &arguments[..] {
        let calls = calls.parse().unwrap_or(0);
        let (mut work, total) = ways(way, 1);
        for work in &mut work {
            work(calls);
        }
        assert_eq!(total(), calls, "{way} lost counts");
        return;
    }
    for threads in [1, 2] {
        compare(threads);
    }
}

/// All ways, in alternating rounds on the same `threads`: what slows a core down slows every way.
fn compare(threads: usize) {
    let turn = Arc::new(AtomicUsize::new(0));
    let mut by_thread: Vec<Vec<Work>> = (0..threads).map(|_| Vec::new()).collect();
    let mut totals = Vec::new();
    for way in WAYS {
        let (work, total) = ways(way, threads);
        for (all, work) in by_thread.iter_mut().zip(work) {
            all.push(work);
        }
        totals.push(total);
    }
    let work = by_thread.into_iter().map(|mut all| -> Work {
        let turn = Arc::clone(&turn);
        // Relaxed: the crew's orders come after it.
        Box::new(move |calls| all[turn.load(Ordering::Relaxed)](calls))
    });
    let mut crew = Crew::new(work.collect());
    let mut figures = [const { Vec::new() }; WAYS.len()];
    for _ in 0..=ROUNDS {
        for (way, figures) in figures.iter_mut().enumerate() {
            // Relaxed: as above.
            turn.store(way, Ordering::Relaxed);
            figures.push(crew.run(CALLS));
        }
    }
    let calls = crew.finish() / WAYS.len() as u64;
    let mut medians = Vec::new();
    for ((way, total), mut figures) in WAYS.into_iter().zip(totals).zip(figures) {
        assert_eq!(total(), calls, "{way} lost counts");
        // The first round warms up.
        figures.remove(0);
        figures.sort_unstable();
        medians.push((way, figures[ROUNDS / 2].as_secs_f64() * 1e9 / 4e5));
    }
    let of = |wanted: &str| {
        medians
            .iter()
            .find(|(way, _)| *way == wanted)
            .map_or(f64::NAN, |(_, median)| *median)
    };
    for (way, median) in &medians {
        let floor = if way.contains("writer") || way.contains("store") {
            "floor_store"
        } else {
            "floor_atomic"
        };
        println!(
            "threads={threads} {way:<16} {median:6.2} ns  {:5.2} x {floor}",
            median / of(floor)
        );
    }
}

/// The total that a way's calls came to.
type Total = Box<dyn Fn() -> u64>;

/// The work of each thread, and where its total is read.
fn ways(way: &str, threads: usize) -> (Vec<Work>, Total) {
    if way.starts_with("floor") {
        return floor(way, threads);
    }
    let mut config = CollectorConfig::default();
    config.count_packets = way.ends_with("packets");
    let collector = Collector::manual(config, ManualClock::default());
    let session = collector.register("client-0000000000001", "stream", "here", "there");
    let work = (0..threads).map(|_| by(way, &session)).collect();
    (work, Box::new(move || collector.refresh().totals.total_rx_bytes))
}

fn by(way: &str, session: &SessionHandle) -> Work {
    let session = session.clone();
    match way {
        "handle" | "handle_packets" => Box::new(move |calls| {
            let mut refused = 0;
            for _ in 0..calls {
                refused += u64::from(!session.ingress(black_box(1)).is_counted());
            }
            assert!(refused == 0, "every call is counted");
        }),
        "writer" | "writer_packets" => {
            let mut writer = session.writer();
            Box::new(move |calls| {
                let mut refused = 0;
                for _ in 0..calls {
                    refused += u64::from(!writer.ingress(black_box(1)).is_counted());
                }
                assert!(refused == 0, "every call is counted");
            })
        }
        _ => {
            let shared = session.shared();
            Box::new(move |calls| {
                let mut refused = 0;
                for _ in 0..calls {
                    refused += u64::from(!shared.ingress(black_box(1)).is_counted());
                }
                assert!(refused == 0, "every call is counted");
            })
        }
    }
}

/// A bare locked add on one counter for all, or a plain load, add and store on one for each.
fn floor(way: &str, threads: usize) -> (Vec<Work>, Total) {
    let is_shared = way == "floor_atomic";
    let one = Arc::new(CachePadded::new(AtomicU64::new(0)));
    let counters: Vec<_> = (0..threads)
        .map(|_| {
            if is_shared {
                Arc::clone(&one)
            } else {
                Arc::new(CachePadded::new(AtomicU64::new(0)))
            }
        })
        .collect();
    let work = counters
        .iter()
        .cloned()
        .map(|counter| -> Work {
            if is_shared {
                Box::new(move |calls| {
                    for _ in 0..calls {
                        // Relaxed: a count, ordered with nothing.
                        counter.fetch_add(black_box(1), Ordering::Relaxed);
                    }
                })
            } else {
                Box::new(move |calls| {
                    for _ in 0..calls {
                        // Relaxed: one thread writes it.
                        let before = counter.load(Ordering::Relaxed);
                        // Relaxed: as above.
                        counter.store(before + black_box(1), Ordering::Relaxed);
                    }
                })
            }
        })
        .collect();
    let sum = move || {
        let each = if is_shared { &counters[..1] } else { &counters[..] };
        each.iter()
            // Relaxed: read while no thread counts.
            .map(|counter| counter.load(Ordering::Relaxed))
            .sum()
    };
    (work, Box::new(sum))
}
