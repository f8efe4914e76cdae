//! The one object of a session: what packet threads count in, and what everybody else knows it by.
//!
//! Shared by the table, the handles, the sampler's rows and the summaries that show it, as an entry: the id is its key, and
//! stands right behind the value. What only cold paths read comes first; the words that packets write come last, beside
//! the id that a lookup compares. What few sessions have is behind one word, and what a collector has once (its
//! population) is not here at all: callers that need it bring it. Labels are written before the session is inserted into
//! the table and never again, so the insertion publishes them.
//!
//! 88 bytes: with the entry's 8 and an id of up to 32 no more than two lines. When it was registered stands in the rows
//! of the intake and the sampler, which alone ask for it.

use std::sync::Arc;

use streamgauge_table::Entry;

use super::attachments::{Attached, Attachments, HasAttachments};
use super::counter::Settled;
use super::labels::Labels;
use super::phase::{Phase, Stage};
use super::stripes::Stripes;
use super::top::{Top, Turn};
use super::words::{Whole, Words};
use super::writer::{Counts, TakenCells, WriterCell};
use crate::collector::config::Activation;
use crate::collector::population::Population;
use crate::direction::{Direction, PerDirection};
use crate::verdict::{CloseReason, RefuseReason, Verdict};

/// A session, shared: its id and its core in one allocation.
pub(crate) type SessionRef = Entry<SessionCore>;

/// The shared state of one session, but for its id. Cold first, hot last.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct SessionCore {
    labels: Labels,
    attached: Attached,
    tops: PerDirection<Top>,
    words: Words<State>,
}

/// Where a session is in its life, and how it was configured: one word, on the line of its bytes.
#[derive(Debug)]
#[repr(align(8))]
struct State {
    phase: Phase,
    count_packets: bool,
    on_traffic: bool,
    has_attachments: HasAttachments,
}

/// What the closer took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Final {
    pub(crate) counts: Counts,
    pub(crate) tops: PerDirection<u64>,
    pub(crate) was_active: bool,
}

/// What a collection finds in a session.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reading {
    Open {
        counts: Counts,
        is_active: bool,
    },
    /// Closed, or being closed: its final is with the closer, or recorded.
    Closed,
}

impl SessionCore {
    pub(crate) fn new(labels: Labels, activation: Activation, count_packets: bool) -> Self {
        Self {
            labels,
            attached: Attached::nothing(),
            tops: PerDirection::new(Top::new(), Top::new()),
            words: Words::new(State {
                phase: Phase::pending(),
                count_packets,
                on_traffic: activation == Activation::OnTraffic,
                has_attachments: HasAttachments::new(),
            }),
        }
    }

    /// A session that no collector knows: every call on it answers `Refused(reason)`.
    pub(crate) fn refused(reason: RefuseReason) -> Self {
        Self {
            labels: Labels::default(),
            attached: Attached::nothing(),
            tops: PerDirection::new(Top::taken(), Top::taken()),
            words: Words::closed(State {
                phase: Phase::refused(reason),
                count_packets: false,
                on_traffic: false,
                has_attachments: HasAttachments::new(),
            }),
        }
    }

    #[inline]
    fn state(&self) -> &State {
        &self.words.beside
    }

    /// The attachments, made if there were none.
    fn attachments(&self) -> &Attachments {
        let attachments = self.attached.get_or_make();
        self.state().has_attachments.set();
        attachments
    }

    /// The attachments, if there are any: for collections, which ask every session.
    #[inline]
    fn attachments_if_any(&self) -> Option<&Attachments> {
        if self.state().has_attachments.get() {
            self.attached.get()
        } else {
            None
        }
    }

    pub(crate) fn labels(&self) -> &Labels {
        &self.labels
    }

    pub(crate) fn extra(&self) -> Option<Arc<Box<str>>> {
        self.attached.get()?.extra.load()
    }

    pub(crate) fn set_extra(&self, extra: &str) {
        self.attachments().extra.store(Some(Arc::new(Box::from(extra))));
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state().phase.is_open()
    }

    pub(crate) fn is_on_traffic(&self) -> bool {
        self.state().on_traffic
    }

    pub(crate) fn counts_packets(&self) -> bool {
        self.state().count_packets
    }

    /// The answer of a call that found the session's counters closed.
    #[cold]
    pub(crate) fn verdict_of_closed(&self) -> Verdict {
        self.state().phase.verdict_of_closed()
    }

