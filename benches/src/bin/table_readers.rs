//! What growth and churn of a session table cost a thread that only looks up (promise P3), table by table.
//!
//! Usage: `table_readers [SESSIONS]` (default 1,000,000). It prints two tables in Markdown:
//!
//! * *work*: what a reader allocated, freed and moved, and how long its lookups took, while one thread registers all
//!   sessions (growth), then unregisters and registers as many again (churn), then starts threads that each replace a
//!   hundred and end (threads);
//! * *progress*: whether a reader completes 100,000 lookups while another thread stands still inside the table's
//!   allocation or free.
#![expect(
    clippy::disallowed_methods,
    reason = "benchmarks read the clock and start threads themselves"
)]
#![expect(clippy::expect_used, reason = "a broken measurement ends the program")]

use std::fmt::Write;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use streamgauge_benches::id::{IdBuffer, Numbers};
use streamgauge_benches::table::{Dash, Locked, Papaya, Scc, SccReserved, Session, Table, keys_hashed};
use streamgauge_testkit::{CountingAllocator, Counts, ParkPoint, count};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Lookups that a reader has to complete beside a parked thread.
const LOOKUPS: u64 = 100_000;

/// A reader that has not finished these after so long waits for the parked thread. It needs about 20 ms.
const PATIENCE: Duration = Duration::from_secs(5);

/// No single session is that large; the table's arrays are.
const LARGE: usize = 1 << 20;

fn main() {
    let sessions = std::env::args()
        .nth(1)
        .map_or(1_000_000, |text| text.parse().expect("a number of sessions"));
    let mut work = String::new();
    let mut progress = String::new();
    measure::<Scc>(sessions, &mut work, &mut progress);
    measure::<SccReserved>(sessions, &mut work, &mut progress);
    measure::<Papaya>(sessions, &mut work, &mut progress);
    measure::<Dash>(sessions, &mut work, &mut progress);
    measure::<Locked>(sessions, &mut work, &mut progress);
    println!("Work of one reader, {sessions} sessions:\n");
    println!(
        "| table | phase | lookups | allocations | frees | largest free, bytes | entries moved | p50 | p99 | p99.9 | max, µs |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|\n{work}");
    println!("{LOOKUPS} lookups beside a parked thread, {sessions} sessions:\n");
    println!("| table | parked | where | completed | in, ms | allocations, frees, moves meanwhile |");
    println!("|---|---|---|---|---|---|\n{progress}");
}

fn measure<T: Table>(sessions: u64, work: &mut String, progress: &mut String) {
    eprintln!("{}", T::NAME);
    let field = Arc::new(Field::<T>::default());
    for (phase, write) in [
        ("growth", Field::grow as fn(&Field<T>, u64)),
        ("churn", Field::churn),
        ("threads", Field::threads),
    ] {
        let seen = read_beside(&field, sessions, write);
        row(work, T::NAME, phase, &seen);
    }
    for case in [
        Case {
            parked: "the writer",
            event: ParkPoint::in_allocation,
            place: "growth allocation",
            reader: false,
        },
        Case {
            parked: "the writer",
            event: ParkPoint::in_free,
            place: "growth free",
            reader: false,
        },
        Case {
            parked: "another reader",
            event: ParkPoint::in_allocation,
            place: "large allocation",
            reader: true,
        },
        Case {
            parked: "another reader",
            event: ParkPoint::in_free,
            place: "large free",
            reader: true,
        },
    ] {
        case.run::<T>(sessions, progress);
    }
}

/// A table, and which of its sessions are certain to be found: numbers from `first` to below `end`.
#[derive(Debug, Default)]
struct Field<T> {
    table: T,
    first: AtomicU64,
    end: AtomicU64,
    stop: AtomicBool,
}

impl<T: Table> Field<T> {
    fn register(&self, id: &mut IdBuffer, number: u64) {
        assert!(
            self.table.insert(Session::new(id.format(number))),
            "{number} was known"
        );
        // Release: a reader that sees the number finds the session. Pairs with Acquire in find().
        self.end.store(number + 1, Ordering::Release);
    }

    /// Registers `sessions` sessions, unless stopped.
    fn grow(&self, sessions: u64) {
        let mut id = IdBuffer::default();
        for number in 0..sessions {
            if self.is_stopped() {
                return;
            }
            self.register(&mut id, number);
        }
    }

    /// Replaces `sessions` sessions, oldest first. Nobody else holds one: the table is the last to let go of it.
    fn churn(&self, sessions: u64) {
        let mut id = IdBuffer::default();
        for _ in 0..sessions {
            if self.is_stopped() {
                return;
            }
            // Relaxed: written by this thread alone.
            let (first, end) = (
                self.first.load(Ordering::Relaxed),
                self.end.load(Ordering::Relaxed),
            );
            // Release: keeps the numbers shown to readers ahead of the removal, but for those already drawn.
            self.first.store(first + 1, Ordering::Release);
            assert!(self.table.remove(id.format(first)), "{first} was unknown");
            self.register(&mut id, end);
        }
    }

    /// Churns a little on each of many threads that end at once, as those of a pool do, and leave garbage behind.
    fn threads(&self, sessions: u64) {
        for _ in 0..sessions / 1000 {
            std::thread::scope(|scope| {
                scope.spawn(|| self.churn(100));
            });
        }
    }

