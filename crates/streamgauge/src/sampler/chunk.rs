//! A stretch of the sampler's rows: what it remembers of each session.
//!
//! Rows stand in order of registration. Who they are is one shared vector, which summaries hold too: it is copied when a
//! row comes, goes or changes its extra while a summary shares it. What the sampler remembers is its own, in columns
//! where a tick walks them: `deltas` has one column for each sample of the window and direction.
//!
//! A delta is an `f32`: exact to 16 MiB in one sample, and off by at most one part in 2^24 beyond. The sum of a row's
//! window is an integer that is raised and lowered by the very values in the columns, so it does not drift.

use std::sync::Arc;

use super::expiry::Expiry;
use super::timeline::{Roll, Timeline, bitrate};
use crate::clock::Moment;
use crate::collector::intake::Relabelled;
use crate::direction::{Direction, PerDirection};
use crate::session::core::{Reading, SessionCore};
use crate::session::top::whole_bitrate;
use crate::session::writer::Counts;
use crate::stats::Stats;
use crate::summary::active::{Numbers, PublishedChunk, Row, as_bitrate};
use crate::verdict::CloseReason;

/// The most rows of a chunk.
pub(super) const ROWS: usize = 1_024;

/// What the sampler remembers of one session.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowState {
    /// The bytes at the last roll.
    sampled: PerDirection<u64>,
    /// The bytes of the window, as the deltas have them.
    window: PerDirection<u64>,
    /// The highest bitrate seen, in whole bit/s.
    pub(super) peaks: PerDirection<u64>,
    /// When traffic, or the activation, was last noticed, and the bytes then.
    last_traffic: u64,
    noticed: u64,
    /// Whether the activation was announced.
    pub(super) is_announced: bool,
}

impl RowState {
    /// Whether a window without bytes stays one: a roll would move zeros, and all bitrates are 0.
    fn is_silent(&self, bytes: PerDirection<u64>) -> bool {
        bytes == self.sampled && self.window.is_zero()
    }

    /// Moves the window on by one sample. `deltas` starts with the row's in the first slot; those of the others follow
    /// `stride` apart.
    fn roll(&mut self, direction: Direction, bytes: u64, roll: &Roll, deltas: &mut [f32], stride: usize) {
        let window = self.window.get_mut(direction);
        for slot in &roll.left {
            let left = &mut deltas[slot * stride];
            *window -= restored(*left);
            *left = 0.0;
        }
        let sampled = self.sampled.get_mut(direction);
        let delta = rounded(bytes - *sampled);
        *sampled = bytes;
        deltas[roll.slot * stride] = delta;
        *window += restored(delta);
    }

    /// The session's tops at these bitrates, moved on where `step` is given.
    fn tops(
        &mut self,
        session: &SessionCore,
        bitrates: PerDirection<f64>,
        step: Option<RollStep<'_>>,
    ) -> PerDirection<u64> {
        let mut tops = PerDirection::default();
        for direction in Direction::BOTH {
            *tops.get_mut(direction) = match step {
                Some(step) => {
                    let now = whole_bitrate(*bitrates.get(direction)).unwrap_or(0);
                    let peak = self.peaks.get_mut(direction);
                    *peak = now.max(*peak);
                    session.decay_top(direction, |top| decayed(top, step.decay).max(now))
                }
                None => session.top(direction),
            };
        }
        tops
    }
}

/// A roll of the window, as rows need it.
#[derive(Debug, Clone, Copy)]
pub(super) struct RollStep<'a> {
    pub(super) roll: &'a Roll,
    /// What a top is multiplied by.
    pub(super) decay: f64,
}

/// What a chunk asks of the collection while it reads.
pub(super) trait Clerk {
    /// A session that was read as closed: accounts it and answers true, or answers false if its closer has not recorded
    /// it.
    fn fold(&mut self, row: &Row, state: &RowState) -> bool;
    /// A session that is due to close now, or is full.
    fn close(&mut self, row: &Row, state: &RowState, reason: CloseReason);
    /// A session seen active for the first time.
    fn activated(&mut self, row: &Row);
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
    rows: Arc<Vec<Row>>,
    states: Vec<RowState>,
    /// By direction, slot and row: columns of `stride` values.
    deltas: Vec<f32>,
    stride: usize,
    slots: usize,
    /// What this collection read; as long as `rows` between `read` and `publish`.
    read: Vec<(Counts, bool)>,
    gone: Vec<usize>,
}

