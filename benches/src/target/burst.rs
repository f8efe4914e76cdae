//! 32 counts by id in a burst, beside 32 single calls on the same sessions.
//!
//! A program that has a burst has its packets before it counts the first: the 32 ids are made first, on every side, and the
//! loop that only makes them is subtracted.

use std::hint::black_box;
use std::sync::Arc;

use streamgauge::Collector;

use crate::crew::Work;
use crate::effort::Effort;
use crate::id::{Batch, Call, Numbers};
use crate::meter::{Meter, Ours, count_all, counted, filled};
use crate::row::Row;
use crate::series::Series;

/// One call after the other, under one pin.
#[inline]
fn count_under_a_pin(collector: &Collector, calls: &[Call]) {
    let burst = collector.burst();
    for (id, bytes) in calls {
        counted(burst.ingress(id, *bytes));
    }
}

#[inline]
fn count_singles(collector: &Collector, calls: &[Call]) {
    for (id, bytes) in calls {
        counted(collector.ingress(id, *bytes));
    }
}

/// At every size. One turn's call is a burst of 32.
#[must_use]
pub fn burst(effort: &Effort) -> Vec<Row> {
    effort
        .sizes()
        .iter()
        .flat_map(|&sessions| at(effort, sessions))
        .collect()
}

fn at(effort: &Effort, sessions: u64) -> [Row; 2] {
    let [singles, pins, bursts] = [(); 3].map(|()| filled::<Ours>(sessions));
    let total = |meter: &Arc<Ours>| meter.total() / Batch::CALLS;
    let [ids, single, pin, burst] = effort.rounds.play_crews([
        (work(sessions, &singles, |_, _| ()), None),
        (work(sessions, &singles, count_singles), Some(&|| total(&singles))),
        (work(sessions, &pins, count_under_a_pin), Some(&|| total(&pins))),
        (work(sessions, &bursts, count_all), Some(&|| total(&bursts))),
    ]);
    let each = |series: &Series| series.minus(&ids).divided(32.0);
    let row = |what: &str, ours: &Series, target| {
        Row::ratio(
            format!("{what}, {sessions} sessions"),
            &each(ours),
            "single calls",
            &each(&single),
            target,
        )
    };
    [
        row("`burst().ingress_all` of 32 by id", &burst, Some(0.8)),
        row("`burst()`, one call after the other", &pin, None),
    ]
}

fn work(sessions: u64, meter: &Arc<Ours>, count: fn(&Collector, &[Call])) -> Vec<Work> {
    let meter = Arc::clone(meter);
    let (mut numbers, mut batch) = (Numbers::new(1, sessions), Batch::default());
    vec![Box::new(move |bursts| {
        for _ in 0..bursts {
            let calls = batch.draw(&mut numbers, Batch::CALLS);
            count(&meter.collector, black_box(calls));
        }
    })]
}
