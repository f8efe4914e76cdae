//! A collection: how one moment of all sessions becomes a summary in which no byte is missing or counted twice (P1).
//!
//! One collection runs at a time, under the collector's collection lock; nothing a packet or a reader does takes it.
//!
//! 1. Drain the intake: finals of closed sessions are kept until their rows are met; new sessions become rows.
//! 2. Enter late packets, and what writers of sessions closed earlier gained since.
//! 3. Read every row. An open one is counted as it is. A closed one is folded with the final that its closer recorded. If
//!    that is not here yet, its closer holds the intake's lock, so draining the intake once more gives it. A session that
//!    closes after its row was read stays what was read; its final is folded by the next collection.
//! 4. Add up, publish, and only then let the intake forget the new sessions.
//!
//! So each session is in a summary as one of two things, what was read while it was open or its final, and a final is no
//! less than what was read before: totals never fall (P1 d). A session announced before a call on it returned has a row
//! in every collection that began later (P1 b).

use std::sync::Arc;

use super::books::Books;
use super::chunk::{Chunk, Pass, Scratch};
use super::expiry::Expiry;
use super::tally::Tally;
use super::timeline::Timeline;
use crate::clock::{Moment, nanos};
use crate::collector::config::{CollectorConfig, Timeouts};
use crate::collector::limits::Limits;
use crate::collector::roster::Roster;
use crate::direction::{Direction, PerDirection};
use crate::event::SessionEvent;
use crate::health::HealthBoard;
use crate::history::changed::Changed;
use crate::history::ledger::Ledger;
use crate::history::snapshot::HistorySnapshot;
use crate::session::waiters::Wakers;
use crate::slot::Slot;
use crate::stats::Stats;
use crate::summary::active::as_bitrate;
use crate::summary::{CapsHit, Summary};
use crate::verdict::RefuseReason;

/// By how much a top decays in a second.
const TOP_DECAY: f64 = 0.95;

/// What a collection is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Closes what is due; rolls the windows if an interval has passed since they last rolled.
    Tick,
    /// Reads, and closes nothing but what is full.
    Refresh,
    /// Closes everything.
    Stop,
}

/// What the sampler knows, between collections.
#[derive(Debug)]
pub(crate) struct Collection {
    books: Books,
    chunks: Vec<Chunk>,
    timeline: Timeline,
    scratch: Scratch,
    timeouts: Timeouts,
    limits: Limits,
    counts_packets: bool,
    sequence: u64,
    health: Arc<HealthBoard>,
    /// Summaries that were replaced. A reader that lets go of one finds it held here, so it never pays for freeing it; and
    /// once no reader has it, its memory is used again.
    retired: Vec<Arc<Summary>>,
}

impl Collection {
    pub(crate) fn new(
        config: &CollectorConfig,
        roster: Arc<Roster>,
        name: Arc<str>,
        ledger: Ledger,
        health: Arc<HealthBoard>,
        now: Moment,
    ) -> Self {
        let totals = bytes_of(ledger.totals());
        Self {
            books: Books::new(roster, name, ledger, now),
            chunks: Vec::new(),
            timeline: Timeline::new(
                nanos(config.window),
                nanos(config.sample_interval),
                now.monotonic,
                totals,
            ),
            scratch: Scratch::default(),
            timeouts: Timeouts::of(config),
            limits: Limits::of(config),
            counts_packets: config.count_packets,
            sequence: 0,
            health,
            retired: Vec::new(),
        }
    }