impl Chunk {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            rows: Arc::default(),
            states: Vec::new(),
            deltas: Vec::new(),
            stride: 0,
            slots,
            read: Vec::new(),
            gone: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() >= ROWS
    }

    pub(super) fn push(&mut self, session: &Arc<SessionCore>) {
        let state = RowState {
            sampled: PerDirection::default(),
            window: PerDirection::default(),
            peaks: PerDirection::default(),
            last_traffic: session.created(),
            noticed: 0,
            is_announced: false,
        };
        Arc::make_mut(&mut self.rows).push(Row::of(session));
        let row = self.push_state(state);
        for column in self.deltas.chunks_exact_mut(self.stride) {
            column[row] = 0.0;
        }
    }

    /// Takes the rows of the chunk that follows, if there is room to spare.
    pub(super) fn absorb(&mut self, next: &Self) -> bool {
        if self.len() + next.len() > ROWS / 2 {
            return false;
        }
        Arc::make_mut(&mut self.rows).extend(next.rows.iter().cloned());
        for (from, state) in next.states.iter().enumerate() {
            let to = self.push_state(*state);
            let columns = self
                .deltas
                .chunks_exact_mut(self.stride)
                .zip(next.deltas.chunks_exact(next.stride));
            for (column, old) in columns {
                column[to] = old[from];
            }
        }
        true
    }

    fn push_state(&mut self, state: RowState) -> usize {
        let row = self.states.len();
        if row == self.stride {
            self.widen();
        }
        self.states.push(state);
        row
    }

    /// Doubles the columns, so that a collector of few sessions stays small.
    fn widen(&mut self) {
        let stride = (self.stride * 2).clamp(16, ROWS);
        let mut deltas = vec![0.0; stride * self.slots * 2];
        if self.stride > 0 {
            let columns = deltas
                .chunks_exact_mut(stride)
                .zip(self.deltas.chunks_exact(self.stride));
            for (wide, narrow) in columns {
                wide[..self.stride].copy_from_slice(narrow);
            }
        }
        self.deltas = deltas;
        self.stride = stride;
    }

    /// Takes over the extras of sessions whose extra changed.
    pub(super) fn relabel(&mut self, changed: &Relabelled) {
        for row in 0..self.rows.len() {
            if changed.contains(&self.rows[row].session) {
                let fresh = Row::of(&self.rows[row].session);
                Arc::make_mut(&mut self.rows)[row] = fresh;
            }
        }
    }

    /// Reads every session, lets go of the closed, and closes those that are due where `expiry` is given.
    pub(super) fn read(&mut self, clerk: &mut impl Clerk, now: Moment, expiry: Option<&Expiry>) {
        self.read.clear();
        self.gone.clear();
        for (index, (row, state)) in self.rows.iter().zip(&mut self.states).enumerate() {
            let Reading::Open { counts, is_active } = row.session.read() else {
                if clerk.fold(row, state) {
                    self.gone.push(index);
                }
                // Without a record, which its closer has made by now, the row stays as it was last sampled.
                self.read.push((
                    Counts {
                        bytes: state.sampled,
                        ..Counts::default()
                    },
                    state.is_announced,
                ));
                continue;
            };
            row.session.let_writers_go();
            if is_active && !state.is_announced {
                state.is_announced = true;
                state.last_traffic = now.monotonic;
                clerk.activated(row);
            }
            let moved = counts.bytes.rx.wrapping_add(counts.bytes.tx);
            if moved != state.noticed {
                state.noticed = moved;
                state.last_traffic = now.monotonic;
            }
            let idle = now.monotonic.saturating_sub(state.last_traffic);
            let due = Expiry::is_full(counts.bytes)
                .or_else(|| expiry.and_then(|expiry| expiry.is_due(idle, is_active, moved)));
            if let Some(reason) = due {
                clerk.close(row, state, reason);
                self.gone.push(index);
            }
            self.read.push((counts, is_active));
        }
        self.remove_gone();
    }

    /// Removes the rows in `gone`, which ascends; the others keep their order.
    fn remove_gone(&mut self) {
        if self.gone.is_empty() {
            return;
        }
        let kept = Kept::new(&self.gone);
        kept.retain(Arc::make_mut(&mut self.rows));
        kept.retain(&mut self.states);
        kept.retain(&mut self.read);
        let rows = self.states.len() + self.gone.len();
        for column in self.deltas.chunks_exact_mut(self.stride) {
            kept.shift(&mut column[..rows]);
        }
    }

    /// Moves the windows on by one sample, where `step` is given, fills in what the summary shows, and adds it up.
    pub(super) fn publish(
        &mut self,
        timeline: &Timeline,
        step: Option<RollStep<'_>>,
        published: &mut PublishedChunk,
    ) -> Tally {
        let mut tally = Tally::default();
        published.rows.clone_from(&self.rows);
        published.numbers.clear();
        published.numbers.reserve(self.rows.len());
        let rows = self.rows.iter().zip(&mut self.states).zip(&self.read);
        for (index, ((row, state), (counts, is_active))) in rows.enumerate() {
            let session = &*row.session;
            let (bitrates, tops) = if state.is_silent(counts.bytes) {
                // Most rows of most ticks: of a session that moves nothing, the top alone changes.
                (PerDirection::default(), tops_of_silent(session, step))
            } else {
                if let Some(step) = step {
                    let (rx, tx) = self.deltas.split_at_mut(self.slots * self.stride);
                    for (direction, deltas) in [(Direction::Ingress, rx), (Direction::Egress, tx)] {
                        let bytes = *counts.bytes.get(direction);
                        state.roll(direction, bytes, step.roll, &mut deltas[index..], self.stride);
                    }
                }
                let seconds = timeline.seconds_for(session.created());
                let bitrates = state.window.map(|bytes| bitrate(*bytes, seconds));
                (bitrates, state.tops(session, bitrates, step))
            };
            let part = if *is_active {
                &mut tally.live
            } else {
                &mut tally.pending
            };
            part.add(Stats::of_session(*counts));
            published.numbers.push(Numbers {
                counts: *counts,
                bitrates,
                tops,
                is_active: *is_active,
            });
        }
        tally
    }

    /// Whether any row is still there.
    pub(super) fn is_empty(&self) -> bool {
        self.states.is_empty()
    }
}

