//! Which map holds the sessions: find by a twenty-byte id and one locked add, over the rival tables.
//!
//! `table/make_id` is the part of each figure that is not the table's: drawing a session and formatting its id.
//! `STREAMGAUGE_BENCH_SESSIONS=1000,1000000` replaces the numbers of sessions.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use criterion::{Bencher, BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime};
use crossbeam_utils::CachePadded;
use streamgauge_benches::crew::{Crew, Work};
use streamgauge_benches::id::{IdBuffer, Numbers};
use streamgauge_benches::table::{Dash, Locked, Papaya, Scc, SccReserved, Session, Table};

/// Calls under one pin.
const BURST: u64 = 64;

fn table(criterion: &mut Criterion) {
    make_id(criterion);
    let sizes = std::env::var("STREAMGAUGE_BENCH_SESSIONS").unwrap_or_else(|_| "1000,10000,100000".into());
    for sessions in sizes.split(',').filter_map(|size| size.trim().parse().ok()) {
        for threads in [1, 2] {
            let mut group = group(
                criterion,
                &format!("table/find_add/sessions={sessions}/threads={threads}"),
            );
            bare_atomic(&mut group, threads);
            find_add::<Scc>(&mut group, sessions, threads);
            find_add::<SccReserved>(&mut group, sessions, threads);
            find_add::<Papaya>(&mut group, sessions, threads);
            find_add::<Dash>(&mut group, sessions, threads);
            find_add::<Locked>(&mut group, sessions, threads);
            burst::<Scc>(&mut group, sessions, threads);
            burst::<Papaya>(&mut group, sessions, threads);
            group.finish();
        }
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
    let mut group = group(criterion, "table/make_id/sessions=100000/threads=1");
    let (mut numbers, mut id) = (Numbers::new(1, 100_000), IdBuffer::default());
    group.bench_function("ours", |bencher| {
        bencher.iter(|| black_box(id.format(numbers.draw()).len()));
    });
    group.finish();
}

/// The floor: each thread adds to a counter of its own and looks for nothing.
fn bare_atomic(group: &mut BenchmarkGroup<'_, WallTime>, threads: u64) {
    let counters: Vec<_> = (0..threads)
        .map(|_| Arc::new(CachePadded::new(AtomicU64::new(0))))
        .collect();
    let work = counters.iter().map(|counter| {
        let counter = Arc::clone(counter);
        Box::new(move |iterations: u64| {
            for _ in 0..iterations {
                // Relaxed: a count, ordered with nothing.
                counter.fetch_add(1, Ordering::Relaxed);
            }
        }) as Work
    });
    let mut crew = Crew::new(work.collect());
    group.bench_function("atomic", |bencher| measure(bencher, &mut crew));
    // Relaxed: read after the threads were joined.
    assert_eq!(
        crew.finish(),
        counters
            .iter()
            .map(|counter| counter.load(Ordering::Relaxed))
            .sum::<u64>()
    );
}

fn find_add<T: Table>(group: &mut BenchmarkGroup<'_, WallTime>, sessions: u64, threads: u64) {
    run::<T>(group, T::NAME, sessions, threads, |table, mut numbers| {
        let mut id = IdBuffer::default();
        Box::new(move |iterations: u64| {
            for _ in 0..iterations {
                assert!(table.add(id.format(numbers.draw()), 1));
            }
        })
    });
}

fn burst<T: Table>(group: &mut BenchmarkGroup<'_, WallTime>, sessions: u64, threads: u64) {
    run::<T>(
        group,
        &format!("{}_burst", T::NAME),
        sessions,
        threads,
        |table, mut numbers| {
            let mut id = IdBuffer::default();
            Box::new(move |iterations: u64| {
                let mut left = iterations;
                while left > 0 {
                    let pin = table.pin();
                    for _ in 0..left.min(BURST) {
                        assert!(T::add_pinned(&pin, id.format(numbers.draw()), 1));
                    }
                    left -= left.min(BURST);
                }
            })
        },
    );
}

fn run<T: Table>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    sessions: u64,
    threads: u64,
    work: impl Fn(Arc<T>, Numbers) -> Work,
) {
    let table = Arc::new(T::default());
    let mut id = IdBuffer::default();
    let registered: Vec<_> = (0..sessions)
        .map(|number| Session::new(id.format(number)))
        .collect();
    assert!(registered.iter().all(|session| table.insert(Arc::clone(session))));
    let mut crew = Crew::new(
        (0..threads)
            .map(|seed| work(Arc::clone(&table), Numbers::new(seed + 1, sessions)))
            .collect(),
    );
    group.bench_function(name, |bencher| measure(bencher, &mut crew));
    assert_eq!(
        crew.finish(),
        registered.iter().map(|session| session.bytes()).sum::<u64>(),
        "{name} lost calls"
    );
}

fn measure(bencher: &mut Bencher<'_, WallTime>, crew: &mut Crew) {
    bencher.iter_custom(|iterations| crew.run(iterations));
}

criterion_group!(benches, table);
criterion_main!(benches);
