//! Counting by id, sessions in random order, beside `DashMap` and a collector with a lock for each session.
//!
//! The loop that draws a session and makes its id takes turns with the others and is subtracted from each, round by round.
//!
//! Both are there twice: as they are where nobody chooses a hash, and with ahash, which is the faster for short ids.
//!
//! Measured twice. An id that is made in place, byte by byte, just before the call is read in words that the processor cannot
//! have from its stores: it waits until they have reached the cache, behind the locked add of the call before, so the calls
//! of all contestants stand in line. Ids that lie in memory, as those of packets do, let it work ahead.

use std::sync::Arc;

use crate::crew::Work;
use crate::effort::Effort;
use crate::id::{Ids, MadeIds, ReadyIds};
use crate::meter::{Meter, Ours, by_id, filled, only_id};
use crate::rival::{Dash, DashByDefault, LockByDefault, LockPerSession};
use crate::row::{Row, Unit};
use crate::series::Series;

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
    let contest = Contest {
        effort,
        sessions,
        threads,
        ours: filled::<Ours>(sessions),
        dashmap: filled::<DashByDefault>(sessions),
        dashmap_ahash: filled::<Dash>(sessions),
        lock: filled::<LockByDefault>(sessions),
        lock_ahash: filled::<LockPerSession>(sessions),
        dashmap_goal,
        lock_goal,
    };
    let mut rows = contest.rows::<MadeIds>("id made in place");
    rows.extend(contest.rows::<ReadyIds>("id ready in memory"));
    rows
}

/// The contestants of one size, and what is asked of ours.
struct Contest<'a> {
    effort: &'a Effort,
    sessions: u64,
    threads: u64,
    ours: Arc<Ours>,
    dashmap: Arc<DashByDefault>,
    dashmap_ahash: Arc<Dash>,
    lock: Arc<LockByDefault>,
    lock_ahash: Arc<LockPerSession>,
    dashmap_goal: f64,
    lock_goal: f64,
}

impl Contest<'_> {
    fn rows<I: Ids>(&self, ids: &str) -> Vec<Row> {
        let [id, ours, dashmap, dashmap_ahash, lock, lock_ahash] = self.effort.rounds.play_crews([
            (only_id::<I>(self.sessions, self.threads), None),
            (self.crew::<I, _>(&self.ours), Some(&|| self.ours.total())),
            (self.crew::<I, _>(&self.dashmap), Some(&|| self.dashmap.total())),
            (
                self.crew::<I, _>(&self.dashmap_ahash),
                Some(&|| self.dashmap_ahash.total()),
            ),
            (self.crew::<I, _>(&self.lock), Some(&|| self.lock.total())),
            (
                self.crew::<I, _>(&self.lock_ahash),
                Some(&|| self.lock_ahash.total()),
            ),
        ]);
        let (sessions, threads) = (self.sessions, self.threads);
        let what = format!("`ingress(id)`, {sessions} sessions, {threads} thread(s), {ids}");
        let net = ours.minus(&id);
        let beside =
            |rival, times: &Series, goal| Row::ratio(&what, &net, rival, &times.minus(&id), Some(goal));
        vec![
            beside("DashMap", &dashmap, self.dashmap_goal),
            beside("DashMap with ahash", &dashmap_ahash, self.dashmap_goal),
            beside("lock per session", &lock, self.lock_goal),
            beside("lock per session with ahash", &lock_ahash, self.lock_goal),
            Row::figure(format!("{what}: subtracted from all"), &id, Unit::Time, None),
        ]
    }

    fn crew<I: Ids, M: Meter>(&self, meter: &Arc<M>) -> Vec<Work> {
        by_id::<I, M>(meter, self.sessions, self.threads)
    }
}
