//! A stretch of the sampler's rows: what it remembers of each session.
//!
//! Rows stand in order of registration. Who they are is one shared vector, which summaries hold too: it is copied when a
//! row is added or changes its extra while a summary shares it. The row of a closed session becomes *vacant* and stays
//! until an eighth of the chunk is, so that sessions that come and go do not have every chunk copied at every tick.
//!
//! What was published last is what the sampler knows of the moment before: it has the numbers of every row. Two
//! buffers of numbers take turns; one that a reader still holds is left to it. A chunk in which nothing changed is
//! published again as it is.

use std::sync::Arc;

use super::expiry::Expiry;
use super::ring::Rings;
use super::timeline::{Roll, Timeline, bitrate};
use crate::clock::Moment;
use crate::collector::intake::{BATCH, Relabelled};
use crate::direction::{Direction, PerDirection};
use crate::session::core::{Reading, SessionRef};
use crate::session::top::{Turn, whole_bitrate};
use crate::session::writer::Counts;
use crate::stats::Stats;
use crate::summary::active::{PublishedChunk, Rows};
use crate::summary::numbers::{RowNumbers, Standing};
use crate::verdict::CloseReason;

/// The most rows of a chunk: a batch of the intake fits one.
pub(super) const ROWS: usize = BATCH;

/// How many rows ahead a session's lines are asked for.
const AHEAD: usize = 8;

/// What a tick knows of a session that closed, beside its final.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Past {
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
    fn activated(&mut self, session: &SessionRef);
}

/// What a collection does to every chunk.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    pub(super) now: Moment,
    pub(super) expiry: Option<Expiry>,
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

