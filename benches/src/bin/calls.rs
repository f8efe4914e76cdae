//! Counts in a loop, for tools that count instructions: `benches/callgrind` runs it.
//!
//! `calls WAY N`: N calls by that way on a thousand sessions. The instructions of one call are those of a run with many
//! calls, less those of a run with few.

use std::hint::black_box;

use clap::{Parser, ValueEnum};
use streamgauge_benches::id::{Batch, IdBuffer, Numbers};
use streamgauge_benches::meter::{Meter, Ours, count_all, counted, filled};

/// Sessions.
const SESSIONS: u64 = 1_000;

/// How to count.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Way {
    /// Not at all: a session is drawn and its id made.
    Nothing,
    /// By id.
    Id,
    /// By id, 32 to a burst, one call after the other.
    Burst,
    /// By id, 32 to a burst, all at once.
    BurstAll,
    /// By handle.
    Handle,
    /// By shared handle.
    Shared,
    /// By writer.
    Writer,
    /// Not at all: an empty loop.
    Empty,
}

/// Counts in a loop.
#[derive(Debug, Parser)]
struct Arguments {
    way: Way,
    calls: u64,
}

fn main() {
    let Arguments { way, calls } = Arguments::parse();
    let meter = filled::<Ours>(SESSIONS);
    let collector = &meter.collector;
    let (mut numbers, mut id) = (Numbers::new(1, SESSIONS), IdBuffer::default());
    let session = collector.register_and_activate("one", "stream", "here", "there");
    let (shared, mut writer) = (session.shared(), session.writer());
    let before = meter.total();
    match way {
        Way::Nothing => {
            for _ in 0..calls {
                black_box(id.format(numbers.draw()));
            }
        }
        Way::Id => {
            for _ in 0..calls {
                counted(collector.ingress(id.format(numbers.draw()), 1));
            }
        }
        Way::Burst => {
            for _ in 0..calls / Batch::CALLS {
                let burst = collector.burst();
                for _ in 0..Batch::CALLS {
                    counted(burst.ingress(id.format(numbers.draw()), 1));
                }
            }
        }
        Way::BurstAll => {
            let mut batch = Batch::default();
            for _ in 0..calls / Batch::CALLS {
                count_all(collector, batch.draw(&mut numbers, Batch::CALLS));
            }
        }
        Way::Handle => {
            for _ in 0..calls {
                counted(black_box(&session).ingress(black_box(1)));
            }
        }
        Way::Shared => {
            for _ in 0..calls {
                counted(black_box(&shared).ingress(black_box(1)));
            }
        }
        Way::Writer => {
            for _ in 0..calls {
                counted(black_box(&mut writer).ingress(black_box(1)));
            }
        }
        Way::Empty => {
            for _ in 0..calls {
                black_box(black_box(1));
            }
        }
    }
    let expected = match way {
        Way::Nothing | Way::Empty => 0,
        Way::Burst | Way::BurstAll => calls / Batch::CALLS * Batch::CALLS,
        _ => calls,
    };
    assert_eq!(meter.total() - before, expected, "calls were lost");
}
