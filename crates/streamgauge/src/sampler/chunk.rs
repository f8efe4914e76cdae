//! A stretch of the sampler's rows: what it remembers of each session.
//!
//! Rows stand in order of registration. Who they are is one shared vector, which summaries hold too: it is copied when a
//! row is added or changes its extra while a summary shares it. The row of a closed session becomes *vacant* and stays
//! until an eighth of the chunk is, or a quarter where many chunks are so at once, so that sessions that come and go do not
//! have every chunk copied at every tick.
//!
//! What was published last is what the sampler knows of the moment before: it has the numbers of every row. Two
//! buffers of numbers take turns; one that a reader still holds is left to it. A chunk in which nothing changed is
//! published again as it is.

use std::sync::Arc;

use super::expiry::Expiry;
use super::rate::{Rate, decayed, rounded};
use super::ring::Rings;
use super::tally::Tally;
use super::timeline::{Roll, Timeline};
use crate::clock::{Moment, Stamp};
use crate::collector::intake::{BATCH, Relabelled};
use crate::collector::population::Population;
use crate::direction::{Direction, PerDirection};
use crate::session::core::{Reading, SessionRef};
use crate::session::top::{Turn, whole_bitrate};
use crate::session::writer::Counts;
use crate::summary::active::{PublishedChunk, Rows};
use crate::summary::numbers::{Numbers, RowNumbers, Standing};
use crate::verdict::CloseReason;

/// The most rows of a chunk: a batch of the intake fits one.
pub(super) const ROWS: usize = BATCH;

/// How many rows ahead a session's lines are asked for.
const AHEAD: usize = 8;

/// What a tick knows of a session that closed, beside its final.
#[derive(Debug, Clone, Copy)]
pub(super) struct Past {
    pub(super) registered: Stamp,
    /// Whether its activation was announced.
    pub(super) is_announced: bool,
    /// The highest bitrates that ticks saw, in bit/s.
    pub(super) peaks: PerDirection<f32>,
}

/// What a chunk asks of the collection while it reads.
pub(super) trait Clerk {
    /// A session that was read as closed: accounts it and answers true, or answers false if its closer has not recorded
    /// it.
    fn fold(&mut self, session: &SessionRef, past: Past) -> bool;
    /// A session that is due to close now, or is full.
    fn close(&mut self, session: &SessionRef, past: Past, reason: CloseReason);
    /// A session seen active for the first time.
    fn activated(&mut self, session: &SessionRef, registered: Stamp);
}

/// What a collection does to every chunk.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    pub(super) population: &'a Population,
    pub(super) now: Moment,
    pub(super) expiry: Expiry,
    pub(super) timeline: &'a Timeline,
    /// The oldest sample that rows needed until this collection.
    pub(super) oldest: usize,
    /// The step of the windows, and what it multiplies tops by.
    pub(super) roll: Option<(Roll, f64)>,
    pub(super) counts_packets: bool,
    /// Whether anybody will be told of peaks.
    pub(super) is_observed: bool,
}

/// Room for what is read of one chunk, used for one after the other.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    read: Vec<Counts>,
    windows: PerDirection<Vec<u64>>,
}

/// A stretch of rows.
#[derive(Debug)]
pub(super) struct Chunk {
    rows: Arc<Rows>,
    /// As far as it was published; rows beyond it are new. Also the buffer that a summary shows.
    published: Arc<PublishedChunk>,
    spare: Option<Arc<PublishedChunk>>,
    rings: Rings,
    standing: Vec<Standing>,
    /// When traffic, or the activation, was last noticed.
    noticed: Vec<u64>,
    /// Empty until somebody observes.
    peaks: Vec<PerDirection<f32>>,
    vacant: usize,
    /// The latest moment that any row was registered at, vacant and removed ones included. Not the last row's: who registers reads the clock, and then waits
    /// for its turn.
    youngest: u64,
    tally: Tally,
    /// Whether the collection under way found anything that differs from what was published.
    is_touched: bool,
    /// Whether nothing will move from what was published on unless something is counted or set.
    is_at_rest: bool,
    /// How often tops had been set when they were last looked at.
    sets_seen: u64,
}