    /// Counts bytes, and a packet where packets are counted. `population` is asked where more is to be done than to add.
    #[inline]
    pub(crate) fn count<'a>(
        &'a self,
        direction: Direction,
        bytes: u64,
        population: impl FnOnce() -> &'a Population,
    ) -> Verdict {
        self.words
            .count(direction, bytes, self.state().count_packets, || {
                Some(Whole {
                    session: self,
                    population: population(),
                })
            })
    }

    /// Activates where first bytes do that.
    pub(crate) fn activate_on_traffic(&self, population: &Population) {
        if self.state().on_traffic {
            self.activate(population);
        }
    }

    /// Moves from pending to active; `true` for the one call that did.
    pub(crate) fn activate(&self, population: &Population) -> bool {
        if self.state().phase.stage() != Stage::Pending {
            return false;
        }
        population.enter_active(|| self.state().phase.activate())
    }

    /// Closes the session, if it is open: elects the caller, tells the writers, seals the counters.
    ///
    /// The caller holds the intake's lock until the final is recorded there, or it is the collection that folds it.
    pub(crate) fn close(&self, population: &Population, reason: CloseReason) -> Option<Final> {
        let was_active = self.state().phase.close(reason)?;
        if let Some(attachments) = self.attached.get() {
            attachments.writers.end();
        }
        let mut counts = self.words.seal();
        // Looked for after the phase moved: stripes() makes them first and asks the phase second.
        if let Some(stripes) = self.attached.get().and_then(Attachments::stripes) {
            counts = counts.plus(stripes.seal());
        }
        population.leave_open(was_active);
        Some(Final {
            counts,
            tops: self.take_tops(population),
            was_active,
        })
    }

    /// Gives back what a session had reserved that was never announced.
    pub(crate) fn forgo(&self, population: &Population) {
        self.take_tops(population);
    }

    fn take_tops(&self, population: &Population) -> PerDirection<u64> {
        let mut turn = population.tops().turn();
        PerDirection::new(
            turn.take(&self.tops.rx, Direction::Ingress),
            turn.take(&self.tops.tx, Direction::Egress),
        )
    }

    /// Reads the counters, those of its writers and its stripes included.
    #[inline]
    pub(crate) fn read(&self) -> Reading {
        let is_active = match self.state().phase.stage() {
            Stage::Pending => false,
            Stage::Active => true,
            Stage::Closed(_) | Stage::Refused(_) => return Reading::Closed,
        };
        let Some(mut counts) = self.words.read(self.state().count_packets) else {
            return Reading::Closed;
        };
        if let Some(attachments) = self.attachments_if_any() {
            let Some(with_theirs) = attachments.add_to(counts) else {
                return Reading::Closed;
            };
            counts = with_theirs;
        }
        Reading::Open { counts, is_active }
    }

    /// As [`read`](Self::read), and lets the cells of dropped writers go. The collection alone does this.
    #[inline]
    pub(crate) fn read_for_collection(&self, population: &Population) -> Reading {
        if let Some(attachments) = self.attachments_if_any() {
            attachments.let_writers_go(population);
        }
        self.read()
    }

    /// The stripes to count in, made if they are not there; none if the session has closed.
    pub(crate) fn stripes(&self) -> Stripes {
        if !self.state().phase.is_open() {
            return Stripes::default();
        }
        let stripes = self.attachments().stripes_or_make(self.state().count_packets);
        // The closer moves the phase first and looks for stripes second: either it finds these and seals them, or the phase
        // is found closed here, and nobody counts in them.
        if self.state().phase.is_open_in_order() {
            stripes.clone()
        } else {
            Stripes::default()
        }
    }

    /// Adds a writer's cell; `false` if the session has closed.
    pub(crate) fn admit_writer(&self, cell: &Arc<WriterCell>) -> bool {
        self.attachments()
            .writers
            .admit(cell, || self.state().phase.is_open_in_order())
    }

    /// Takes the writers' cells out of a closed session.
    pub(crate) fn take_writers(&self) -> TakenCells {
        self.attached
            .get()
            .map(|attachments| attachments.writers.take())
            .unwrap_or_default()
    }

    pub(crate) fn top(&self, direction: Direction) -> u64 {
        self.tops.get(direction).read()
    }

    #[inline]
    pub(crate) fn has_no_top(&self) -> bool {
        self.tops.rx.read() | self.tops.tx.read() == 0
    }

    /// Sets a top; `false` if the session had closed.
    pub(crate) fn set_top(&self, population: &Population, direction: Direction, top: u64) -> bool {
        let mut turn = population.tops().turn();
        turn.set(self.tops.get(direction), direction, top)
    }

    /// Moves a top on at a tick; see [`Turn::advance`].
    #[inline]
    pub(crate) fn advance_top(
        &self,
        turn: &mut Turn<'_>,
        direction: Direction,
        next: impl FnOnce(u64) -> u64,
    ) -> u64 {
        turn.advance(self.tops.get(direction), direction, next)
    }
}

