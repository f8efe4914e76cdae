//! What the sampler pays: a tick over many sessions, all busy or mostly idle, beside copying 128 MB (the floor to compare a
//! tick of a million with); and what a registration pays.
//!
//! `STREAMGAUGE_BENCH_SESSIONS=1000,1000000` replaces the numbers of sessions.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use streamgauge::{Collector, CollectorConfig, ManualClock, SessionHandle};
use streamgauge_benches::id::IdBuffer;

struct Load {
    collector: Collector,
    clock: ManualClock,
    sessions: Vec<SessionHandle>,
}

impl Load {
    fn new(sessions: u64) -> Self {
        let mut config = CollectorConfig::default();
        config.session_timeout = Duration::MAX;
        config.max_tracked_sessions = u64::MAX;
        config.expected_sessions = usize::try_from(sessions).unwrap_or_default();
        let clock = ManualClock::default();
        let collector = Collector::manual(config, clock.clone());
        let mut id = IdBuffer::default();
        let sessions = (0..sessions)
            .map(|number| collector.register_and_activate(id.format(number), "stream", "here", "there"))
            .collect();
        Self {
            collector,
            clock,
            sessions,
        }
    }

    /// One byte for each `every`th session, and a second passes.
    fn advance(&self, every: usize) {
        for session in self.sessions.iter().step_by(every) {
            session.ingress(1);
        }
        self.clock.advance(Duration::from_secs(1));
    }
}

fn tick(criterion: &mut Criterion) {
    let sizes = std::env::var("STREAMGAUGE_BENCH_SESSIONS").unwrap_or_else(|_| "10000,100000".into());
    for sessions in sizes.split(',').filter_map(|size| size.trim().parse().ok()) {
        let mut group = criterion.benchmark_group(format!("tick/sessions={sessions}"));
        group
            .sample_size(20)
            .measurement_time(Duration::from_secs(2))
            .throughput(Throughput::Elements(sessions));
        let load = Load::new(sessions);
        load.collector.tick();
        for (name, every) in [("busy", 1), ("one_in_a_hundred", 100)] {
            group.bench_function(name, |bencher| {
                bencher.iter_batched(
                    || load.advance(every),
                    |()| load.collector.tick(),
                    BatchSize::PerIteration,
                );
            });
        }
        group.bench_function("refresh", |bencher| {
            bencher.iter(|| black_box(load.collector.refresh()));
        });
        let summary = load.collector.refresh();
        assert_eq!(summary.active.len() as u64, sessions);
        let rows: u64 = summary.active.iter().map(|session| session.rx_bytes).sum();
        assert_eq!(rows, summary.totals.total_rx_bytes);
        group.finish();
    }
    let mut group = criterion.benchmark_group("tick/floor");
    let (from, mut to) = (vec![1_u64; 16 << 20], vec![0_u64; 16 << 20]);
    group.sample_size(20).bench_function("copy_128_mb", |bencher| {
        bencher.iter(|| black_box(&mut to).copy_from_slice(black_box(&from)));
    });
    group.finish();
}

fn register(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("register");
    group.sample_size(10);
    for sessions in [10_000, 100_000] {
        group.throughput(Throughput::Elements(sessions));
        group.bench_function(format!("register_and_activate/sessions={sessions}"), |bencher| {
            bencher.iter_with_large_drop(|| {
                let load = Load::new(sessions);
                assert_eq!(load.collector.sessions(), sessions);
                load
            });
        });
    }
    group.finish();
}

criterion_group!(benches, tick, register);
criterion_main!(benches);