impl Chunk {
    /// Rows for sessions that were registered one after the other.
    pub(super) fn new(rows: Arc<Rows>, slots: usize) -> Self {
        let mut chunk = Self {
            rows,
            published: Arc::default(),
            spare: None,
            rings: Rings::new(slots),
            standing: Vec::new(),
            noticed: Vec::new(),
            peaks: Vec::new(),
            vacant: 0,
            youngest: 0,
            tally: Tally::default(),
            is_touched: false,
            is_at_rest: false,
            sets_seen: 0,
        };
        chunk.enter_new_rows();
        chunk
    }

    fn enter_new_rows(&mut self) {
        let (known, rows) = (self.standing.len(), self.rows.len());
        self.standing.resize(rows, Standing::Pending);
        let new = &self.rows.registered[known..];
        self.noticed.extend(new.iter().map(|stamp| stamp.monotonic));
        let latest = new.iter().map(|stamp| stamp.monotonic).max();
        self.youngest = self.youngest.max(latest.unwrap_or(0));
        self.rings.extend_to(rows, ROWS);
        if !self.peaks.is_empty() {
            self.peaks.resize(rows, PerDirection::default());
        }
    }

    /// Takes in rows of sessions registered after those here; `false` if there is no room for them.
    pub(super) fn add(&mut self, new: &Rows) -> bool {
        if self.rows.len() + new.len() > ROWS {
            return false;
        }
        let rows = Arc::make_mut(&mut self.rows);
        for row in 0..new.len() {
            rows.append(new, row);
        }
        self.enter_new_rows();
        true
    }

    /// How many rows stand for a session.
    fn occupied(&self) -> usize {
        self.standing.len() - self.vacant
    }

    pub(super) fn is_empty(&self) -> bool {
        self.occupied() == 0
    }

    /// Whether it is worth removing the vacant rows: more than an eighth.
    pub(super) fn is_sparse(&self) -> bool {
        self.vacant * 8 > self.standing.len()
    }

    /// Whether the vacant rows are to be removed now: more than a quarter.
    pub(super) fn is_very_sparse(&self) -> bool {
        self.vacant * 4 > self.standing.len()
    }

    /// Whether both have room in one chunk, and some to spare.
    pub(super) fn fits_with(&self, next: &Self) -> bool {
        self.occupied() + next.occupied() <= ROWS / 2
    }

    /// One chunk of the rows of some that still stand for a session, in their order.
    pub(super) fn join(chunks: &[&Self], counts_packets: bool, slots: usize) -> Self {
        let mut joined = Self::new(Arc::default(), slots);
        let occupied = chunks.iter().map(|chunk| chunk.occupied()).sum();
        let mut rows = Rows::with_capacity(occupied);
        let mut numbers = Numbers::with_capacity(occupied, counts_packets);
        let has_peaks = chunks.iter().any(|chunk| !chunk.peaks.is_empty());
        for chunk in chunks {
            for (row, standing) in chunk.standing.iter().enumerate() {
                if *standing == Standing::Vacant {
                    continue;
                }
                rows.append(&chunk.rows, row);
                joined.standing.push(*standing);
                joined.noticed.push(chunk.noticed[row]);
                joined.rings.append(&chunk.rings, row, ROWS);
                if has_peaks {
                    joined.peaks.push(chunk.peak(row));
                }
                let last = chunk.published.numbers.get(row).unwrap_or(RowNumbers::NEW);
                numbers.push(&last, counts_packets);
            }
        }
        joined.youngest = chunks.iter().map(|chunk| chunk.youngest).max().unwrap_or(0);
        joined.rows = Arc::new(rows);
        // Not the rows of the published ones: the buffer is no summary's, and is not to be published as it is.
        joined.published = Arc::new(PublishedChunk {
            rows: Arc::default(),
            numbers,
        });
        joined
    }

