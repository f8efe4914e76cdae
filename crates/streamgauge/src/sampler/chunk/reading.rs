//! The first half of a tick for a chunk: every session is read, the closed are let go, and those that are due are closed.
//!
//! Most rows are ordinary: active, without attachments, and not due. They are read in a loop that does no more than
//! that, a word of rows at a time, and marks the others, which are read one by one.

use super::{Chunk, Pass, Scratch};
use crate::clock::Stamp;
use crate::direction::PerDirection;
use crate::sampler::marks::{Marks, WORD, all_of, rows_of};
use crate::session::core::{Reading, SessionRef};
use crate::session::writer::Counts;
use crate::summary::numbers::{RowNumbers, Standing};
use crate::verdict::CloseReason;

/// How many rows ahead a session's lines are asked for.
const AHEAD: usize = 8;

/// What a tick knows of a session that closed, beside its final.
#[derive(Debug, Clone, Copy)]
pub(in crate::sampler) struct Past {
    pub(in crate::sampler) registered: Stamp,
    /// Whether its activation was announced.
    pub(in crate::sampler) is_announced: bool,
    /// The highest bitrates that ticks saw, in bit/s.
    pub(in crate::sampler) peaks: PerDirection<f32>,
}

/// What a chunk asks of the collection while it reads.
pub(in crate::sampler) trait Clerk {
    /// A session that was read as closed: accounts it and answers true, or answers false if its closer has not recorded
    /// it.
    fn fold(&mut self, session: &SessionRef, past: Past) -> bool;
    /// A session that is due to close now, or is full.
    fn close(&mut self, session: &SessionRef, past: Past, reason: CloseReason);
    /// A session seen active for the first time.
    fn activated(&mut self, session: &SessionRef, registered: Stamp);
}

impl Chunk {
    /// Reads every session into `scratch`, lets go of the closed, and closes those that are due.
    pub(in crate::sampler) fn read(
        &mut self,
        clerk: &mut impl Clerk,
        pass: &Pass<'_>,
        scratch: &mut Scratch,
    ) {
        let rows = self.standing.len();
        if pass.is_observed && self.peaks.is_empty() {
            self.peaks.resize(rows, PerDirection::default());
        }
        scratch.read.resize(rows, Counts::default());
        // Those of a longer chunk, read before this one, too.
        scratch.stirred = Marks::default();
        self.is_touched = self.published.numbers.len() != rows;
        for word in 0..rows.div_ceil(WORD) {
            let (rare, stirred) = if self.is_touched {
                (all_of(rows - word * WORD), 0)
            } else if pass.counts_packets {
                self.read_ordinary::<true>(word, pass, scratch)
            } else {
                self.read_ordinary::<false>(word, pass, scratch)
            };
            scratch.stirred.set_word(word, stirred);
            for row in rows_of(word, rare) {
                if self.read_rare(row, clerk, pass, &mut scratch.read[row]) {
                    scratch.stirred.set(row);
                }
            }
        }
        self.is_touched |= !scratch.stirred.is_empty();
    }

    /// Reads the rows of a word that are active, and of which there is no more to be said than their counts. Answers with the
    /// other rows, and with those that counted since they were published.
    #[inline]
    fn read_ordinary<const PACKETS: bool>(
        &mut self,
        word: usize,
        pass: &Pass<'_>,
        scratch: &mut Scratch,
    ) -> (u64, u64) {
        let from = word * WORD;
        let now = pass.now.monotonic;
        let patience = pass.expiry.patience();
        let (mut rare, mut stirred, mut large) = (0, 0, 0);
        let sessions = &self.rows.sessions[from..];
        let packets = self.published.numbers.packets_from(from);
        let rows = sessions.iter().zip(self.published.numbers.bytes_from(from));
        let state = self.standing[from..].iter().zip(&mut self.noticed[from..]);
        let rows = rows.zip(state).zip(&mut scratch.read[from..]).take(WORD);
        for (at, (((session, before), (standing, noticed)), read)) in rows.enumerate() {
            if let Some(next) = sessions.get(at + AHEAD) {
                next.prefetch();
            }
            let counts = session.ordinary_counts(PACKETS);
            let Some(counts) = counts.filter(|_| *standing == Standing::Active) else {
                rare |= 1 << at;
                continue;
            };
            *read = counts;
            let bytes = counts.bytes;
            // A packet of no bytes shows in no byte.
            if PACKETS && packets.get(at) != Some(&counts.packets) {
                stirred |= 1 << at;
            }
            if bytes != *before {
                *noticed = now;
                stirred |= 1 << at;
                large |= u64::from(bytes.rx | bytes.tx > u64::from(u32::MAX)) << at;
            }
            // Also of one that counted just now: a stop has no patience at all.
            if now.saturating_sub(*noticed) >= patience {
                rare |= 1 << at;
            }
        }
        for row in rows_of(word, large) {
            let (before, now) = (self.published.numbers.bytes_from(row)[0], scratch.read[row].bytes);
            self.rings.make_room(row, before, now, pass.oldest);
        }
        (rare, stirred)
    }