    /// Collects, and publishes in `slot`. Returns the events to deliver; none where nobody observes.
    pub(crate) fn collect(
        &mut self,
        purpose: Purpose,
        now: Moment,
        slot: &Slot<Summary>,
        is_observed: bool,
    ) -> Vec<SessionEvent> {
        self.books.now = now;
        self.books.is_observed = is_observed;
        let taken_in = self.take_in();
        self.books.enter_stragglers();

        let expiry = match purpose {
            Purpose::Tick => Expiry::of_the_silent(self.timeouts),
            Purpose::Refresh => Expiry::of_the_full(),
            Purpose::Stop => Expiry::of_all(),
        };
        let oldest = self.timeline.oldest();
        let rolls = purpose == Purpose::Tick && self.timeline.is_due(now.monotonic);
        let roll = rolls.then(|| {
            let roll = self.timeline.roll(now.monotonic);
            (roll, TOP_DECAY.powf(roll.seconds))
        });
        let roster = Arc::clone(&self.books.roster);
        let pass = Pass {
            population: &roster.population,
            now,
            expiry,
            timeline: &self.timeline,
            oldest,
            roll,
            counts_packets: self.counts_packets,
            is_observed,
        };

        let mut spare = spare(&mut self.retired);
        // A spare has no other owner, so this copies nothing.
        let summary = Arc::make_mut(&mut spare);
        let mut tally = Tally::default();
        for chunk in &mut self.chunks {
            chunk.read(&mut self.books, &pass, &mut self.scratch);
            let mut turn = roster.population.tops().turn();
            let (published, part) = chunk.publish(&pass, &mut turn, &mut self.scratch);
            drop(turn);
            summary.active.chunks.push(published);
            tally.live.add(part.live);
            tally.pending.add(part.pending);
        }
        let ledger = &self.books.ledger;
        let totals = Stats::sum([tally.live, tally.pending, ledger.totals()]);
        if rolls {
            self.timeline.finish(bytes_of(totals));
        }
        self.sequence += 1;
        Header {
            now,
            sequence: self.sequence,
            limits: self.limits,
            bitrates: self.timeline.bitrates(),
        }
        .write(summary);
        summary.current_sessions = tally.live.total_sessions;
        summary.pending_sessions = tally.pending.total_sessions;
        summary.active.active = usize::try_from(tally.live.total_sessions).unwrap_or(usize::MAX);
        summary.history.clone_from(ledger.history());
        summary.totals = totals;
        summary.live = tally.live;
        summary.pending = tally.pending;
        summary.discarded = ledger.discarded();
        self.show_population(summary);

        self.retired.push(slot.swap(spare));
        let forgotten = self.books.roster.intake.open().forget(taken_in);
        drop(forgotten);
        self.books.ledger.sweep_labels();
        std::mem::take(&mut self.books.events)
    }

    /// Turns new sessions into rows and keeps the finals of closed ones. Returns how many batches of new sessions there were.
    fn take_in(&mut self) -> usize {
        self.tidy_chunks();
        let (ended, relabelled, batches) = {
            let mut desk = self.books.roster.intake.open();
            (desk.take_ended(), desk.take_relabelled(), desk.batches())
        };
        self.books.keep(ended);
        let taken_in = batches.len();
        for batch in batches {
            if self.books.is_observed {
                for (session, registered) in batch.iter() {
                    self.books.registered(session, registered);
                }
            }
            let has_joined = self.chunks.last_mut().is_some_and(|last| last.add(&batch));
            if !has_joined {
                self.chunks.push(Chunk::new(batch, self.timeline.slots()));
            }
        }
        if !relabelled.is_empty() {
            for chunk in &mut self.chunks {
                chunk.relabel(&relabelled);
            }
        }
        taken_in
    }

    /// Removes vacant rows where there are many, and joins chunks that have become small with their neighbours.
    fn tidy_chunks(&mut self) {
        let slots = self.timeline.slots();
        let mut tidy: Vec<Chunk> = Vec::with_capacity(self.chunks.len());
        // Chunks that fill and empty alike become sparse alike: not all in one tick.
        let mut left = self.chunks.len() / 8 + 1;
        for chunk in self.chunks.drain(..) {
            if chunk.is_empty() {
                continue;
            }
            match tidy.last_mut() {
                Some(last) if last.fits_with(&chunk) => {
                    *last = Chunk::join(&[last, &chunk], self.counts_packets, slots);
                }
                _ if chunk.is_very_sparse() || (left > 0 && chunk.is_sparse()) => {
                    left = left.saturating_sub(1);
                    tidy.push(Chunk::join(&[&chunk], self.counts_packets, slots));
                }
                _ => tidy.push(chunk),
            }
        }
        self.chunks = tidy;
    }

