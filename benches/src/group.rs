//! How a criterion group is set up, and how a crew is measured in it.

use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};

use crate::crew::{Crew, Work};

/// The numbers of sessions that the benches run at: 1,000 to 1,000,000, or what `STREAMGAUGE_BENCH_SESSIONS` lists,
/// separated by commas.
#[must_use]
pub fn sizes() -> Vec<u64> {
    match std::env::var("STREAMGAUGE_BENCH_SESSIONS") {
        Ok(sizes) => sizes
            .split(',')
            .filter_map(|size| size.trim().parse().ok())
            .collect(),
        Err(_) => vec![1_000, 10_000, 100_000, 1_000_000],
    }
}

/// The largest of [`sizes`].
#[must_use]
pub fn largest() -> u64 {
    sizes().into_iter().max().unwrap_or(1_000)
}

/// A group that measures each of its benches for about a second.
pub fn group<'c>(criterion: &'c mut Criterion, name: &str) -> BenchmarkGroup<'c, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800));
    group
}

/// Measures what the threads of a crew do, and checks that `total` has all of it.
///
/// # Panics
///
/// Panics where `total` did not grow by one for each call.
pub fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    work: Vec<Work>,
    total: impl Fn() -> u64,
) {
    let before = total();
    let mut crew = Crew::new(work);
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|iterations| crew.run(iterations));
    });
    assert_eq!(crew.finish(), total() - before, "{name} lost counts");
}
