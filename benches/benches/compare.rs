//! A count by id by everything that a program could count with: the same ids, the same run.
//!
//! `compare/ingress/...` has the whole meters; `floor_atomic` makes the id and adds to a line of its own, looking nothing up.
//! `STREAMGAUGE_BENCH_SESSIONS=1000,1000000` replaces the numbers of sessions.

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use streamgauge_benches::crew::Work;
use streamgauge_benches::group::{group, measure, sizes};
use streamgauge_benches::id::{IdBuffer, MadeIds, Numbers};
use streamgauge_benches::meter::{Meter, Ours, by_id, filled};
use streamgauge_benches::rival::atomic::Line;
use streamgauge_benches::rival::{
    Dash, LockPerSession, Locked, Metrics, Papaya, Prometheus, PrometheusClient, Scc,
};

fn compare(criterion: &mut Criterion) {
    for sessions in sizes() {
        for threads in [1, 2] {
            let name = format!("compare/ingress/sessions={sessions}/threads={threads}");
            let mut group = group(criterion, &name);
            floor(&mut group, sessions, threads);
            of::<Ours>(&mut group, sessions, threads);
            of::<Dash>(&mut group, sessions, threads);
            of::<Papaya>(&mut group, sessions, threads);
            of::<Scc>(&mut group, sessions, threads);
            of::<LockPerSession>(&mut group, sessions, threads);
            of::<Locked>(&mut group, sessions, threads);
            of::<Metrics>(&mut group, sessions, threads);
            of::<Prometheus>(&mut group, sessions, threads);
            of::<PrometheusClient>(&mut group, sessions, threads);
            group.finish();
        }
    }
}

fn of<M: Meter>(group: &mut BenchmarkGroup<'_, WallTime>, sessions: u64, threads: u64) {
    let meter = filled::<M>(sessions);
    measure(
        group,
        M::NAME,
        by_id::<MadeIds, _>(&meter, sessions, threads),
        || meter.total(),
    );
}

fn floor(group: &mut BenchmarkGroup<'_, WallTime>, sessions: u64, threads: u64) {
    let lines: Vec<_> = (0..threads).map(|_| Line::default()).collect();
    let work = lines.iter().zip(1..).map(|(line, seed)| {
        let line = line.clone();
        let (mut numbers, mut id) = (Numbers::new(seed, sessions), IdBuffer::default());
        Box::new(move |calls: u64| {
            for _ in 0..calls {
                black_box(id.format(numbers.draw()));
                black_box(line.fetch_add(1));
            }
        }) as Work
    });
    measure(group, "floor_atomic", work.collect(), || {
        lines.iter().map(Line::bytes).sum()
    });
}

criterion_group!(benches, compare);
criterion_main!(benches);