    fn show_population(&self, summary: &mut Summary) {
        let population = &self.books.roster.population;
        summary.top_rx_bitrate = as_bitrate(population.tops().read(Direction::Ingress));
        summary.top_tx_bitrate = as_bitrate(population.tops().read(Direction::Egress));
        summary.caps = CapsHit {
            refused_sessions: population.refused(RefuseReason::TooManySessions),
            refused_ids: population.refused(RefuseReason::IdTooLong),
            refused_empty_ids: population.refused(RefuseReason::EmptyId),
            refused_stopped: population.refused(RefuseReason::Stopped),
            refused_writers: population.refused(RefuseReason::TooManyWriters),
            folded_sessions: self.books.ledger.folded(),
            evicted_keys: self.books.ledger.evicted(),
            undelivered_events: self.health.undelivered_events(),
            cut_labels: population.labels_cut(),
        };
    }

    /// Those who waited for sessions that collections closed, to be woken once the collection's lock is free.
    pub(crate) fn take_waiters(&mut self) -> Wakers {
        std::mem::take(&mut self.books.waiters)
    }

    /// Has summaries show other limits.
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The collector's bitrates, as of the last roll.
    pub(crate) fn bitrates(&self) -> PerDirection<f64> {
        self.timeline.bitrates()
    }

    /// Rises whenever what a store would keep changes.
    pub(crate) fn revision(&self) -> u64 {
        self.books.ledger.revision()
    }

    /// What of the rows a store has yet to take: what changed since this was last asked.
    pub(crate) fn take_changes(&mut self) -> Changed {
        self.books.ledger.take_changes()
    }

    /// What a store keeps.
    pub(crate) fn snapshot(&self) -> HistorySnapshot {
        self.books.ledger.snapshot(self.books.now.wall)
    }
}

/// What a summary says of itself and of the collector.
struct Header {
    now: Moment,
    sequence: u64,
    limits: Limits,
    bitrates: PerDirection<f64>,
}

impl Header {
    fn write(&self, summary: &mut Summary) {
        summary.sequence = self.sequence;
        summary.taken_at = self.now.wall;
        summary.max_sessions = self.limits.max_sessions;
        summary.max_rx_bitrate = as_bitrate(self.limits.max_rx_bitrate);
        summary.max_tx_bitrate = as_bitrate(self.limits.max_tx_bitrate);
        summary.current_rx_bitrate = self.bitrates.rx;
        summary.current_tx_bitrate = self.bitrates.tx;
    }
}

/// A summary that nobody reads, to be filled anew, without its chunks: their buffers are the chunks' own. At most one is
/// kept beside those still held.
fn spare(retired: &mut Vec<Arc<Summary>>) -> Arc<Summary> {
    let mut spare = None;
    retired.retain_mut(|summary| {
        let Some(free) = Arc::get_mut(summary) else {
            return true;
        };
        free.active.chunks.clear();
        spare = Some(Arc::clone(summary));
        false
    });
    spare.unwrap_or_default()
}

