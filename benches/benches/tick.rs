//! What the sampler pays: a tick over many sessions, all busy, mostly idle, or changed, beside copying 128 bytes for each
//! (the floor to compare a tick with); and a refresh.
//!
//! The traffic that a tick samples is outside its figure. `STREAMGAUGE_BENCH_SESSIONS=1000,1000000` replaces the numbers of
//! sessions.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use streamgauge_benches::copy::Copy;
use streamgauge_benches::group::{group, sizes};
use streamgauge_benches::load::Load;

/// Ticks that fill a window.
const WINDOW: usize = 12;

fn tick(criterion: &mut Criterion) {
    for sessions in sizes() {
        let mut group = group(criterion, &format!("tick/sessions={sessions}"));
        group.sample_size(10).throughput(Throughput::Elements(sessions));
        for (name, every, replaced) in [
            ("busy", 1, None),
            ("one_in_a_hundred", 100, None),
            ("one_in_a_hundred_replaced", 1, Some(100)),
        ] {
            let mut load = Load::new(sessions);
            for _ in 0..WINDOW {
                load.traffic(every);
                load.pass();
                load.collector.tick();
            }
            let collector = load.collector.clone();
            group.bench_function(name, |bencher| {
                bencher.iter_batched(
                    || {
                        if let Some(every) = replaced {
                            load.replace(every);
                        }
                        load.traffic(every);
                        load.pass();
                    },
                    |()| collector.tick(),
                    BatchSize::PerIteration,
                );
            });
            if replaced.is_none() && every == 1 {
                group.bench_function("refresh", |bencher| {
                    bencher.iter(|| black_box(collector.refresh()));
                });
            }
            load.check();
        }
        let mut copy = Copy::of(sessions);
        group.bench_function("floor_copy", |bencher| {
            bencher.iter_custom(|iterations| (0..iterations).map(|_| copy.run()).sum::<Duration>());
        });
        group.finish();
    }
}

criterion_group!(benches, tick);
criterion_main!(benches);