/// What the open sessions of some rows moved.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) live: Stats,
    pub(super) pending: Stats,
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
    tally: Tally,
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
            tally: Tally::default(),
        };
        chunk.enter_new_rows();
        chunk
    }

    fn enter_new_rows(&mut self) {
        let (known, rows) = (self.standing.len(), self.rows.sessions.len());
        self.standing.resize(rows, Standing::Pending);
        let new = &self.rows.sessions[known..];
        self.noticed.extend(new.iter().map(|session| session.created()));
        self.rings.extend_to(rows, ROWS);
        if !self.peaks.is_empty() {
            self.peaks.resize(rows, PerDirection::default());
        }
    }

    /// Takes in rows of sessions registered after those here; `false` if there is no room for them.
    pub(super) fn add(&mut self, new: &Rows) -> bool {
        if self.rows.sessions.len() + new.sessions.len() > ROWS {
            return false;
        }
        let rows = Arc::make_mut(&mut self.rows);
        for row in 0..new.sessions.len() {
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

    /// Whether it is worth removing the vacant rows.
    pub(super) fn is_sparse(&self) -> bool {
        self.vacant * 8 > self.standing.len()
    }

    /// Whether both have room in one chunk, and some to spare.
    pub(super) fn fits_with(&self, next: &Self) -> bool {
        self.occupied() + next.occupied() <= ROWS / 2
    }

    /// One chunk of the rows of some that still stand for a session, in their order.
    pub(super) fn join(chunks: &[&Self], pass_counts_packets: bool, slots: usize) -> Self {
        let mut joined = Self::new(Arc::default(), slots);
        let occupied = chunks.iter().map(|chunk| chunk.occupied()).sum();
        let mut rows = Rows::new(Vec::with_capacity(occupied));
        let mut published = PublishedChunk::default();
        published.numbers.restart(occupied, pass_counts_packets);
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
                let numbers = chunk.published.numbers.get(row).unwrap_or(RowNumbers::NEW);
                published.numbers.push(&numbers, pass_counts_packets);
            }
        }
        joined.rows = Arc::new(rows);
        // Not the rows of the published ones: the buffer is no summary's, and is not to be published as it is.
        joined.published = Arc::new(published);
        joined
    }

    fn peak(&self, row: usize) -> PerDirection<f32> {
        self.peaks.get(row).copied().unwrap_or_default()
    }

    /// Takes over the extras of sessions whose extra changed.
    pub(super) fn relabel(&mut self, changed: &Relabelled) {
        for row in 0..self.rows.sessions.len() {
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
        let read = &mut scratch.read;
        read.clear();
        let rows = Arc::clone(&self.rows);
        for (row, session) in rows.sessions.iter().enumerate() {
            if let Some(next) = rows.sessions.get(row + AHEAD) {
                next.prefetch();
            }
            if self.standing[row] == Standing::Vacant {
                read.push(Counts::default());
                continue;
            }
            let before = self.published.numbers.bytes(row);
            let Reading::Open { counts, is_active } = session.read() else {
                if clerk.fold(session, self.past(row)) {
                    self.vacate(row);
                }
                // Without a record, which its closer has made by now, the row stays as it was.
                let last = self.published.numbers.get(row).unwrap_or(RowNumbers::NEW);
                read.push(last.counts);
                continue;
            };
            session.let_writers_go();
            if is_active && self.standing[row] == Standing::Pending {
                self.standing[row] = Standing::Active;
                self.noticed[row] = pass.now.monotonic;
                clerk.activated(session);
            }
            if counts.bytes != before {
                self.noticed[row] = pass.now.monotonic;
            }
            let idle = pass.now.monotonic.saturating_sub(self.noticed[row]);
            let is_untouched = counts.bytes.is_zero();
            let due = Expiry::is_full(counts.bytes).or_else(|| {
                let expiry = pass.expiry.as_ref();
                expiry.and_then(|expiry| expiry.is_due(idle, is_active, is_untouched))
            });
            if let Some(reason) = due {
                clerk.close(session, self.past(row), reason);
                self.vacate(row);
            }
            read.push(counts);
        }
    }

    fn past(&self, row: usize) -> Past {
        Past {
            is_announced: self.standing[row] == Standing::Active,
            peaks: self.peak(row),
        }
    }

    fn vacate(&mut self, row: usize) {
        self.standing[row] = Standing::Vacant;
        self.vacant += 1;
    }

    /// Moves the windows on by one sample where the pass rolls, and publishes what was read before.
    pub(super) fn publish(
        &mut self,
        pass: &Pass<'_>,
        turn: &mut Turn<'_>,
        scratch: &mut Scratch,
    ) -> (Arc<PublishedChunk>, Tally) {
        self.roll(pass, scratch);
        if !self.is_unchanged(pass, scratch) {
            self.fill(pass, turn, scratch);
        }
        (Arc::clone(&self.published), self.tally)
    }

    fn roll(&mut self, pass: &Pass<'_>, scratch: &mut Scratch) {
        let Scratch { read, windows } = scratch;
        for (row, counts) in read.iter().enumerate() {
            let before = self.published.numbers.bytes(row);
            if counts.bytes != before && self.standing[row] != Standing::Vacant {
                for direction in Direction::BOTH {
                    let (before, now) = (*before.get(direction), *counts.bytes.get(direction));
                    self.rings.make_room(row, direction, before, now, pass.oldest);
                }
            }
        }
        if let Some((roll, _)) = pass.roll {
            for direction in Direction::BOTH {
                let windows = windows.get_mut(direction);
                let counted = |row: usize| *read[row].bytes.get(direction);
                self.rings
                    .roll(direction, counted, roll.slot, roll.start, windows);
            }
        }
    }

    /// Whether what was published last holds for every row, and will be what is computed now.
    fn is_unchanged(&self, pass: &Pass<'_>, scratch: &Scratch) -> bool {
        let is_silent = |row: usize| {
            pass.roll.is_none() || (scratch.windows.rx[row] == 0 && scratch.windows.tx[row] == 0)
        };
        let published = &self.published.numbers;
        Arc::ptr_eq(&self.rows, &self.published.rows)
            && published.len() == self.standing.len()
            && scratch.read.iter().enumerate().all(|(row, counts)| {
                let Some(last) = published.get(row) else {
                    return false;
                };
                let session = &self.rows.sessions[row];
                last.standing == self.standing[row]
                    && (last.standing == Standing::Vacant
                        || (last.counts == *counts
                            && last.is_at_rest()
                            && is_silent(row)
                            && session.has_no_top()))
            })
    }

    fn fill(&mut self, pass: &Pass<'_>, turn: &mut Turn<'_>, scratch: &Scratch) {
        let mut buffer = self.buffer();
        let Some(target) = Arc::get_mut(&mut buffer) else {
            debug_assert!(false, "a buffer has one owner");
            return;
        };
        target.rows.clone_from(&self.rows);
        let numbers = &mut target.numbers;
        numbers.restart(self.standing.len(), pass.counts_packets);
        let rate = Rate::new(pass.timeline);
        let mut tally = Tally::default();
        for (row, counts) in scratch.read.iter().enumerate() {
            let mut shown = RowNumbers {
                counts: *counts,
                standing: self.standing[row],
                ..RowNumbers::NEW
            };
            let session = &self.rows.sessions[row];
            match shown.standing {
                Standing::Vacant => {
                    shown.counts = Counts::default();
                    numbers.push(&shown, pass.counts_packets);
                    continue;
                }
                Standing::Pending => tally.pending.add(Stats::of_session(*counts)),
                Standing::Active => tally.live.add(Stats::of_session(*counts)),
            }
            if let Some((_, decay)) = pass.roll {
                let created = session.created();
                for direction in Direction::BOTH {
                    let bitrate = rate.of(scratch.windows.get(direction)[row], created);
                    *shown.bitrates.get_mut(direction) = rounded(bitrate);
                    let now = whole_bitrate(bitrate).unwrap_or(0);
                    *shown.tops.get_mut(direction) =
                        session.advance_top(turn, direction, |top| decayed(top, decay).max(now));
                }
                if let Some(peaks) = self.peaks.get_mut(row) {
                    *peaks =
                        PerDirection::new(peaks.rx.max(shown.bitrates.rx), peaks.tx.max(shown.bitrates.tx));
                }
            } else {
                let last = self.published.numbers.get(row).unwrap_or(RowNumbers::NEW);
                shown.bitrates = last.bitrates;
                shown.tops =
                    PerDirection::new(session.top(Direction::Ingress), session.top(Direction::Egress));
            }
            numbers.push(&shown, pass.counts_packets);
        }
        self.tally = tally;
        self.spare = Some(std::mem::replace(&mut self.published, buffer));
    }

    /// A buffer that nobody else holds: the one before the last, if no summary has it any more.
    fn buffer(&mut self) -> Arc<PublishedChunk> {
        let spare = self.spare.take();
        spare
            .and_then(|mut spare| Arc::get_mut(&mut spare).is_some().then_some(spare))
            .unwrap_or_default()
    }
}

