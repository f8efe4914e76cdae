//! Whether a thread that looks up completes while another stands still inside the meter's allocation or free (promise P3).
//!
//! A writer grows the table and is parked inside an allocation or a free of at least a mebibyte (no session is that
//! large, the table's arrays are); or another reader is. A
//! third thread then has five seconds for 100,000 lookups of registered sessions. It needs about 20 ms.
#![expect(
    clippy::disallowed_methods,
    reason = "benchmarks read the clock and start threads themselves"
)]
#![expect(clippy::expect_used, reason = "a broken measurement ends the program")]

use std::hint::black_box;
use std::ops::RangeFrom;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use clap::Parser;
use streamgauge_benches::id::{IdBuffer, Numbers};
use streamgauge_benches::machine::Machine;
use streamgauge_benches::meter::{Meter, Ours};
use streamgauge_benches::rival::session::keys_hashed;
use streamgauge_benches::rival::{Dash, Locked, Papaya, Scc};
use streamgauge_testkit::{CountingAllocator, Counts, ParkPoint, count};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// A reader that has not finished after so long waits for the parked thread.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks up beside a parked thread.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many sessions the writer registers.
    #[arg(long, default_value_t = 1_000_000)]
    sessions: u64,
    /// How many lookups have to complete.
    #[arg(long, default_value_t = 100_000)]
    lookups: u64,
    /// How many bytes an allocation or a free has to have for a thread to be parked in it.
    #[arg(long, default_value_t = 1 << 20)]
    large: usize,
    /// A smoke run: ours alone, few lookups.
    #[arg(long)]
    quick: bool,
}

fn main() {
    let mut arguments = Arguments::parse();
    println!("{}", Machine::here("parked"));
    println!("| meter | parked | where | completed | in, ms | allocations, frees, moves meanwhile |");
    println!("|---|---|---|---|---|---|");
    if arguments.quick {
        arguments.sessions = arguments.sessions.min(50_000);
        arguments.large = 1 << 16;
        arguments.lookups = arguments.lookups.min(1_000);
        return cases::<Ours>(&arguments);
    }
    cases::<Ours>(&arguments);
    cases::<Scc>(&arguments);
    cases::<Papaya>(&arguments);
    cases::<Dash>(&arguments);
    cases::<Locked>(&arguments);
}

fn cases<M: Meter>(arguments: &Arguments) {
    for (place, event) in [
        (
            "large allocation",
            ParkPoint::in_allocation as fn(RangeFrom<usize>) -> ParkPoint,
        ),
        ("large free", ParkPoint::in_free),
    ] {
        for is_reader in [false, true] {
            let outcome = Case { event, is_reader }.run::<M>(arguments);
            let parked = if is_reader { "another reader" } else { "the writer" };
            println!("| {} | {parked} | {place} | {outcome} |", M::NAME);
        }
    }
}

/// A meter, and how many of its sessions are certain to be found.
#[derive(Debug, Default)]
struct Field<M> {
    meter: M,
    end: AtomicU64,
    stop: AtomicBool,
}

impl<M: Meter> Field<M> {
    /// Registers until there are `sessions`, or nobody needs more.
    fn grow(&self, sessions: u64) {
        let mut id = IdBuffer::default();
        for number in 0..sessions {
            if self.is_stopped() {
                break;
            }
            assert!(self.meter.register(id.format(number)), "{number} was known");
            // Release: a reader that sees the number finds the session. Pairs with Acquire in find().
            self.end.store(number + 1, Ordering::Release);
            if number % 10_000 == 0 {
                self.meter.maintain();
            }
        }
    }

    /// Unregisters and registers sessions that no reader asks for, long enough that what growth retired is freed.
    fn churn(&self, sessions: u64) {
        let mut id = IdBuffer::default();
        for number in sessions..sessions + sessions / 10 {
            if self.is_stopped() {
                break;
            }
            assert!(self.meter.register(id.format(number)), "{number} was known");
            assert!(self.meter.unregister(id.format(number)), "{number} was unknown");
        }
        self.meter.maintain();
    }

