//! Counting where nobody has to be looked for: by handle beside a bare atomic, by writer beside a plain load, add and store.
//!
//! Both sides of a row hide what they count on and how much from the optimizer, by the same means, in a loop of the same
//! shape, and hand on what the call answers: a verdict to a branch, the bare atomic's value to the optimizer's blind spot. A
//! plain store answers nothing.

use std::hint::black_box;

use streamgauge::{Collector, SessionHandle};

use crate::crew::Work;
use crate::effort::Effort;
use crate::load;
use crate::meter::counted;
use crate::rival::atomic::Line;
use crate::row::Row;

fn session(count_packets: bool) -> (Collector, SessionHandle) {
    let (collector, _) = load::collector(count_packets);
    let session = collector.register_and_activate("one", "stream", "here", "there");
    (collector, session)
}

fn total(collector: &Collector) -> u64 {
    collector.refresh().totals.total_rx_bytes
}

fn by_handle(session: SessionHandle) -> Vec<Work> {
    vec![Box::new(move |calls| {
        for _ in 0..calls {
            counted(black_box(&session).ingress(black_box(1)));
        }
    })]
}

/// `handle.ingress`.
#[must_use]
pub fn handle(effort: &Effort) -> Vec<Row> {
    let (collector, one) = session(false);
    let (packets, with_packets) = session(true);
    let line = Line::default();
    let add: Vec<Work> = vec![Box::new({
        let line = line.clone();
        move |calls| {
            for _ in 0..calls {
                black_box(line.fetch_add(black_box(1)));
            }
        }
    })];
    let [ours, counting_packets, bare] = effort.rounds.play_crews([
        (by_handle(one), Some(&|| total(&collector))),
        (by_handle(with_packets), Some(&|| total(&packets))),
        (add, Some(&|| line.bytes())),
    ]);
    vec![
        Row::ratio("`handle.ingress`", &ours, "bare atomic", &bare, Some(1.15)),
        Row::ratio(
            "`handle.ingress`, counting packets",
            &counting_packets,
            "bare atomic",
            &bare,
            None,
        ),
    ]
}

/// `writer.ingress`.
#[must_use]
pub fn writer(effort: &Effort) -> Vec<Row> {
    let (collector, session) = session(false);
    let mut writer = session.writer();
    let line = Line::default();
    let count: Vec<Work> = vec![Box::new(move |calls| {
        for _ in 0..calls {
            counted(black_box(&mut writer).ingress(black_box(1)));
        }
    })];
    let store: Vec<Work> = vec![Box::new({
        let line = line.clone();
        move |calls| {
            for _ in 0..calls {
                line.load_add_store(black_box(1));
            }
        }
    })];
    let [ours, plain] = effort.rounds.play_crews([
        (count, Some(&|| total(&collector))),
        (store, Some(&|| line.bytes())),
    ]);
    vec![Row::ratio(
        "`writer.ingress`",
        &ours,
        "load, add, store",
        &plain,
        Some(1.5),
    )]
}