    fn peak(&self, row: usize) -> PerDirection<f32> {
        self.peaks.get(row).copied().unwrap_or_default()
    }

    /// Takes over the extras of sessions whose extra changed.
    pub(super) fn relabel(&mut self, changed: &Relabelled) {
        for row in 0..self.rows.len() {
            if changed.contains(&self.rows.sessions[row]) {
                Arc::make_mut(&mut self.rows).refresh_extra(row);
            }
        }
    }

    /// Reads every session into `scratch`, lets go of the closed, and closes those that are due.
    pub(super) fn read(&mut self, clerk: &mut impl Clerk, pass: &Pass<'_>, scratch: &mut Scratch) {
        if pass.is_observed && self.peaks.is_empty() {
            self.peaks.resize(self.standing.len(), PerDirection::default());
        }
        scratch.read.resize(self.standing.len(), Counts::default());
        let mut is_touched = self.published.numbers.len() != self.standing.len();
        let now = pass.now.monotonic;
        let sessions = &self.rows.sessions;
        let rows = sessions.iter().zip(self.published.numbers.bytes_or_none());
        let state = self.standing.iter_mut().zip(&mut self.noticed);
        for (row, (((session, before), (standing, noticed)), read)) in
            rows.zip(state).zip(&mut scratch.read).enumerate()
        {
            if let Some(next) = sessions.get(row + AHEAD) {
                next.prefetch();
            }
            if *standing == Standing::Vacant {
                *read = Counts::default();
                continue;
            }
            let past = |standing: Standing| Past {
                registered: self.rows.registered[row],
                is_announced: standing == Standing::Active,
                peaks: self.peaks.get(row).copied().unwrap_or_default(),
            };
            let is_gone = match session.read_for_collection(pass.population) {
                Reading::Open { counts, is_active } => {
                    *read = counts;
                    if counts.bytes != before {
                        *noticed = now;
                        is_touched = true;
                        if counts.bytes.rx | counts.bytes.tx > u64::from(u32::MAX) {
                            self.rings.make_room(row, before, counts.bytes, pass.oldest);
                        }
                    }
                    if is_active && *standing == Standing::Pending {
                        is_touched = true;
                        *standing = Standing::Active;
                        *noticed = now;
                        clerk.activated(session, self.rows.registered[row]);
                    }
                    let due = pass.expiry.due(now, *noticed, is_active, counts.bytes);
                    if let Some(reason) = due {
                        clerk.close(session, past(*standing), reason);
                    }
                    due.is_some()
                }
                Reading::Closed => {
                    // Without a record, which its closer has made by now, the row stays as it was.
                    let last = self.published.numbers.get(row).unwrap_or(RowNumbers::NEW);
                    *read = last.counts;
                    is_touched = true;
                    clerk.fold(session, past(*standing))
                }
            };
            if is_gone {
                is_touched = true;
                *standing = Standing::Vacant;
                self.vacant += 1;
                *read = Counts::default();
            }
        }
        // A packet of no bytes shows in no byte.
        self.is_touched = is_touched || pass.counts_packets;
    }

