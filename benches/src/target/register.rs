//! Registering and activating a million sessions, and the first tick over them.
//!
//! In each round a new collector grows from nothing. The clock is read once for each session, to see the longest pause; the
//! loop that only makes ids and labels and reads the clock is subtracted from the mean, and its own longest pause shows
//! what the machine alone does. What of a long pause the thread waited for a core, while another program had it, is taken
//! out of the pause, not of the mean.

use std::hint::black_box;
use std::time::{Duration, Instant};

use streamgauge::SessionHandle;

use super::tick::timed_tick;
use crate::copy::Copy;
use crate::effort::Effort;
use crate::id::IdBuffer;
use crate::label::LabelBuffer;
use crate::load::{self, Load};
use crate::row::{Row, Unit};
use crate::series::Series;
use crate::waiting::{LONG, Waiting};

/// The time of one million, and the longest of one.
#[derive(Default)]
struct Times {
    mean: Series,
    /// Without what the thread waited for a core.
    longest: Series,
    /// As the clock saw it.
    longest_seen: Series,
}

impl Times {
    fn measure(&mut self, sessions: u64, mut register: impl FnMut(&str, &str, &str)) {
        let (mut id, mut label) = (IdBuffer::default(), LabelBuffer::default());
        let mut waiting = Waiting::here();
        let (mut longest, mut longest_seen, mut sum) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        let mut last = Instant::now();
        for number in 0..sessions {
            let (reference, peer) = label.format(number);
            register(id.format(number), reference, peer);
            let now = Instant::now();
            let pause = now - last;
            sum += pause;
            last = now;
            longest_seen = longest_seen.max(pause);
            longest = longest.max(waiting.take_from(pause));
            if pause >= LONG {
                // To ask what was waited took a while.
                last = Instant::now();
            }
        }
        self.mean.push_time(sum, sessions);
        self.longest.push_time(longest, 1);
        self.longest_seen.push_time(longest_seen, 1);
    }
}

/// Registering, and the first tick.
///
/// # Panics
///
/// Panics where the collector does not hold what it was given.
#[must_use]
pub fn register(effort: &Effort) -> Vec<Row> {
    let sessions = effort.sessions(1_000_000);
    let mut copy = Copy::of(sessions);
    let (mut ours, mut only_labels) = (Times::default(), Times::default());
    let (mut first, mut copies) = (Series::default(), Series::default());
    let mut handles: Vec<SessionHandle> = Vec::with_capacity(usize::try_from(sessions).unwrap_or_default());
    // One more than is measured: what the allocator takes from the system it takes in the first.
    for round in 0..=effort.rounds.count {
        if round == 1 {
            (ours, only_labels, first, copies) = Default::default();
        }
        let (collector, clock) = load::collector(false);
        only_labels.measure(sessions, |id, reference, peer| {
            black_box((id, reference, peer));
        });
        ours.measure(sessions, |id, reference, peer| {
            handles.push(collector.register_and_activate(id, reference, "here", peer));
        });
        assert_eq!(collector.sessions(), sessions);
        let load = Load::of(collector, clock, std::mem::take(&mut handles));
        first.push_time(first_tick(load, &mut handles), 1);
        copies.push_time(copy.run(), 1);
    }
    vec![
        Row::figure(
            format!("register and activate, mean of {sessions}"),
            &ours.mean.minus(&only_labels.mean),
            Unit::Time,
            Some(1_500.0),
        )
        .beside(format!("subtracted: {:.0} ns", only_labels.mean.median())),
        pause(
            "longest pause of one of them, without waiting for a core",
            &ours.longest,
            &only_labels.longest,
            Some(5e6),
        ),
        pause(
            "the same as the clock saw it",
            &ours.longest_seen,
            &only_labels.longest_seen,
            None,
        ),
        Row::ratio(
            format!("first tick, {sessions} sessions, all active"),
            &first,
            &format!("copy of {} MB", sessions * 128 / 1_000_000),
            &copies,
            Some(6.0),
        ),
    ]
}

fn pause(what: &str, ours: &Series, only_labels: &Series, goal: Option<f64>) -> Row {
    Row::figure(what, ours, Unit::Time, goal).beside(format!(
        "without registering: {:.2} ms",
        only_labels.median() / 1e6
    ))
}

fn first_tick(mut load: Load, handles: &mut Vec<SessionHandle>) -> Duration {
    load.traffic(1);
    load.pass();
    let took = timed_tick(&load);
    load.check();
    *handles = load.into_sessions();
    handles.clear();
    took
}
