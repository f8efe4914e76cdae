//! 32 counts by id in a burst, beside 32 single calls on the same sessions.
//!
//! A program that has a burst has its packets before it counts the first: the 32 ids are made first, on every side, and the
//! loop that only makes them is subtracted.

use std::hint::black_box;
use std::sync::Arc;

use streamgauge::Collector;

use crate::crew::Work;
use crate::effort::Effort;
use crate::id::{IdBuffer, Numbers};
use crate::meter::{Meter, Ours, filled};
use crate::row::Row;

/// Calls in a burst.
const CALLS: usize = 32;

/// The ids of one burst.
type Ids = [IdBuffer; CALLS];

/// Counts a byte for each id, under one pin. This is the place of a call that takes the whole burst at once.
#[inline]
fn count_burst(collector: &Collector, ids: &Ids) {
    let burst = collector.burst();
    for id in ids {
        black_box(burst.ingress(id.text(), 1));
    }
}

#[inline]
fn count_singles(collector: &Collector, ids: &Ids) {
    for id in ids {
        black_box(collector.ingress(id.text(), 1));
    }
}

/// At every size. One turn's call is a burst of 32.
#[must_use]
pub fn burst(effort: &Effort) -> Vec<Row> {
    effort
        .sizes()
        .iter()
        .map(|&sessions| at(effort, sessions))
        .collect()
}

fn at(effort: &Effort, sessions: u64) -> Row {
    let (singles, bursts) = (filled::<Ours>(sessions), filled::<Ours>(sessions));
    let total = |meter: &Arc<Ours>| meter.total() / CALLS as u64;
    let [ids, single, burst] = effort.rounds.play_crews([
        (work(sessions, &singles, |_, _| ()), None),
        (work(sessions, &singles, count_singles), Some(&|| total(&singles))),
        (work(sessions, &bursts, count_burst), Some(&|| total(&bursts))),
    ]);
    let each = |series: &crate::series::Series| series.minus(&ids).divided(32.0);
    Row::ratio(
        format!("`burst()` of 32 by id, {sessions} sessions"),
        &each(&burst),
        "single calls",
        &each(&single),
        Some(0.8),
    )
}

fn work(sessions: u64, meter: &Arc<Ours>, count: fn(&Collector, &Ids)) -> Vec<Work> {
    let meter = Arc::clone(meter);
    let mut numbers = Numbers::new(1, sessions);
    let mut ids: Ids = std::array::from_fn(|_| IdBuffer::default());
    vec![Box::new(move |bursts| {
        for _ in 0..bursts {
            for id in &mut ids {
                id.format(numbers.draw());
            }
            count(&meter.collector, black_box(&ids));
        }
    })]
}