/// Bytes of a window to bitrates.
struct Rate<'a> {
    timeline: &'a Timeline,
    /// Sessions from before divide by the whole window.
    start: u64,
    /// Bit/s for each byte of the whole window.
    whole: f64,
}

impl<'a> Rate<'a> {
    fn new(timeline: &'a Timeline) -> Self {
        Self {
            timeline,
            start: timeline.start(),
            whole: bitrate(1, timeline.seconds_for(0)),
        }
    }

    #[inline]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a rate; exact below 2^53 bytes in the window"
    )]
    fn of(&self, bytes: u64, created: u64) -> f64 {
        if created <= self.start {
            bytes as f64 * self.whole
        } else {
            bitrate(bytes, self.timeline.seconds_for(created))
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a rate is shown to 24 bits")]
fn rounded(bitrate: f64) -> f32 {
    bitrate as f32
}

/// A top times what it decays by, cut to whole bit/s.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a top is no more than 2^43, and a factor between 0 and 1"
)]
fn decayed(top: u64, factor: f64) -> u64 {
    (crate::summary::active::as_bitrate(top) * factor) as u64
}

#[cfg(test)]
mod tests {
    use super::decayed;

    #[test]
    fn a_top_decays_to_nothing() {
        assert_eq!(decayed(1_000, 0.95), 950);
        assert_eq!(decayed(1, 0.95), 0);
        assert_eq!(decayed(0, 0.95), 0);
    }
}
