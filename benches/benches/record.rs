//! What one count costs, by each way in, beside the two floors: a bare locked add and a plain load, add and store.
//!
//! `record/make_id` is the part of `id` and `burst` that is the caller's: drawing a session and formatting its id.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use criterion::{Bencher, BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime};
use crossbeam_utils::CachePadded;
use streamgauge::{Collector, CollectorConfig, ManualClock};
use streamgauge_benches::crew::{Crew, Work};
use streamgauge_benches::id::{IdBuffer, Numbers};

/// Calls under one pin.
const BURST: u64 = 32;

fn record(criterion: &mut Criterion) {
    make_id(criterion);
    for sessions in [1_000, 100_000] {
        for threads in [1, 2] {
            let name = format!("record/ingress/sessions={sessions}/threads={threads}");
            let mut group = group(criterion, &name);
            by_id(&mut group, sessions, threads);
            by_burst(&mut group, sessions, threads);
            group.finish();
        }
    }
    for threads in [1, 2] {
        let mut group = group(
            criterion,
            &format!("record/ingress/own_session/threads={threads}"),
        );
        atomic(&mut group, threads);
        by_handle(&mut group, threads, false);
        by_handle(&mut group, threads, true);
        store(&mut group, threads);
        by_writer(&mut group, threads);
        group.finish();
    }
}

fn group<'c>(criterion: &'c mut Criterion, name: &str) -> BenchmarkGroup<'c, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group
        .sample_size(30)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    group
}

fn make_id(criterion: &mut Criterion) {
    let mut group = group(criterion, "record/make_id/sessions=100000/threads=1");
    let (mut numbers, mut id) = (Numbers::new(1, 100_000), IdBuffer::default());
    group.bench_function("ours", |bencher| {
        bencher.iter(|| black_box(id.format(numbers.draw()).len()));
    });
    group.finish();
}

/// A collector with so many sessions, all of them active.
fn collector(sessions: u64, count_packets: bool) -> Collector {
    let mut config = CollectorConfig::default();
    config.count_packets = count_packets;
    config.expected_sessions = usize::try_from(sessions).unwrap_or_default();
    let collector = Collector::manual(config, ManualClock::default());
    let mut id = IdBuffer::default();
    for number in 0..sessions {
        collector.register_and_activate(id.format(number), "stream", "here", "there");
    }
    collector.tick();
    collector
}

fn measure(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, work: Vec<Work>, total: impl Fn() -> u64) {
    let before = total();
    let mut crew = Crew::new(work);
    group.bench_function(name, |bencher: &mut Bencher<'_>| {
        bencher.iter_custom(|iterations| crew.run(iterations));
    });
    assert_eq!(crew.finish(), total() - before, "{name} lost counts");
}

fn by_id(group: &mut BenchmarkGroup<'_, WallTime>, sessions: u64, threads: u64) {
    let collector = collector(sessions, false);
    let work = (0..threads).map(|thread| {
        let collector = collector.clone();
        let (mut numbers, mut id) = (Numbers::new(thread + 1, sessions), IdBuffer::default());
        Box::new(move |iterations: u64| {
            for _ in 0..iterations {
                black_box(collector.ingress(id.format(numbers.draw()), 1));
            }
        }) as Work
    });
    measure(group, "id", work.collect(), || {
        collector.refresh().live.total_rx_bytes
    });
}

fn by_burst(group: &mut BenchmarkGroup<'_, WallTime>, sessions: u64, threads: u64) {
    let collector = collector(sessions, false);
    let work = (0..threads).map(|thread| {
        let collector = collector.clone();
        let (mut numbers, mut id) = (Numbers::new(thread + 1, sessions), IdBuffer::default());
        Box::new(move |iterations: u64| {
            let mut left = iterations;
            while left > 0 {
                let calls = left.min(BURST);
                let burst = collector.burst();
                for _ in 0..calls {
                    black_box(burst.ingress(id.format(numbers.draw()), 1));
                }
                left -= calls;
            }
        }) as Work
    });
    measure(group, "burst", work.collect(), || {
        collector.refresh().live.total_rx_bytes
    });
}

/// One session for each thread.
fn by_handle(group: &mut BenchmarkGroup<'_, WallTime>, threads: u64, count_packets: bool) {
    let collector = collector(0, count_packets);
    let work = (0..threads).map(|thread| {
        let session = collector.register(thread.to_le_bytes(), "stream", "here", "there");
        Box::new(move |iterations: u64| {
            for _ in 0..iterations {
                black_box(session.ingress(1));
            }
        }) as Work
    });
    let name = if count_packets { "handle_packets" } else { "handle" };
    measure(group, name, work.collect(), || {
        collector.refresh().totals.total_rx_bytes
    });
}

fn by_writer(group: &mut BenchmarkGroup<'_, WallTime>, threads: u64) {
    let collector = collector(0, false);
    let work = (0..threads).map(|thread| {
        let session = collector.register(thread.to_le_bytes(), "stream", "here", "there");
        let mut writer = session.writer();
        Box::new(move |iterations: u64| {
            for _ in 0..iterations {
                black_box(writer.ingress(1));
            }
        }) as Work
    });
    measure(group, "writer", work.collect(), || {
        collector.refresh().totals.total_rx_bytes
    });
}

/// A counter for each thread, each on a line of its own.
fn counters(threads: u64) -> Vec<Arc<CachePadded<AtomicU64>>> {
    (0..threads)
        .map(|_| Arc::new(CachePadded::new(AtomicU64::new(0))))
        .collect()
}

fn sum(counters: &[Arc<CachePadded<AtomicU64>>]) -> u64 {
    // Relaxed: read while no thread counts.
    counters
        .iter()
        .map(|counter| counter.load(Ordering::Relaxed))
        .sum()
}

/// The floor of a handle.
fn atomic(group: &mut BenchmarkGroup<'_, WallTime>, threads: u64) {
    let counters = counters(threads);
    let work = counters.iter().cloned().map(|counter| {
        Box::new(move |iterations: u64| {
            for _ in 0..iterations {
                // Relaxed: a count, ordered with nothing.
                black_box(counter.fetch_add(black_box(1), Ordering::Relaxed));
            }
        }) as Work
    });
    measure(group, "floor_atomic", work.collect(), || sum(&counters));
}

/// The floor of a writer.
fn store(group: &mut BenchmarkGroup<'_, WallTime>, threads: u64) {
    let counters = counters(threads);
    let work = counters.iter().cloned().map(|counter| {
        Box::new(move |iterations: u64| {
            for _ in 0..iterations {
                // Relaxed: one thread writes it.
                let before = counter.load(Ordering::Relaxed);
                // Relaxed: as above.
                counter.store(before + black_box(1), Ordering::Relaxed);
            }
        }) as Work
    });
    measure(group, "floor_store", work.collect(), || sum(&counters));
}

criterion_group!(benches, record);
criterion_main!(benches);
