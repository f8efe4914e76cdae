//! What one count costs, by each way in, beside the two floors: a bare locked add and a plain load, add and store.
//!
//! `record/make_id` is the part of `id` and `burst` that is the caller's: drawing a session and formatting its id.
//! `STREAMGAUGE_BENCH_SESSIONS=1000,1000000` replaces the numbers of sessions.

use std::hint::black_box;
use std::sync::Arc;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use streamgauge::{Collector, SessionHandle};
use streamgauge_benches::crew::Work;
use streamgauge_benches::group::{group, measure, sizes};
use streamgauge_benches::id::{Batch, IdBuffer, MadeIds, Numbers};
use streamgauge_benches::load;
use streamgauge_benches::meter::{Meter, Ours, by_id, count_all, counted, filled};
use streamgauge_benches::rival::atomic::Line;

fn record(criterion: &mut Criterion) {
    make_id(criterion);
    for sessions in sizes() {
        let meter = filled::<Ours>(sessions);
        for threads in [1, 2] {
            let name = format!("record/ingress/sessions={sessions}/threads={threads}");
            let mut group = group(criterion, &name);
            measure(
                &mut group,
                "id",
                by_id::<MadeIds, _>(&meter, sessions, threads),
                || meter.total(),
            );
            let total = || meter.total();
            measure(&mut group, "burst", by_burst(&meter, sessions, threads), total);
            measure(
                &mut group,
                "burst_all",
                by_batch(&meter, sessions, threads),
                total,
            );
            group.finish();
        }
    }
    for threads in [1, 2] {
        own_session(criterion, threads);
    }
    hot_session(criterion);
}

fn make_id(criterion: &mut Criterion) {
    let mut group = group(criterion, "record/make_id/sessions=100000/threads=1");
    let (mut numbers, mut id) = (Numbers::new(1, 100_000), IdBuffer::default());
    group.bench_function("ours", |bencher| {
        bencher.iter(|| black_box(id.format(numbers.draw()).len()));
    });
    group.finish();
}

fn by_burst(meter: &Arc<Ours>, sessions: u64, threads: u64) -> Vec<Work> {
    let work = |thread| {
        let meter = Arc::clone(meter);
        let (mut numbers, mut id) = (Numbers::new(thread + 1, sessions), IdBuffer::default());
        Box::new(move |calls: u64| {
            let mut left = calls;
            while left > 0 {
                let calls = left.min(Batch::CALLS);
                let burst = meter.collector.burst();
                for _ in 0..calls {
                    counted(burst.ingress(black_box(id.format(numbers.draw())), 1));
                }
                left -= calls;
            }
        }) as Work
    };
    (0..threads).map(work).collect()
}

fn by_batch(meter: &Arc<Ours>, sessions: u64, threads: u64) -> Vec<Work> {
    let work = |thread| {
        let meter = Arc::clone(meter);
        let (mut numbers, mut batch) = (Numbers::new(thread + 1, sessions), Batch::default());
        Box::new(move |calls: u64| {
            let mut left = calls;
            while left > 0 {
                let calls = batch.draw(&mut numbers, left.min(Batch::CALLS));
                count_all(&meter.collector, black_box(calls));
                left -= calls.len() as u64;
            }
        }) as Work
    };
    (0..threads).map(work).collect()
}

/// A session for each thread: what counting costs where nobody looks for a session and nobody else counts for it.
fn own_session(criterion: &mut Criterion, threads: u64) {
    let mut group = group(
        criterion,
        &format!("record/ingress/own_session/threads={threads}"),
    );
    let lines: Vec<_> = (0..threads).map(|_| Line::default()).collect();
    let sum = || lines.iter().map(Line::bytes).sum();
    let add = each(&lines, |line| {
        black_box(line.fetch_add(black_box(1)));
    });
    measure(&mut group, "floor_atomic", add, sum);
    let store = each(&lines, |line| line.load_add_store(black_box(1)));
    measure(&mut group, "floor_store", store, sum);
    for (name, count_packets) in [("handle", false), ("handle_packets", true)] {
        let (collector, _) = load::collector(count_packets);
        let sessions = sessions(&collector, threads);
        let work = each(&sessions, ingress);
        measure(&mut group, name, work, || total(&collector));
    }
    let (collector, _) = load::collector(false);
    let shared: Vec<_> = sessions(&collector, threads)
        .iter()
        .map(SessionHandle::shared)
        .collect();
    let work = each(&shared, |session| {
        counted(black_box(session).ingress(black_box(1)));
    });
    measure(&mut group, "shared", work, || total(&collector));
    let writers = sessions(&collector, threads).into_iter().map(|session| {
        let mut writer = session.writer();
        Box::new(move |calls: u64| {
            for _ in 0..calls {
                counted(black_box(&mut writer).ingress(black_box(1)));
            }
        }) as Work
    });
    measure(&mut group, "writer", writers.collect(), || total(&collector));
    group.finish();
}

/// Both threads count for one session.
fn hot_session(criterion: &mut Criterion) {
    let mut group = group(criterion, "record/hot_session/one/threads=2");
    let hot = |group: &mut BenchmarkGroup<'_, WallTime>, name, work: fn(&SessionHandle) -> Vec<Work>| {
        let (collector, _) = load::collector(false);
        let session = collector.register_and_activate("hot", "stream", "here", "there");
        measure(group, name, work(&session), || total(&collector));
    };
    hot(&mut group, "handle", |session| {
        each(&[session.clone(), session.clone()], ingress)
    });
    hot(&mut group, "shared", |session| {
        each(&[session.shared(), session.shared()], |session| {
            counted(black_box(session).ingress(black_box(1)));
        })
    });
    hot(&mut group, "rx_and_tx", |session| {
        let mut work = each(std::slice::from_ref(session), ingress);
        work.extend(each(std::slice::from_ref(session), |session: &SessionHandle| {
            counted(black_box(session).egress(black_box(1)));
        }));
        work
    });
    group.finish();
}

/// For each of them a thread's work: `count` as often as asked.
fn each<T: Clone + Send + 'static>(on: &[T], count: impl Fn(&T) + Copy + Send + 'static) -> Vec<Work> {
    on.iter()
        .cloned()
        .map(|on| {
            Box::new(move |calls: u64| {
                for _ in 0..calls {
                    count(&on);
                }
            }) as Work
        })
        .collect()
}

fn ingress(session: &SessionHandle) {
    counted(black_box(session).ingress(black_box(1)));
}

fn sessions(collector: &Collector, threads: u64) -> Vec<SessionHandle> {
    (0..threads)
        .map(|thread| collector.register_and_activate(thread.to_le_bytes(), "stream", "here", "there"))
        .collect()
}

fn total(collector: &Collector) -> u64 {
    let totals = collector.refresh().totals;
    totals.total_rx_bytes + totals.total_tx_bytes
}

criterion_group!(benches, record);
criterion_main!(benches);
