//! What every contestant does, ours and its rivals: sessions by id, and bytes counted for them.

use std::hint::black_box;
use std::sync::Arc;

use streamgauge::{Collector, ManualClock, Verdict};

use crate::crew::Work;
use crate::id::{Call, IdBuffer, Ids};
use crate::load;

/// A meter of sessions, as small as its own kind allows.
pub trait Meter: Default + Send + Sync + 'static {
    /// The name in benchmark ids and tables.
    const NAME: &'static str;

    /// Makes a session known; false where the id is known already.
    fn register(&self, id: &str) -> bool;

    /// Forgets a session; false where the id is unknown. What it counted stays in [`total`](Self::total) or leaves it, as
    /// the kind has it.
    fn unregister(&self, id: &str) -> bool;

    /// Counts bytes of a session; false where the id is unknown.
    fn ingress(&self, id: &str, bytes: u64) -> bool;

    /// All bytes that were counted for sessions that are still registered.
    fn total(&self) -> u64;

    /// What the owner of a meter does every now and then beside the packet path.
    fn maintain(&self) {}
}

/// streamgauge, by id, with a clock that stands still.
#[derive(Debug)]
pub struct Ours {
    /// The collector.
    pub collector: Collector,
    /// Its clock.
    pub clock: ManualClock,
}

impl Default for Ours {
    fn default() -> Self {
        let (collector, clock) = load::collector(false);
        Self { collector, clock }
    }
}

impl Meter for Ours {
    const NAME: &'static str = "ours";

    fn register(&self, id: &str) -> bool {
        !self.collector.is_known_session(id)
            && self
                .collector
                .register_and_activate(id, "stream", "here", "there")
                .is_known()
    }

    fn unregister(&self, id: &str) -> bool {
        self.collector.unregister(id)
    }

    #[inline]
    fn ingress(&self, id: &str, bytes: u64) -> bool {
        self.collector.ingress(id, bytes).is_counted()
    }

    fn total(&self) -> u64 {
        self.collector.refresh().live.total_rx_bytes
    }

    fn maintain(&self) {
        self.clock.advance(load::INTERVAL);
        self.collector.tick();
    }
}

/// A meter that knows sessions `0..sessions`.
///
/// # Panics
///
/// Panics where a session cannot be registered.
#[must_use]
pub fn filled<M: Meter>(sessions: u64) -> Arc<M> {
    let (meter, mut id) = (M::default(), IdBuffer::default());
    for number in 0..sessions {
        assert!(meter.register(id.format(number)), "{number} was known");
    }
    meter.maintain();
    Arc::new(meter)
}

/// Looks at a verdict as a packet loop does: an ordinary one costs a branch.
///
/// `black_box` would store the verdict's two bytes by themselves: two stores that no program makes.
///
/// # Panics
///
/// Panics where a call was not counted.
#[inline]
pub fn counted(verdict: Verdict) {
    assert!(verdict.is_counted(), "a call was not counted");
}

/// Counts the calls of a burst, all at once.
///
/// # Panics
///
/// Panics where a call was not counted.
#[inline]
pub fn count_all(collector: &Collector, calls: &[Call]) {
    collector
        .burst()
        .ingress_all(calls, |_, verdict| counted(verdict));
}

/// For each of `threads` the work of counting one byte for sessions in random order.
#[must_use]
pub fn by_id<I: Ids, M: Meter>(meter: &Arc<M>, sessions: u64, threads: u64) -> Vec<Work> {
    with_ids(sessions, threads, || {
        let meter = Arc::clone(meter);
        move |ids: &mut I| {
            black_box(meter.ingress(black_box(ids.next()), 1));
        }
    })
}

/// The part of [`by_id`] that is the caller's: the next id is made, or read.
#[must_use]
pub fn only_id<I: Ids>(sessions: u64, threads: u64) -> Vec<Work> {
    with_ids(sessions, threads, || {
        |ids: &mut I| {
            let id = black_box(ids.next());
            black_box(id.as_bytes()[0]);
        }
    })
}

/// For each of `threads` work that does something with one id after the other.
fn with_ids<I: Ids, F: FnMut(&mut I) + Send + 'static>(
    sessions: u64,
    threads: u64,
    call: impl Fn() -> F,
) -> Vec<Work> {
    (0..threads)
        .map(|thread| {
            let (mut ids, mut call) = (I::new(thread + 1, sessions), call());
            Box::new(move |calls: u64| {
                for _ in 0..calls {
                    call(&mut ids);
                }
            }) as Work
        })
        .collect()
}