    /// Reads any row. Answers whether it counted since it was published, or is not what it was.
    #[inline(never)]
    fn read_rare(&mut self, row: usize, clerk: &mut impl Clerk, pass: &Pass<'_>, read: &mut Counts) -> bool {
        let standing = self.standing[row];
        if standing == Standing::Vacant {
            *read = Counts::default();
            return false;
        }
        let last = self.published.numbers.get(row).unwrap_or(RowNumbers::NEW);
        let session = &self.rows.sessions[row];
        let past = |standing: Standing| Past {
            registered: self.rows.registered[row],
            is_announced: standing == Standing::Active,
            peaks: self.peaks.get(row).copied().unwrap_or_default(),
        };
        let now = pass.now.monotonic;
        let mut is_stirred = false;
        let is_gone = match session.read_for_collection(pass.population) {
            Reading::Open { counts, is_active } => {
                *read = counts;
                if counts.bytes != last.counts.bytes {
                    self.noticed[row] = now;
                    if counts.bytes.rx | counts.bytes.tx > u64::from(u32::MAX) {
                        self.rings
                            .make_room(row, last.counts.bytes, counts.bytes, pass.oldest);
                    }
                }
                // A packet of no bytes shows in no byte.
                is_stirred = counts != last.counts;
                if is_active && standing == Standing::Pending {
                    is_stirred = true;
                    self.standing[row] = Standing::Active;
                    self.noticed[row] = now;
                    clerk.activated(session, self.rows.registered[row]);
                }
                let due = pass.expiry.due(now, self.noticed[row], is_active, counts.bytes);
                if let Some(reason) = due {
                    clerk.close(session, past(self.standing[row]), reason);
                }
                due.is_some()
            }
            Reading::Closed => {
                // Without a record, which its closer has made by now, the row stays as it was.
                *read = last.counts;
                clerk.fold(session, past(standing))
            }
        };
        if is_gone {
            self.standing[row] = Standing::Vacant;
            self.vacant += 1;
            *read = Counts::default();
        }
        is_stirred || is_gone
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;

    use super::{Chunk, Clerk, CloseReason, Pass, Past, PerDirection, Scratch, SessionRef, Stamp};
    use crate::clock::{Clock, ManualClock};
    use crate::collector::config::Activation;
    use crate::collector::population::Population;
    use crate::sampler::expiry::Expiry;
    use crate::sampler::timeline::Timeline;
    use crate::session::core::SessionCore;
    use crate::session::labels::Labels;
    use crate::summary::active::Rows;

    struct Nobody;

    impl Clerk for Nobody {
        fn fold(&mut self, _: &SessionRef, _: Past) -> bool {
            true
        }

        fn close(&mut self, _: &SessionRef, _: Past, _: CloseReason) {}

        fn activated(&mut self, _: &SessionRef, _: Stamp) {}
    }

    #[test]
    fn rows_have_peaks_from_when_somebody_observes() {
        let population = Population::new();
        let timeline = Timeline::new(10, 1, 0, PerDirection::default());
        let now = Clock::Manual(ManualClock::default()).now();
        let session = SessionCore::new(Labels::default(), Activation::OnTraffic, false);
        let mut rows = Rows::default();
        rows.push(SessionRef::new(b"a", session), now.into());
        let mut chunk = Chunk::new(Arc::new(rows), timeline.slots());
        for is_observed in [false, true, true] {
            let pass = Pass {
                population: &population,
                now,
                expiry: Expiry::of_the_full(),
                timeline: &timeline,
                oldest: timeline.oldest(),
                roll: None,
                counts_packets: false,
                is_observed,
            };
            chunk.read(&mut Nobody, &pass, &mut Scratch::default());
            assert_eq!(chunk.peaks.len(), usize::from(is_observed));
        }
    }
}
