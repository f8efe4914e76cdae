//! Two threads that count for one session: striped by `shared()`, unstriped, and with a direction for each thread.
//!
//! A figure is the time of one call on each thread, while the other thread does as many.

use std::hint::black_box;

use streamgauge::{Collector, SessionHandle};

use crate::crew::Work;
use crate::effort::Effort;
use crate::load;
use crate::meter::counted;
use crate::row::Row;

/// One session of a collector of its own, and what was counted for it.
struct One {
    collector: Collector,
    session: SessionHandle,
}

impl One {
    fn new() -> Self {
        let (collector, _) = load::collector(false);
        let session = collector.register_and_activate("hot", "stream", "here", "there");
        Self { collector, session }
    }

    fn total(&self) -> u64 {
        let totals = self.collector.refresh().totals;
        totals.total_rx_bytes + totals.total_tx_bytes
    }

    fn ingress(&self) -> Work {
        let session = self.session.clone();
        Box::new(move |calls| {
            for _ in 0..calls {
                counted(black_box(&session).ingress(black_box(1)));
            }
        })
    }

    fn egress(&self) -> Work {
        let session = self.session.clone();
        Box::new(move |calls| {
            for _ in 0..calls {
                counted(black_box(&session).egress(black_box(1)));
            }
        })
    }

    fn striped(&self) -> Work {
        let session = self.session.shared();
        Box::new(move |calls| {
            for _ in 0..calls {
                counted(black_box(&session).ingress(black_box(1)));
            }
        })
    }
}

/// All of it.
#[must_use]
pub fn shared(effort: &Effort) -> Vec<Row> {
    let sessions: [One; 5] = std::array::from_fn(|_| One::new());
    let [a, b, c, d, e] = &sessions;
    let [alone, both, directions, striped_alone, striped] = effort.rounds.play_crews([
        (vec![a.ingress()], Some(&|| a.total())),
        (vec![b.ingress(), b.ingress()], Some(&|| b.total())),
        (vec![c.ingress(), c.egress()], Some(&|| c.total())),
        (vec![d.striped()], Some(&|| d.total())),
        (vec![e.striped(), e.striped()], Some(&|| e.total())),
    ]);
    let one = "its one-thread cost";
    vec![
        Row::ratio(
            "`shared()`, two threads on one session",
            &striped,
            one,
            &striped_alone,
            Some(1.5),
        ),
        Row::ratio(
            "`shared()`, one thread",
            &striped_alone,
            "handle, one thread",
            &alone,
            None,
        ),
        Row::ratio("handle, two threads on one session", &both, one, &alone, None),
        Row::ratio(
            "handle, one thread counts rx, the other tx of one session",
            &directions,
            one,
            &alone,
            None,
        ),
    ]
}