fn bytes_of(stats: Stats) -> PerDirection<u64> {
    PerDirection::new(stats.total_rx_bytes, stats.total_tx_bytes)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::time::Duration;

    use crate::sampler::chunk::ROWS;
    use crate::session::SessionHandle;
    use crate::{Collector, CollectorConfig, ManualClock};

    fn patient() -> Collector {
        let config = CollectorConfig {
            session_timeout: Duration::MAX,
            ..CollectorConfig::default()
        };
        Collector::manual(config, ManualClock::default())
    }

    /// Registers so many that are active, in rows of their own.
    fn active(meter: &Collector, name: &str, sessions: usize) -> Vec<SessionHandle> {
        let register = |n| meter.register_and_activate(format!("{name}{n}"), "", "", "");
        (0..sessions).map(register).collect()
    }

    fn close(sessions: &[SessionHandle]) {
        assert!(sessions.iter().all(SessionHandle::unregister));
    }

    /// How many rows each chunk has, after a collection.
    fn rows(meter: &Collector) -> Vec<usize> {
        let summary = meter.refresh();
        summary
            .active
            .chunks
            .iter()
            .map(|chunk| chunk.rows.len())
            .collect()
    }

    /// The same after the next one, which finds what was closed before this one.
    fn rows_then(meter: &Collector) -> Vec<usize> {
        rows(meter);
        rows(meter)
    }

    #[test]
    fn p5_a_chunk_is_filled_before_another_is_begun() {
        let meter = patient();
        let mut sessions = active(&meter, "a", 5);
        assert_eq!(rows(&meter), [5]);
        sessions.extend(active(&meter, "b", ROWS - 6));
        assert_eq!(rows(&meter), [ROWS - 1]);
        sessions.extend(active(&meter, "c", 1));
        assert_eq!(rows(&meter), [ROWS]);
        sessions.extend(active(&meter, "d", 1));
        assert_eq!(rows(&meter), [ROWS, 1]);
        close(&sessions);
        assert!(rows_then(&meter).is_empty());
    }

    #[test]
    fn p5_vacant_rows_go_when_more_than_an_eighth_is_vacant() {
        let meter = patient();
        let sessions = active(&meter, "a", 80);
        assert_eq!(rows(&meter), [80]);
        close(&sessions[..10]);
        assert_eq!(rows_then(&meter), [80]);
        close(&sessions[10..11]);
        assert_eq!(rows_then(&meter), [69]);
    }

    #[test]
    fn what_rows_show_goes_with_them_where_vacant_ones_are_removed() {
        let meter = patient();
        let sessions = active(&meter, "a", 80);
        sessions[79].extra("more");
        assert_eq!(rows(&meter), [80]);
        close(&sessions[..20]);
        assert_eq!(rows_then(&meter), [60]);
        let summary = meter.summary();
        assert_eq!(
            summary.active.chunks[0].rows.sessions.capacity(),
            60,
            "no more room than rows"
        );
        for row in &summary.active {
            assert_eq!(row.extra, if row.id == "a79" { "more" } else { "" });
        }
        // Whoever goes by the size that is told finds no fewer.
        let (least, most) = summary.active.iter().size_hint();
        assert!(least <= 60 && most.is_none_or(|most| most >= 60));
        close(&sessions[20..]);
        assert_eq!(meter.refresh().active.iter().size_hint().0, 0);
    }

    #[test]
    fn chunks_that_become_sparse_alike_are_tidied_few_at_a_time_but_where_a_quarter_is_vacant() {
        const CHUNKS: usize = 10;
        // An eighth of all chunks, and one.
        const AT_A_TIME: usize = 2;
        for (vacant, tidied_at_once) in [(ROWS / 4, AT_A_TIME), (ROWS / 4 + 1, CHUNKS)] {
            let meter = patient();
            let sessions = active(&meter, "a", CHUNKS * ROWS);
            assert_eq!(rows(&meter), [ROWS; CHUNKS]);
            for chunk in sessions.chunks(ROWS) {
                close(&chunk[..vacant]);
            }
            let tidied = |tidied| {
                let mut rows = [ROWS; CHUNKS];
                rows[..tidied].fill(ROWS - vacant);
                rows
            };
            assert_eq!(rows_then(&meter), tidied(tidied_at_once));
            assert_eq!(rows(&meter), tidied((2 * tidied_at_once).min(CHUNKS)));
        }
    }

    #[test]
    fn neighbours_that_fill_half_a_chunk_together_become_one() {
        let meter = patient();
        let sessions = active(&meter, "a", 2 * ROWS);
        assert_eq!(rows(&meter), [ROWS; 2]);
        let (first, second) = sessions.split_at(ROWS);
        close(&first[ROWS / 4..]);
        close(&second[ROWS / 4 + 1..]);
        assert_eq!(rows_then(&meter), [ROWS / 4, ROWS / 4 + 1]);
        close(&second[..1]);
        assert_eq!(rows_then(&meter), [ROWS / 2]);
        assert_eq!(meter.refresh().current_sessions, ROWS as u64 / 2);
    }
}