    /// Looks up one session; false where it was not there.
    fn find(&self, id: &mut IdBuffer, numbers: &mut Numbers) -> bool {
        // Acquire: pairs with Release in grow().
        let end = self.end.load(Ordering::Acquire);
        end == 0 || self.meter.ingress(id.format(numbers.draw_below(end)), 1)
    }

    fn is_stopped(&self) -> bool {
        // Relaxed: a flag that guards nothing.
        self.stop.load(Ordering::Relaxed)
    }

    fn stop(&self) {
        // Relaxed: a flag that guards nothing.
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// One thread that stands still inside the allocator, and one that has to go on.
struct Case {
    event: fn(RangeFrom<usize>) -> ParkPoint,
    /// Whether the parked thread is a reader beside the writer, or the writer itself.
    is_reader: bool,
}

impl Case {
    fn run<M: Meter>(&self, arguments: &Arguments) -> String {
        let field = Arc::new(Field::<M>::default());
        let point = Arc::new((self.event)(arguments.large..));
        let threads = if self.is_reader {
            vec![writer(&field, arguments.sessions, None), reader(&field, &point)]
        } else {
            vec![writer(&field, arguments.sessions, Some(&point))]
        };
        let result = point.wait_until_parked().then(|| {
            let start = Instant::now();
            let result = lookups(&field, arguments.lookups).recv_timeout(PATIENCE);
            (result, start.elapsed())
        });
        field.stop();
        point.release();
        for thread in threads {
            thread.join().expect("the threads' own assertions hold");
        }
        match result {
            None => "does not happen | | ".to_owned(),
            Some((Ok((counts, moved)), took)) => format!(
                "yes | {} | {}, {}, {moved}",
                took.as_millis(),
                counts.allocations,
                counts.frees
            ),
            Some((Err(RecvTimeoutError::Timeout), _)) => "NO | | ".to_owned(),
            Some((Err(RecvTimeoutError::Disconnected), _)) => "NO, and it missed a session | | ".to_owned(),
        }
    }
}

fn writer<M: Meter>(field: &Arc<Field<M>>, sessions: u64, point: Option<&Arc<ParkPoint>>) -> JoinHandle<()> {
    let (field, point) = (Arc::clone(field), point.cloned());
    std::thread::spawn(move || {
        let _armed = point.as_ref().map(|point| point.arm());
        // Also where an assertion fails: the reader would look up for good.
        let field = StopAtEnd(field);
        field.0.grow(sessions);
        field.0.churn(sessions);
    })
}

/// Stops the others when it goes out of scope.
struct StopAtEnd<M: Meter>(Arc<Field<M>>);

impl<M: Meter> Drop for StopAtEnd<M> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Looks up until stopped.
fn reader<M: Meter>(field: &Arc<Field<M>>, point: &Arc<ParkPoint>) -> JoinHandle<()> {
    let (field, point) = (Arc::clone(field), Arc::clone(point));
    std::thread::spawn(move || {
        let _armed = point.arm();
        let (mut id, mut numbers) = (IdBuffer::default(), Numbers::new(2, 1));
        while !field.is_stopped() {
            black_box(field.find(&mut id, &mut numbers));
        }
    })
}

/// Starts the thread that has to complete its lookups, and says so when it has.
fn lookups<M: Meter>(field: &Arc<Field<M>>, lookups: u64) -> Receiver<(Counts, u64)> {
    let field = Arc::clone(field);
    let (done, result) = channel();
    std::thread::spawn(move || {
        let (mut id, mut numbers) = (IdBuffer::default(), Numbers::new(3, 1));
        black_box(field.find(&mut id, &mut numbers));
        let moved = keys_hashed();
        let ((), counts) = count(|| {
            for _ in 0..lookups {
                assert!(
                    field.find(&mut id, &mut numbers),
                    "a registered session was not found"
                );
            }
        });
        let _ = done.send((counts, keys_hashed() - moved));
    });
    result
}
