//! A count while the other core reads all it can, beside a count while the other core spins.

use std::hint::{self, black_box};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use streamgauge::Collector;

use crate::crew::pin;
use crate::effort::Effort;
use crate::id::{IdBuffer, Numbers};
use crate::load::Load;
use crate::rounds::Contestant;
use crate::row::Row;

const SPIN: u8 = 0;
const READ: u8 = 1;
const END: u8 = 2;

/// What the other core does, and how much of it.
#[derive(Default)]
struct Other {
    order: AtomicU8,
    reads: AtomicU64,
}

impl Other {
    fn order(&self, order: u8) {
        // Relaxed: a word that guards nothing.
        self.order.store(order, Ordering::Relaxed);
    }

    fn serve(&self, collector: &Collector) {
        let mut reads = 0;
        loop {
            // Relaxed: a word that guards nothing.
            match self.order.load(Ordering::Relaxed) {
                READ => {
                    for _ in 0..100 {
                        read(collector);
                    }
                    reads += 100;
                }
                END => break,
                _ => hint::spin_loop(),
            }
        }
        // Relaxed: read after the thread was joined.
        self.reads.store(reads, Ordering::Relaxed);
    }
}

/// One of everything that a dashboard asks.
fn read(collector: &Collector) {
    black_box(collector.summary());
    black_box(collector.with_summary(|summary| summary.current_rx_bitrate));
    black_box(collector.ingress_bitrate());
    black_box(collector.top_ingress_bitrate());
    black_box(collector.sessions());
    black_box(collector.is_ingress_bitrate_exceeded());
    black_box(collector.is_sessions_exceeded());
}

/// By id and by handle.
///
/// # Panics
///
/// Panics where the collector does not hold what it was given.
#[must_use]
pub fn storm(effort: &Effort) -> Vec<Row> {
    let sessions = effort.sessions(10_000);
    let mut load = Load::new(sessions);
    load.traffic(1);
    load.pass();
    load.collector.tick();
    let collector = &load.collector;
    let handle = collector.register_and_activate("one", "stream", "here", "there");
    let (mut numbers, mut id) = (Numbers::new(1, sessions), IdBuffer::default());
    let mut counted = 0;
    let mut by_id = |calls| {
        counted += calls;
        for _ in 0..calls {
            black_box(collector.ingress(id.format(numbers.draw()), 1));
        }
    };
    let mut counted_by_handle = 0;
    let mut by_handle = |calls| {
        counted_by_handle += calls;
        for _ in 0..calls {
            black_box(black_box(&handle).ingress(black_box(1)));
        }
    };
    let other = Other::default();
    let rows = std::thread::scope(|scope| {
        scope.spawn(|| {
            pin(1);
            other.serve(collector);
        });
        let measured = scope.spawn(|| {
            pin(0);
            let rows = vec![
                beside(
                    effort,
                    &other,
                    "`ingress(id)` beside a storm of readers",
                    &mut by_id,
                ),
                beside(
                    effort,
                    &other,
                    "`handle.ingress` beside a storm of readers",
                    &mut by_handle,
                ),
            ];
            other.order(END);
            rows
        });
        measured.join().unwrap_or_default()
    });
    // Relaxed: the thread was joined.
    assert!(other.reads.load(Ordering::Relaxed) > 0, "nobody read");
    let totals = collector.refresh().totals;
    assert_eq!(totals.total_rx_bytes, load.sent() + counted + counted_by_handle);
    rows
}

fn beside(effort: &Effort, other: &Other, what: &str, count: &mut dyn FnMut(u64)) -> Row {
    let count = std::cell::RefCell::new(count);
    let turn = |order| {
        let count = &count;
        Contestant::here(move |calls| {
            other.order(order);
            (count.borrow_mut())(calls);
        })
    };
    let [storm, spin] = effort.rounds.play([turn(READ), turn(SPIN)]);
    Row::ratio(what, &storm, "the other core spins", &spin, Some(1.05))
}
