//! Ticks by hand over a million sessions, publishing included, one right after the traffic that it samples.
//!
//! Before each tick that is timed every session that is to be active gets a byte, and a second of the manual clock passes;
//! neither is inside the figure. The busy and the mostly idle million are collectors of their own: one that was busy within
//! the window is not yet idle.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use streamgauge_testkit::{CountingAllocator, count};

use crate::copy::Copy;
use crate::effort::Effort;
use crate::load::Load;
use crate::rounds::Contestant;
use crate::row::{Row, Unit};
use crate::series::{Series, real};

/// Ticks before the first that is measured: more than a window holds.
const BEFORE: u32 = 12;

/// The time of one tick.
pub(super) fn timed_tick(load: &Load) -> Duration {
    let start = Instant::now();
    load.collector.tick();
    start.elapsed()
}

fn tick_after(load: &mut Load, every: usize) -> Duration {
    load.traffic(every);
    load.pass();
    timed_tick(load)
}

/// Busy, changed and idle.
#[must_use]
pub fn tick(effort: &Effort) -> Vec<Row> {
    let sessions = effort.sessions(1_000_000);
    let (mut busy, mut idle) = (Load::new(sessions), Load::new(sessions));
    for _ in 0..BEFORE {
        tick_after(&mut busy, 1);
        tick_after(&mut idle, 100);
    }
    let busy = RefCell::new(busy);
    let mut copy = Copy::of(sessions);
    let [full, changed, few, copied] = effort.rounds.play([
        Contestant::once(|| tick_after(&mut busy.borrow_mut(), 1)),
        Contestant::once(|| {
            let mut busy = busy.borrow_mut();
            busy.replace(100);
            tick_after(&mut busy, 1)
        }),
        Contestant::once(|| tick_after(&mut idle, 100)),
        Contestant::once(|| copy.run()),
    ]);
    let floor = format!("copy of {} MB", sessions * 128 / 1_000_000);
    let mut rows = vec![
        Row::ratio(
            format!("tick, {sessions} sessions, all active"),
            &full,
            &floor,
            &copied,
            Some(2.5),
        ),
        Row::ratio(
            "the same after 1 % were closed and as many registered",
            &changed,
            &floor,
            &copied,
            Some(6.0),
        ),
        Row::ratio("tick, 1 % active", &few, "the full tick", &full, Some(0.5)),
    ];
    if CountingAllocator::is_installed() {
        rows.push(allocated(&mut busy.borrow_mut(), sessions));
    }
    busy.borrow().check();
    idle.check();
    rows
}

/// What ticks allocate once they have what they need: whether retired summaries are used again.
fn allocated(load: &mut Load, sessions: u64) -> Row {
    let bytes: Series = (0..3)
        .map(|_| {
            load.traffic(1);
            load.pass();
            let ((), counts) = count(|| load.collector.tick());
            real(counts.bytes_allocated) / real(sessions)
        })
        .collect();
    Row::figure(
        "allocated by a busy tick, for each session",
        &bytes,
        Unit::Bytes,
        None,
    )
}
