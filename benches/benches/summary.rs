//! What reading costs: the published summary beside a bare arc-swap, and the answers that are a load or two.

use std::hint::black_box;
use std::sync::Arc;

use arc_swap::ArcSwap;
use criterion::{Criterion, criterion_group, criterion_main};
use streamgauge::Summary;
use streamgauge_benches::group::{group, sizes};
use streamgauge_benches::load::Load;

fn summary(criterion: &mut Criterion) {
    let sessions = sizes().into_iter().min().unwrap_or(1_000);
    let mut load = Load::new(sessions);
    load.traffic(1);
    load.pass();
    load.collector.tick();
    let collector = &load.collector;
    let bare = ArcSwap::new(Arc::new(Summary::clone(&collector.summary())));
    assert_eq!(bare.load().totals.total_rx_bytes, sessions);

    let mut owned = group(criterion, "summary/owned/threads=1");
    owned.bench_function("ours", |bencher| {
        bencher.iter(|| black_box(black_box(collector).summary()));
    });
    owned.bench_function("arc_swap_load_full", |bencher| {
        bencher.iter(|| black_box(black_box(&bare).load_full()));
    });
    owned.finish();

    let mut borrowed = group(criterion, "summary/borrowed/threads=1");
    borrowed.bench_function("ours", |bencher| {
        bencher.iter(|| black_box(collector).with_summary(|summary| summary.sequence));
    });
    borrowed.bench_function("arc_swap_load", |bencher| {
        bencher.iter(|| black_box(&bare).load().sequence);
    });
    borrowed.finish();

    let mut getters = group(criterion, "summary/getter/threads=1");
    macro_rules! getters {
        ($($getter:ident),* $(,)?) => {
            $(getters.bench_function(stringify!($getter), |bencher| {
                bencher.iter(|| black_box(collector).$getter());
            });)*
        };
    }
    getters!(
        ingress_bitrate,
        egress_bitrate,
        top_ingress_bitrate,
        max_ingress_bitrate,
        sessions,
        is_ingress_bitrate_exceeded,
        is_egress_bitrate_exceeded,
        is_sessions_exceeded,
    );
    getters.finish();
    load.check();
}

criterion_group!(benches, summary);
criterion_main!(benches);
