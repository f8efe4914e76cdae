//! Reading the published summary, beside a bare arc-swap of another one.
//!
//! On both sides the guard is gone before the number that was read through it is used.

use std::hint::black_box;
use std::sync::Arc;

use arc_swap::ArcSwap;
use streamgauge::Summary;

use crate::effort::Effort;
use crate::load::Load;
use crate::rounds::Contestant;
use crate::row::Row;

/// `summary()` and `with_summary`.
///
/// # Panics
///
/// Panics where the collector does not hold what it was given.
#[must_use]
pub fn summary(effort: &Effort) -> Vec<Row> {
    let mut load = Load::new(effort.sessions(1_000));
    load.traffic(1);
    load.pass();
    load.collector.tick();
    let collector = &load.collector;
    let bare = &ArcSwap::new(Arc::new(Summary::clone(&collector.summary())));
    assert_eq!(bare.load().totals.total_rx_bytes, load.sent());
    let [full, bare_full, with, bare_guard] = effort.rounds.play([
        Contestant::here(move |calls| {
            for _ in 0..calls {
                black_box(black_box(collector).summary());
            }
        }),
        Contestant::here(move |calls| {
            for _ in 0..calls {
                black_box(black_box(bare).load_full());
            }
        }),
        Contestant::here(move |calls| {
            for _ in 0..calls {
                let sequence = black_box(collector).with_summary(|summary| summary.sequence);
                black_box(sequence);
            }
        }),
        Contestant::here(move |calls| {
            for _ in 0..calls {
                let sequence = black_box(bare).load().sequence;
                black_box(sequence);
            }
        }),
    ]);
    assert_eq!(
        collector.with_summary(|summary| summary.totals.total_rx_bytes),
        load.sent()
    );
    vec![
        Row::ratio(
            "`summary()` and its drop",
            &full,
            "load_full, drop",
            &bare_full,
            Some(1.15),
        ),
        Row::ratio(
            "`with_summary`",
            &with,
            "load with a guard",
            &bare_guard,
            Some(1.15),
        ),
    ]
}