impl Whole<'_> {
    /// Completes an addition to `words` that was not ordinary.
    #[cold]
    #[inline(never)]
    pub(super) fn count_rare<B>(
        self,
        words: &Words<B>,
        direction: Direction,
        before: u64,
        bytes: u64,
    ) -> Verdict {
        let session = self.session;
        match words.bytes.get(direction).settle(before, bytes) {
            Settled::First if bytes != 0 => session.activate_on_traffic(self.population),
            Settled::First | Settled::Counted => {}
            Settled::Late => return session.verdict_of_closed(),
            Settled::Full => return Verdict::Refused(RefuseReason::CounterFull),
        }
        if session.state().count_packets && !words.packets.get(direction).add() {
            return self.packet_was_late(direction, bytes);
        }
        Verdict::Counted
    }

    /// The answer of an accepted call whose packet came too late: it goes to the collector's late packets. A call of no
    /// bytes then came too late as a whole.
    #[cold]
    #[inline(never)]
    pub(super) fn packet_was_late(self, direction: Direction, bytes: u64) -> Verdict {
        if bytes == 0 {
            return self.session.verdict_of_closed();
        }
        self.population.count_late_packet(direction);
        Verdict::Counted
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::mem::offset_of;

    use super::{Activation, CloseReason, Direction, Labels, Population, SessionCore, State, Verdict, Words};
    use crate::{Collector, CollectorConfig, ManualClock};

    #[test]
    fn p5_a_session_is_small_and_its_hot_words_are_last() {
        assert_eq!(size_of::<SessionCore>(), 88);
        let words = offset_of!(SessionCore, words);
        assert_eq!(words + size_of::<Words<State>>(), 88);
        assert_eq!(words + offset_of!(Words<State>, bytes), 72);
        // Of an entry that begins with a line: what a count reads and writes is in the second.
        assert_eq!(words + offset_of!(Words<State>, beside), 64);
    }
    #[test]
    fn p2_a_packet_later_than_its_bytes_is_accepted_and_counted_apart() {
        let population = Population::new();
        let session = SessionCore::new(Labels::default(), Activation::OnTraffic, true);
        let count = |bytes| session.count(Direction::Ingress, bytes, || &population);
        assert_eq!(count(5), Verdict::Counted);
        // The close comes between the bytes of a call and its packet.
        session.state().phase.close(CloseReason::TimedOut);
        session.words.packets.rx.seal();
        assert_eq!(count(5), Verdict::Counted);
        assert_eq!(
            (population.late_packets().rx, population.late_packets().tx),
            (1, 0)
        );
        // A call of no bytes is its packet alone, and so too late as a whole.
        assert_eq!(count(0), Verdict::Closed(CloseReason::TimedOut));
        assert_eq!(population.late_packets().rx, 1);
    }

    #[test]
    fn p2_bytes_whose_activation_comes_after_the_close_are_in_the_history() {
        for (activation, history, discarded) in [(Activation::OnTraffic, 5, 0), (Activation::Explicit, 0, 5)]
        {
            let config = CollectorConfig {
                activation,
                ..CollectorConfig::default()
            };
            let collector = Collector::manual(config, ManualClock::default());
            let handle = collector.register("a", "", "", "");
            // A call stands still between its bytes and the activation.
            let inner = handle.inner.as_ref().unwrap();
            inner.session.words.bytes.rx.add(5);
            assert!(collector.unregister("a"));
            let summary = collector.refresh();
            assert_eq!(summary.history.stats.total_rx_bytes, history);
            assert_eq!(summary.discarded.total_rx_bytes, discarded);
        }
    }
    #[test]
    fn p5_what_was_unregistered_is_freed_by_ticks_and_by_refreshes() {
        let collections: [fn(&Collector); 2] = [
            |collector| collector.tick(),
            |collector| drop(collector.refresh()),
        ];
        for collect in collections {
            let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
            let handle = collector.register("a", "", "", "");
            collector.unregister("a");
            let session = &handle.inner.as_ref().unwrap().session;
            // Lookups of other tests hold it back for a moment. Where nothing frees it, this does not end.
            while session.references() > 1 {
                collect(&collector);
                std::thread::yield_now();
            }
        }
    }
}
