//! What registrations cost, from an empty collector on, and a registration of an id that is known.
//!
//! `STREAMGAUGE_BENCH_SESSIONS=1000,1000000` replaces the numbers of sessions.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use streamgauge_benches::group::{group, sizes};
use streamgauge_benches::id::{IdBuffer, Numbers};
use streamgauge_benches::load::Load;

fn register(criterion: &mut Criterion) {
    for sessions in sizes() {
        let mut group = group(criterion, &format!("register/sessions={sessions}"));
        group.sample_size(10).throughput(Throughput::Elements(sessions));
        group.bench_function("register_and_activate", |bencher| {
            bencher.iter_with_large_drop(|| {
                let load = Load::new(sessions);
                assert_eq!(load.collector.sessions(), sessions);
                load
            });
        });
        group.bench_function("register_activate_unregister", |bencher| {
            bencher.iter_with_large_drop(|| {
                let mut load = Load::new(sessions);
                load.replace(1);
                assert_eq!(load.collector.sessions(), sessions);
                load
            });
        });
        group.throughput(Throughput::Elements(1));
        let load = Load::new(sessions);
        let (mut numbers, mut id) = (Numbers::new(1, sessions), IdBuffer::default());
        group.bench_function("known", |bencher| {
            bencher.iter(|| {
                black_box(
                    load.collector
                        .register(id.format(numbers.draw()), "stream", "here", "there"),
                )
            });
        });
        load.check();
        group.finish();
    }
}

criterion_group!(benches, register);
criterion_main!(benches);
