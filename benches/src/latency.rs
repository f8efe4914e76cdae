//! How long lookups by id take on one core while the other registers and unregisters as fast as it can, and what the
//! looking thread allocates, frees and moves meanwhile.
//!
//! The writer registers two sessions for each that it unregisters, until as many are registered as asked for: the table
//! grows and churns at once. Every so often it does what the meter's owner has to do (for ours, a tick, which is where
//! retired memory is freed).
//!
//! Each lookup is timed by itself, between two readings of the clock: the figures contain making an id and one reading of
//! the clock. [`Nothing`] is a meter that looks nothing up beside the same writer:
//! its figures are what of the others' is not theirs. What of a lookup over 100 µs the thread waited for a core is taken out:
//! that is another program's doing. What it waited for a lock stays in.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use hdrhistogram::Histogram;
use streamgauge_testkit::{Counts, count};

use crate::id::{IdBuffer, Numbers};
use crate::meter::Meter;
use crate::rival::Dash;
use crate::rival::session::keys_hashed;
use crate::waiting::Waiting;

/// The percentiles that are reported, by name; the last is the maximum.
pub const PERCENTILES: [(&str, f64); 5] = [
    ("p50", 0.5),
    ("p99", 0.99),
    ("p99.9", 0.999),
    ("p99.99", 0.9999),
    ("max", 1.0),
];

/// Registrations and unregistrations between two rounds of the owner's duties: of a tick, some twice a second.
const DUTY: u64 = 1 << 18;

/// Sessions that are there from the start.
const FIRST: u64 = 100;

/// Looks nothing up; the writer beside it has a `DashMap` to write to.
#[derive(Debug, Default)]
pub struct Nothing(Dash);

impl Meter for Nothing {
    const NAME: &'static str = "nothing";

    fn register(&self, id: &str) -> bool {
        self.0.register(id)
    }

    fn unregister(&self, id: &str) -> bool {
        self.0.unregister(id)
    }

    #[inline]
    fn ingress(&self, id: &str, _bytes: u64) -> bool {
        black_box(id);
        true
    }

    fn total(&self) -> u64 {
        self.0.total()
    }
}

/// What one thread saw.
#[derive(Debug)]
pub struct Seen {
    /// Nanoseconds at each of [`PERCENTILES`].
    pub nanos: [u64; PERCENTILES.len()],
    /// What the looking thread allocated and freed.
    pub counts: Counts,
    /// Entries that the looking thread moved, where the meter's keys show it.
    pub moved: u64,
    /// Lookups.
    pub lookups: u64,
    /// How long the writer took, in milliseconds.
    pub writing_ms: u128,
}

/// A meter, and which of its sessions are certain to be found: numbers from `first` to below `end`.
#[derive(Debug, Default)]
struct Field<M> {
    meter: M,
    first: AtomicU64,
    end: AtomicU64,
}

impl<M: Meter> Field<M> {
    fn register(&self, id: &mut IdBuffer, number: u64) {
        assert!(self.meter.register(id.format(number)), "{number} was known");
        // Release: a reader that sees the number finds the session. Pairs with Acquire in find().
        self.end.store(number + 1, Ordering::Release);
    }

    fn unregister(&self, id: &mut IdBuffer, number: u64) {
        // Release: keeps the numbers shown to readers ahead of the removal, but for those already drawn.
        self.first.store(number + 1, Ordering::Release);
        assert!(self.meter.unregister(id.format(number)), "{number} was unknown");
    }

    /// Until `sessions` are registered: two come, one goes.
    fn write(&self, sessions: u64) {
        let mut id = IdBuffer::default();
        let (mut first, mut end) = (0, FIRST);
        while end - first < sessions {
            self.register(&mut id, end);
            self.register(&mut id, end + 1);
            self.unregister(&mut id, first);
            (first, end) = (first + 1, end + 2);
            if first % (DUTY / 3) == 0 {
                self.meter.maintain();
            }
        }
    }

    /// Looks up one session. False where it was not there although nobody has unregistered it.
    #[inline]
    fn find(&self, id: &mut IdBuffer, numbers: &mut Numbers) -> bool {
        // Acquire: pairs with Release in register() and unregister().
        let (first, end) = (
            self.first.load(Ordering::Acquire),
            self.end.load(Ordering::Acquire),
        );
        let number = first + numbers.draw_below(end - first);
        // Acquire: a session that was unregistered between draw and lookup is no error.
        self.meter.ingress(id.format(number), 1) || number < self.first.load(Ordering::Acquire)
    }
}

/// Looks up until the table has grown to `sessions`.
///
/// # Panics
///
/// Panics where a registered session was not found, and unless the testkit's counting allocator is the program's.
#[must_use]
#[expect(
    clippy::expect_used,
    reason = "the bounds of the histogram are constants in order"
)]
pub fn seen<M: Meter>(sessions: u64) -> Seen {
    let field = Field::<M>::default();
    let (mut id, mut numbers) = (IdBuffer::default(), Numbers::new(1, 1));
    for number in 0..FIRST {
        field.register(&mut id, number);
    }
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 10_000_000_000, 3).expect("bounds are in order");
    streamgauge::prepare_thread();
    black_box(field.find(&mut id, &mut numbers));
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let start = Instant::now();
            field.write(sessions);
            start.elapsed().as_millis()
        });
        let moved = keys_hashed();
        let (mut lost, mut waiting) = (0, Waiting::here());
        let ((), counts) = count(|| {
            while !writer.is_finished() {
                // Whether to go on, and noting the figure, are outside of it.
                let start = Instant::now();
                let found = field.find(&mut id, &mut numbers);
                let took = waiting.take_from(start.elapsed());
                let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
                histogram.saturating_record(nanos.max(1));
                lost += u64::from(!found);
            }
        });
        assert_eq!(lost, 0, "{}: registered sessions were not found", M::NAME);
        Seen {
            nanos: PERCENTILES.map(|(_, quantile)| histogram.value_at_quantile(quantile)),
            counts,
            moved: keys_hashed() - moved,
            lookups: histogram.len(),
            writing_ms: writer.join().unwrap_or_default(),
        }
    })
}