    /// Moves the windows on by one sample where the pass rolls, and publishes what was read before.
    pub(super) fn publish(
        &mut self,
        pass: &Pass<'_>,
        turn: &mut Turn<'_>,
        scratch: &mut Scratch,
    ) -> (Arc<PublishedChunk>, Tally) {
        let Scratch { read, windows } = scratch;
        if let Some((roll, _)) = pass.roll {
            self.rings.roll(
                read,
                |counts| counts.bytes.rx,
                Direction::Ingress,
                roll,
                &mut windows.rx,
            );
            self.rings.roll(
                read,
                |counts| counts.bytes.tx,
                Direction::Egress,
                roll,
                &mut windows.tx,
            );
        }
        if !self.is_unchanged(turn) {
            let mut buffer = self.buffer();
            if let Some(target) = Arc::get_mut(&mut buffer) {
                target.rows.clone_from(&self.rows);
                self.fill(pass, turn, scratch, &mut target.numbers);
            }
            self.tally = Tally::of(scratch.read.iter().zip(&self.standing));
            self.spare = Some(std::mem::replace(&mut self.published, buffer));
        }
        // Also where nothing changed: the sessions were asked about these sets, and need not be asked again.
        self.sets_seen = turn.sets();
        (Arc::clone(&self.published), self.tally)
    }

    /// Whether what was published last is what would be published now.
    fn is_unchanged(&self, turn: &Turn<'_>) -> bool {
        let has_no_top = || self.rows.sessions.iter().all(|session| session.has_no_top());
        !self.is_touched
            && self.is_at_rest
            && Arc::ptr_eq(&self.rows, &self.published.rows)
            && (self.sets_seen == turn.sets() || has_no_top())
    }

    fn fill(&mut self, pass: &Pass<'_>, turn: &mut Turn<'_>, scratch: &Scratch, numbers: &mut Numbers) {
        numbers.set_counts(&scratch.read, pass.counts_packets);
        let Some((_, decay)) = pass.roll else {
            self.is_at_rest = false;
            let rows = self.rows.sessions.iter().zip(&self.standing);
            for (row, ((session, standing), mut target)) in rows.zip(numbers.rows_mut()).enumerate() {
                let last = self.published.numbers.bitrates(row);
                let tops = PerDirection::new(session.top(Direction::Ingress), session.top(Direction::Egress));
                target.set(last, tops, *standing);
            }
            return;
        };
        let rate = Rate::new(pass.timeline);
        let mut is_at_rest = true;
        let is_unset = self.sets_seen == turn.sets();
        let are_old = rate.is_whole(self.youngest);
        let windows = scratch.windows.rx.iter().zip(&scratch.windows.tx);
        let rows = self.rows.sessions.iter().zip(&self.standing);
        for (row, (((session, standing), windows), mut target)) in
            rows.zip(windows).zip(numbers.rows_mut()).enumerate()
        {
            // Where no top was set since, a top of 0 is in what was published: the session's line need not be asked.
            let has_no_top = || (is_unset && self.published.numbers.has_no_top(row)) || session.has_no_top();
            let is_silent = *windows.0 | *windows.1 == 0;
            if *standing == Standing::Vacant || (is_silent && has_no_top()) {
                target.set(PerDirection::default(), PerDirection::default(), *standing);
                continue;
            }
            is_at_rest = false;
            let created = if are_old {
                0
            } else {
                self.rows.registered[row].monotonic
            };
            let rx = rate.of(*windows.0, created);
            let tx = rate.of(*windows.1, created);
            let mut advance = |direction, rate: f64| {
                let now = whole_bitrate(rate).unwrap_or(0);
                session.advance_top(turn, direction, |top| decayed(top, decay).max(now))
            };
            let tops = PerDirection::new(advance(Direction::Ingress, rx), advance(Direction::Egress, tx));
            let bitrates = PerDirection::new(rounded(rx), rounded(tx));
            target.set(bitrates, tops, *standing);
            if let Some(peaks) = self.peaks.get_mut(row) {
                *peaks = PerDirection::new(peaks.rx.max(bitrates.rx), peaks.tx.max(bitrates.tx));
            }
        }
        self.is_at_rest = is_at_rest;
    }

    /// A buffer that nobody else holds: the one before the last, if no summary has it any more.
    fn buffer(&mut self) -> Arc<PublishedChunk> {
        let spare = self.spare.take();
        spare
            .and_then(|mut spare| Arc::get_mut(&mut spare).is_some().then_some(spare))
            .unwrap_or_default()
    }
}
