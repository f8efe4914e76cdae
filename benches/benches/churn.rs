//! A count by id on one thread while another registers and unregisters other sessions as fast as it can, meter by meter.
//!
//! How long single lookups take meanwhile is what the binary `latency` measures.

#![expect(clippy::disallowed_methods, reason = "benchmarks start threads themselves")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use streamgauge_benches::group::{group, measure, sizes};
use streamgauge_benches::id::{IdBuffer, MadeIds};
use streamgauge_benches::meter::{Meter, Ours, by_id, filled};
use streamgauge_benches::rival::{Dash, LockPerSession, Locked, Papaya, Scc};

/// Registrations between two rounds of the owner's duties.
const DUTY: u64 = 10_000;

fn churn(criterion: &mut Criterion) {
    let sessions = sizes().into_iter().filter(|&sessions| sessions <= 100_000).max();
    let sessions = sessions.unwrap_or(1_000);
    let mut group = group(
        criterion,
        &format!("churn/ingress/sessions={sessions}/threads=1+1"),
    );
    beside::<Ours>(&mut group, sessions);
    beside::<Dash>(&mut group, sessions);
    beside::<Papaya>(&mut group, sessions);
    beside::<Scc>(&mut group, sessions);
    beside::<LockPerSession>(&mut group, sessions);
    beside::<Locked>(&mut group, sessions);
    group.finish();
}

fn beside<M: Meter>(group: &mut BenchmarkGroup<'_, WallTime>, sessions: u64) {
    let meter = filled::<M>(sessions);
    let is_over = Arc::new(AtomicBool::new(false));
    let churner = {
        let (meter, is_over) = (Arc::clone(&meter), Arc::clone(&is_over));
        thread::spawn(move || replace(&*meter, sessions, &is_over))
    };
    measure(group, M::NAME, by_id::<MadeIds, _>(&meter, sessions, 1), || {
        meter.total()
    });
    // Relaxed: a flag that guards nothing.
    is_over.store(true, Ordering::Relaxed);
    let replaced = churner.join().unwrap_or_default();
    assert!(replaced > 0, "{}: nobody came and went", M::NAME);
}

/// Lets sessions come and go that nobody counts for, a hundred at a time and at least once; how many did.
fn replace<M: Meter>(meter: &M, sessions: u64, is_over: &AtomicBool) -> u64 {
    let mut id = IdBuffer::default();
    let mut next = sessions;
    loop {
        for number in next..next + 100 {
            assert!(meter.register(id.format(number)), "{number} was known");
        }
        for number in next..next + 100 {
            assert!(meter.unregister(id.format(number)), "{number} was unknown");
        }
        next += 100;
        if next.is_multiple_of(DUTY) {
            meter.maintain();
        }
        // Relaxed: a flag that guards nothing.
        if is_over.load(Ordering::Relaxed) {
            return next - sessions;
        }
    }
}

criterion_group!(benches, churn);
criterion_main!(benches);
