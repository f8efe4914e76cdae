//! Ticks of the sampler's own thread, once a second, as in a running program: between two of them every session gets a
//! byte, other memory is copied, and the thread sleeps.

use std::thread;
use std::time::{Duration, SystemTime};

use streamgauge::{Collector, ManualClock};

use crate::copy::Copy;
use crate::effort::Effort;
use crate::load::{self, Load};
use crate::row::Row;
use crate::series::Series;

/// How often it is asked whether a tick has passed.
const POLL: Duration = Duration::from_millis(2);

/// How long a tick is waited for.
const PATIENCE: u32 = 30_000;

/// Waits until a tick has passed since `last`.
fn wait(collector: &Collector, last: Option<SystemTime>) -> Option<SystemTime> {
    let mut polls = 0;
    loop {
        let now = collector.health().last_tick;
        if now != last {
            return now;
        }
        polls += 1;
        assert!(polls < PATIENCE, "the sampler does not tick");
        thread::sleep(POLL);
    }
}

/// A million sessions at one tick a second.
///
/// # Panics
///
/// Panics where the sampler does not tick.
#[must_use]
pub fn realtime(effort: &Effort) -> Vec<Row> {
    let sessions = effort.sessions(1_000_000);
    let mut config = load::config(false);
    if effort.is_quick {
        config.sample_interval = Duration::from_millis(50);
    }
    let collector = Collector::new(config);
    let mut load = Load::on(collector, ManualClock::default(), sessions);
    let mut copy = Copy::of(sessions);
    let (mut ticks, mut copies) = (Series::default(), Series::default());
    let mut last = load.collector.health().last_tick;
    for _ in 0..2 {
        load.traffic(1);
        last = wait(&load.collector, last);
    }
    for _ in 0..effort.rounds.count {
        copies.push_time(copy.run(), 1);
        load.traffic(1);
        last = wait(&load.collector, last);
        ticks.push_time(load.collector.health().last_tick_duration, 1);
    }
    load.check();
    vec![Row::ratio(
        format!("tick in real time at 1 Hz, {sessions} sessions, all active"),
        &ticks,
        &format!("copy of {} MB", sessions * 128 / 1_000_000),
        &copies,
        Some(3.5),
    )]
}
