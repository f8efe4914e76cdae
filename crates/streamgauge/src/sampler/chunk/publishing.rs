//! The second half of a tick for a chunk: the windows move on, and what was read is published.
//!
//! A row that was *quiet* at this tick and at the two before it, with no bytes in the window, no top and nothing new, stands
//! in the buffer as it is to be published, and is not written again.

use std::sync::Arc;

use super::{Chunk, Pass, Scratch};
use crate::direction::{Direction, PerDirection};
use crate::sampler::marks::{Marks, WORD, all_of, rows_of};
use crate::sampler::rate::{Rate, decayed, rounded};
use crate::sampler::tally::Tally;
use crate::session::top::{Turn, whole_bitrate};
use crate::summary::active::PublishedChunk;
use crate::summary::numbers::{Numbers, Standing};

impl Chunk {
    /// Moves the windows on by one sample where the pass rolls, and publishes what was read before.
    pub(in crate::sampler) fn publish(
        &mut self,
        pass: &Pass<'_>,
        turn: &mut Turn<'_>,
        scratch: &mut Scratch,
    ) -> (Arc<PublishedChunk>, Tally) {
        let Scratch { read, windows, .. } = scratch;
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
            let (mut buffer, is_spare) = self.buffer();
            if let Some(target) = Arc::get_mut(&mut buffer) {
                target.rows.clone_from(&self.rows);
                let quiet = self.fill(pass, turn, scratch, &mut target.numbers, is_spare);
                let [last, before] = &mut self.quiet;
                *before = std::mem::replace(last, quiet);
            }
            self.tally = Tally::of(scratch.read.iter().zip(&self.standing), pass.counts_packets);
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

    /// Fills a buffer, which holds what was published before the last time if `is_spare`. Answers which rows are quiet.
    fn fill(
        &mut self,
        pass: &Pass<'_>,
        turn: &mut Turn<'_>,
        scratch: &Scratch,
        numbers: &mut Numbers,
        is_spare: bool,
    ) -> Marks {
        let rows = self.standing.len();
        let is_whole = is_spare && numbers.len() == rows;
        numbers.resize(rows, pass.counts_packets);
        let Some((_, decay)) = pass.roll else {
            self.fill_again(scratch, numbers);
            return Marks::default();
        };
        let rate = Rate::new(pass.timeline);
        let are_old = rate.is_whole(self.youngest);
        let is_unset = self.sets_seen == turn.sets();
        self.is_at_rest = true;
        let mut quiet = Marks::default();
        for word in 0..rows.div_ceil(WORD) {
            let loud = self.loud(word, scratch, is_unset);
            self.is_at_rest &= loud == 0;
            // Of the rows that there are: of one that comes later nothing is known.
            let all = all_of(rows - word * WORD);
            let still = all & !(loud | scratch.stirred.word(word));
            quiet.set_word(word, still);
            let kept = if is_whole {
                still & self.quiet[0].word(word) & self.quiet[1].word(word)
            } else {
                0
            };
            for row in rows_of(word, all & !kept) {
                let mut target = numbers.row_mut(row);
                target.set_counts(&scratch.read[row]);
                let standing = self.standing[row];
                if loud >> (row % WORD) & 1 == 0 {
                    target.set(PerDirection::default(), PerDirection::default(), standing);
                    continue;
                }
                let created = if are_old {
                    0
                } else {
                    self.rows.registered[row].monotonic
                };
                let rx = rate.of(scratch.windows.rx[row], created);
                let tx = rate.of(scratch.windows.tx[row], created);
                let session = &self.rows.sessions[row];
                let mut advance = |direction, rate: f64| {
                    let now = whole_bitrate(rate).unwrap_or(0);
                    session.advance_top(turn, direction, |top| decayed(top, decay).max(now))
                };
                let tops = PerDirection::new(advance(Direction::Ingress, rx), advance(Direction::Egress, tx));
                let bitrates = PerDirection::new(rounded(rx), rounded(tx));
                target.set(bitrates, tops, standing);
                if let Some(peaks) = self.peaks.get_mut(row) {
                    *peaks = PerDirection::new(peaks.rx.max(bitrates.rx), peaks.tx.max(bitrates.tx));
                }
            }
        }
        quiet
    }

    /// The rows of a word that have bytes in their windows, or tops; their tops' lines are asked for.
    #[inline]
    fn loud(&self, word: usize, scratch: &Scratch, is_unset: bool) -> u64 {
        let from = word * WORD;
        let windows = scratch.windows.rx[from..].iter().zip(&scratch.windows.tx[from..]);
        let sounding = windows
            .take(WORD)
            .enumerate()
            .map(|(at, (rx, tx))| u64::from(rx | tx != 0) << at)
            .fold(0, |marks, mark| marks | mark);
        // Where no top was set since, a top of 0 is in what was published: the session's line need not be asked.
        let known = if is_unset { self.quiet[0].word(word) } else { 0 };
        let mut loud = 0;
        for row in rows_of(word, all_of(self.standing.len() - from) & (sounding | !known)) {
            let session = &self.rows.sessions[row];
            let bit = 1 << (row % WORD);
            let has_no_top = || (is_unset && self.published.numbers.has_no_top(row)) || session.has_no_top();
            if self.standing[row] != Standing::Vacant && (sounding & bit != 0 || !has_no_top()) {
                session.prefetch_tops();
                loud |= bit;
            }
        }
        loud
    }

    /// Fills a buffer with what was read, and the bitrates that were published last.
    fn fill_again(&mut self, scratch: &Scratch, numbers: &mut Numbers) {
        self.is_at_rest = false;
        let rows = self.rows.sessions.iter().zip(&self.standing).zip(&scratch.read);
        for (row, ((session, standing), counts)) in rows.enumerate() {
            let last = self.published.numbers.bitrates(row);
            let tops = PerDirection::new(session.top(Direction::Ingress), session.top(Direction::Egress));
            let mut target = numbers.row_mut(row);
            target.set_counts(counts);
            target.set(last, tops, *standing);
        }
    }

    /// A buffer that nobody else holds, and whether it is the one before the last: it is, if no summary has that any more.
    fn buffer(&mut self) -> (Arc<PublishedChunk>, bool) {
        let spare = self.spare.take();
        let spare = spare.and_then(|mut spare| Arc::get_mut(&mut spare).is_some().then_some(spare));
        let is_spare = spare.is_some();
        (spare.unwrap_or_default(), is_spare)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use crate::{Collector, CollectorConfig, ManualClock};

    #[test]
    fn a_chunk_in_which_nothing_changed_is_published_as_it_is_whatever_longer_ones_had_before() {
        for fell_silent in [false, true] {
            let clock = ManualClock::default();
            let config = CollectorConfig {
                session_timeout: Duration::MAX,
                ..CollectorConfig::default()
            };
            let meter = Collector::manual(config, clock.clone());
            let stays: Vec<_> = (0..10)
                .map(|n| meter.register_and_activate(format!("stays{n}"), "", "", ""))
                .collect();
            let tick = || {
                clock.advance(Duration::from_secs(1));
                meter.tick();
                meter.summary()
            };
            if fell_silent {
                // Eight hundred that come and go: their rows are marked when they close.
                let go: Vec<_> = (0..800)
                    .map(|n| meter.register_and_activate(format!("goes{n}"), "", "", ""))
                    .collect();
                tick();
                tick();
                go.iter().for_each(|session| assert!(session.unregister()));
            }
            for _ in 0..30 {
                tick();
            }
            let (before, after) = (tick(), tick());
            assert!(
                before.active.chunks.len() == 1
                    && Arc::ptr_eq(&before.active.chunks[0], &after.active.chunks[0]),
                "{} sessions at rest are written anew at each tick, fell_silent: {fell_silent}",
                stays.len()
            );
        }
    }
}
