//! Counting by id, sessions in random order, beside `DashMap` and a collector with a lock for each session.
//!
//! The loop that draws a session and makes its id takes turns with the others and is subtracted from each, round by round.
//!
//! Measured twice. An id that is made in place, byte by byte, just before the call is read in words that the processor cannot
//! have from its stores: it waits until they have reached the cache, behind the locked add of the call before, so the calls
//! of all contestants stand in line. Ids that lie in memory, as those of packets do, let it work ahead.

use crate::effort::Effort;
use crate::meter::{Meter, Ours, by_id, by_ready_id, filled, only_id, only_ready_id};
use crate::rival::{Dash, LockPerSession};
use crate::row::{Row, Unit};

/// On one thread, at every size.
#[must_use]
pub fn one_thread(effort: &Effort) -> Vec<Row> {
    let mut rows = Vec::new();
    for &sessions in effort.sizes() {
        let dashmap = if sessions <= 1_000 { 0.85 } else { 0.75 };
        rows.extend(at(effort, sessions, 1, dashmap, 0.5));
    }
    rows
}

/// On two threads, at 10,000 sessions.
#[must_use]
pub fn two_threads(effort: &Effort) -> Vec<Row> {
    at(effort, effort.sessions(10_000), 2, 0.55, 0.25)
}

fn at(effort: &Effort, sessions: u64, threads: u64, dashmap_goal: f64, lock_goal: f64) -> Vec<Row> {
    let ours = filled::<Ours>(sessions);
    let dashmap = filled::<Dash>(sessions);
    let lock = filled::<LockPerSession>(sessions);
    let made = effort.rounds.play_crews([
        (only_id(sessions, threads), None),
        (by_id(&ours, sessions, threads), Some(&|| ours.total())),
        (by_id(&dashmap, sessions, threads), Some(&|| dashmap.total())),
        (by_id(&lock, sessions, threads), Some(&|| lock.total())),
    ]);
    let ready = effort.rounds.play_crews([
        (only_ready_id(sessions, threads), None),
        (by_ready_id(&ours, sessions, threads), Some(&|| ours.total())),
        (
            by_ready_id(&dashmap, sessions, threads),
            Some(&|| dashmap.total()),
        ),
        (by_ready_id(&lock, sessions, threads), Some(&|| lock.total())),
    ]);
    let mut rows = Vec::new();
    for (ids, [id, ours, dashmap, lock]) in [("id made in place", made), ("id ready in memory", ready)] {
        let what = format!("`ingress(id)`, {sessions} sessions, {threads} thread(s), {ids}");
        let net = ours.minus(&id);
        rows.push(Row::ratio(
            &what,
            &net,
            "DashMap",
            &dashmap.minus(&id),
            Some(dashmap_goal),
        ));
        rows.push(Row::ratio(
            &what,
            &net,
            "lock per session",
            &lock.minus(&id),
            Some(lock_goal),
        ));
        rows.push(Row::figure(
            format!("{what}: subtracted from both"),
            &id,
            Unit::Time,
            None,
        ));
    }
    rows
}