/// Bytes as a delta has them: an integer, rounded to 24 bits.
#[expect(
    clippy::cast_precision_loss,
    reason = "the rounding is the point; see the module's head"
)]
fn rounded(bytes: u64) -> f32 {
    bytes as f32
}

/// The bytes that a delta stands for; every delta is an integer of 0 or more.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "deltas are integers of 0 to 2^63"
)]
fn restored(delta: f32) -> u64 {
    delta as u64
}

/// The tops of a session with nothing in its window, moved on where `step` is given.
#[inline]
fn tops_of_silent(session: &SessionCore, step: Option<RollStep<'_>>) -> PerDirection<u64> {
    let tops = PerDirection::new(session.top(Direction::Ingress), session.top(Direction::Egress));
    match step {
        Some(step) if !tops.is_zero() => {
            let decay = |direction| session.decay_top(direction, |top| decayed(top, step.decay));
            PerDirection::new(decay(Direction::Ingress), decay(Direction::Egress))
        }
        _ => tops,
    }
}

/// A top times what it decays by, which is at most 1, in whole bit/s.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "no more than the top, and cut off on purpose: else the last bit/s would stay forever"
)]
fn decayed(top: u64, factor: f64) -> u64 {
    (as_bitrate(top) * factor) as u64
}

/// What stays when some rows go.
struct Kept<'a> {
    gone: &'a [usize],
}

impl<'a> Kept<'a> {
    /// `gone` ascends and is not empty.
    fn new(gone: &'a [usize]) -> Self {
        Self { gone }
    }

    fn retain<T>(&self, values: &mut Vec<T>) {
        let mut gone = self.gone.iter().copied().peekable();
        let mut index = 0;
        values.retain(|_| {
            let goes = gone.next_if_eq(&index).is_some();
            index += 1;
            !goes
        });
    }

    /// Moves the values that stay to the front.
    fn shift(&self, column: &mut [f32]) {
        let mut to = self.gone[0];
        for (n, gone) in self.gone.iter().enumerate() {
            let next = self.gone.get(n + 1).copied().unwrap_or(column.len());
            column.copy_within(gone + 1..next, to);
            to += next - (gone + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kept, decayed, restored, rounded};

    #[test]
    fn deltas_come_back_as_integers_near_what_they_were() {
        for bytes in [
            0,
            1,
            (1 << 24) - 1,
            1 << 24,
            (1 << 24) + 1,
            (1 << 40) + 12_345,
            (1 << 61) + 1,
        ] {
            let back = restored(rounded(bytes));
            assert!(back.abs_diff(bytes) <= bytes >> 24, "{bytes}");
        }
        assert_eq!(restored(rounded((1 << 24) - 1)), (1 << 24) - 1);
    }

    #[test]
    fn rows_that_stay_keep_their_order_and_their_columns() {
        for gone in [
            &[0][..],
            &[3],
            &[9],
            &[0, 1, 2],
            &[0, 4, 5, 9],
            &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        ] {
            let kept = Kept::new(gone);
            let mut values: Vec<u8> = (0..10).collect();
            kept.retain(&mut values);
            let mut column: Vec<f32> = (0..10u8).map(f32::from).collect();
            kept.shift(&mut column);
            let shifted: Vec<f32> = values.iter().map(|value| f32::from(*value)).collect();
            assert_eq!(column[..values.len()], shifted);
        }
    }

    #[test]
    fn a_top_decays_to_nothing() {
        assert_eq!(decayed(1_000, 0.95), 950);
        assert_eq!(decayed(1, 0.95), 0);
    }
}