    /// Looks up one session. False where it was not there although nobody has unregistered it.
    fn find(&self, id: &mut IdBuffer, numbers: &mut Numbers) -> bool {
        // Acquire: pairs with Release in register() and churn().
        let (first, end) = (
            self.first.load(Ordering::Acquire),
            self.end.load(Ordering::Acquire),
        );
        if first == end {
            return true;
        }
        let number = first + numbers.draw_below(end - first);
        // Acquire: a session that was unregistered between draw and lookup is no error.
        self.table.add(id.format(number), 1) || number < self.first.load(Ordering::Acquire)
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

/// What a reader did.
struct Seen {
    counts: Counts,
    moved: u64,
    lookups: u64,
    lost: u64,
    latency: Histogram<u64>,
}

/// Looks up until `write` has ended on another thread.
fn read_beside<T: Table>(field: &Arc<Field<T>>, sessions: u64, write: fn(&Field<T>, u64)) -> Seen {
    let writer = {
        let field = Arc::clone(field);
        std::thread::spawn(move || write(&field, sessions))
    };
    let mut latency = Histogram::<u64>::new_with_bounds(1, 10_000_000_000, 3).expect("bounds are in order");
    let (mut id, mut numbers) = (IdBuffer::default(), Numbers::new(1, 1));
    let (mut lookups, mut lost) = (0, 0);
    black_box(field.find(&mut id, &mut numbers));
    let moved = keys_hashed();
    let ((), counts) = count(|| {
        while !writer.is_finished() {
            let start = Instant::now();
            let found = field.find(&mut id, &mut numbers);
            let nanos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
            latency.saturating_record(nanos.max(1));
            lookups += 1;
            lost += u64::from(!found);
        }
    });
    let moved = keys_hashed() - moved;
    writer.join().expect("the writer's own assertions hold");
    Seen {
        counts,
        moved,
        lookups,
        lost,
        latency,
    }
}

fn row(out: &mut String, table: &str, phase: &str, seen: &Seen) {
    let micros = |quantile| micros(seen.latency.value_at_quantile(quantile));
    let Counts {
        allocations,
        frees,
        largest_free,
        ..
    } = seen.counts;
    let _ = writeln!(
        out,
        "| {table} | {phase} | {} | {allocations} | {frees} | {largest_free} | {} | {} | {} | {} | {} |",
        seen.lookups,
        seen.moved,
        micros(0.5),
        micros(0.99),
        micros(0.999),
        micros(1.0),
    );
    if seen.lost > 0 {
        let _ = writeln!(
            out,
            "| {table} | {phase} | {} lookups missed a registered session |",
            seen.lost
        );
    }
}

fn micros(nanos: u64) -> String {
    format!("{}.{:02}", nanos / 1000, nanos % 1000 / 10)
}

/// One thread that stands still inside the allocator, and one that has to go on.
struct Case {
    parked: &'static str,
    event: fn(usize) -> ParkPoint,
    place: &'static str,
    /// Whether the parked thread is a reader beside the writer, or the writer itself.
    reader: bool,
}

impl Case {
    fn run<T: Table>(&self, sessions: u64, out: &mut String) {
        let field = Arc::new(Field::<T>::default());
        let point = Arc::new((self.event)(LARGE));
        let threads = if self.reader {
            vec![writer(&field, sessions, None), reader(&field, &point)]
        } else {
            vec![writer(&field, sessions, Some(&point))]
        };
        let parked = point.wait_until_parked();
        let result = parked.then(|| {
            let start = Instant::now();
            let result = lookups(&field).recv_timeout(PATIENCE);
            (result, start.elapsed())
        });
        field.stop();
        point.release();
        for thread in threads {
            thread.join().expect("the threads' own assertions hold");
        }
        let outcome = match result {
            None => "does not happen | | ".to_owned(),
            Some((Ok((counts, moved)), took)) => {
                let Counts {
                    allocations, frees, ..
                } = counts;
                format!("yes | {} | {allocations}, {frees}, {moved}", took.as_millis())
            }
            Some((Err(RecvTimeoutError::Timeout), _)) => "NO | | ".to_owned(),
            Some((Err(RecvTimeoutError::Disconnected), _)) => "NO, and it missed a session | | ".to_owned(),
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {outcome} |",
            T::NAME,
            self.parked,
            self.place
        );
    }
}

/// Grows the table, then churns long enough that what growth retired is freed.
fn writer<T: Table>(field: &Arc<Field<T>>, sessions: u64, point: Option<&Arc<ParkPoint>>) -> JoinHandle<()> {
    let (field, point) = (Arc::clone(field), point.cloned());
    std::thread::spawn(move || {
        let _armed = point.as_ref().map(|point| point.arm());
        field.grow(sessions);
        field.churn(sessions / 10);
        field.stop();
    })
}

/// Looks up until stopped.
fn reader<T: Table>(field: &Arc<Field<T>>, point: &Arc<ParkPoint>) -> JoinHandle<()> {
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
fn lookups<T: Table>(field: &Arc<Field<T>>) -> Receiver<(Counts, u64)> {
    let field = Arc::clone(field);
    let (done, result) = channel();
    std::thread::spawn(move || {
        let (mut id, mut numbers) = (IdBuffer::default(), Numbers::new(3, 1));
        black_box(field.find(&mut id, &mut numbers));
        let moved = keys_hashed();
        let ((), counts) = count(|| {
            for _ in 0..LOOKUPS {
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
