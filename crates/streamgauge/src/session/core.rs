//! The one object of a session: what packet threads count in, and what everybody else knows it by.
//!
//! Shared by the table, the handles, the sampler's rows and the summaries that show it, as an entry: the id is its key, and
//! stands right behind the value. That is what a count by id touches, and no more: with an id of up to 24 bytes one line, so
//! that the lines of many sessions lie side by side and are in the cache. What else a session has is a line of its own
//! elsewhere, [`Apart`], and what few sessions have is behind one word there. What a collector has once (its population) is
//! not here at all: callers that need it bring it. Labels are written before the session is inserted into the table and
//! never again, so the insertion publishes them.
//!
//! 32 bytes, with the entry's 8 and the id; 64 apart. When it was registered stands in the rows of the intake and the
//! sampler, which alone ask for it.

use std::sync::Arc;

use streamgauge_table::{Boxed, Entry};

use super::attachments::{Attached, Attachments, HasAttachments};
use super::counter::{ByteCounter, PacketCounter, Settled};
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

/// The shared state of one session, but for its id: what a count touches, and where the rest is.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct SessionCore {
    apart: Boxed<Apart>,
    words: Words<State>,
}

/// What a count does not touch, but for the packets where they are counted: a line.
#[derive(Debug)]
struct Apart {
    labels: Labels,
    attached: Attached,
    tops: PerDirection<Top>,
    packets: PerDirection<PacketCounter>,
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

impl Apart {
    fn boxed(labels: Labels, top: fn() -> Top) -> Boxed<Self> {
        Boxed::new(Self {
            labels,
            attached: Attached::nothing(),
            tops: PerDirection::new(top(), top()),
            packets: PacketCounter::pair(),
        })
    }
}

impl SessionCore {
    pub(crate) fn new(labels: Labels, activation: Activation, count_packets: bool) -> Self {
        Self {
            apart: Apart::boxed(labels, Top::new),
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
            apart: Apart::boxed(Labels::default(), Top::taken),
            words: Words::closed(State {
                phase: Phase::refused(reason),
                count_packets: false,
                on_traffic: false,
                has_attachments: HasAttachments::new(),
            }),
        }
    }

    /// The packets, where they are counted.
    #[inline]
    fn packets(&self) -> Option<&PerDirection<PacketCounter>> {
        self.state().count_packets.then(|| &self.apart.packets)
    }

    #[inline]
    fn state(&self) -> &State {
        &self.words.beside
    }

    /// The attachments, made if there were none.
    fn attachments(&self) -> &Attachments {
        let attachments = self.apart.attached.get_or_make();
        self.state().has_attachments.set();
        attachments
    }

    /// The attachments, if there are any: for collections, which ask every session.
    #[inline]
    fn attachments_if_any(&self) -> Option<&Attachments> {
        if self.state().has_attachments.get() {
            self.apart.attached.get()
        } else {
            None
        }
    }

    pub(super) fn attached(&self) -> &Attached {
        &self.apart.attached
    }

    pub(crate) fn labels(&self) -> &Labels {
        &self.apart.labels
    }

    pub(crate) fn extra(&self) -> Option<Arc<Box<str>>> {
        self.apart.attached.get()?.extra.load()
    }

    pub(crate) fn set_extra(&self, extra: &str) {
        self.attachments().extra.store(Some(Arc::new(Box::from(extra))));
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state().phase.is_open()
    }

    /// As [`is_open`](Self::is_open), in an order that every closer agrees on.
    pub(super) fn is_open_in_order(&self) -> bool {
        self.state().phase.is_open_in_order()
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
        self.words.count(direction, bytes, self.packets(), || {
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
        if let Some(attachments) = self.apart.attached.get() {
            attachments.writers.end();
        }
        let mut counts = self.words.seal(&self.apart.packets);
        // Looked for after the phase moved: stripes() makes them first and asks the phase second.
        if let Some(stripes) = self.apart.attached.get().and_then(Attachments::stripes) {
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
            turn.take(&self.apart.tops.rx, Direction::Ingress),
            turn.take(&self.apart.tops.tx, Direction::Egress),
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
        let Some(mut counts) = self.words.read(self.packets()) else {
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

    /// The counts of an active session that has no attachments and is far from full: what [`read`](Self::read) answers of it.
    /// Most sessions are such, and a collection asks all. Whether packets are counted, the caller knows of all of them.
    #[inline]
    pub(crate) fn ordinary_counts(&self, counts_packets: bool) -> Option<Counts> {
        let state = self.state();
        if state.phase.stage() != Stage::Active || state.has_attachments.get() {
            return None;
        }
        self.words
            .ordinary_counts(counts_packets.then(|| &self.apart.packets))
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
        if self.is_open_in_order() {
            stripes.clone()
        } else {
            Stripes::default()
        }
    }

    /// Adds a writer's cell; `false` if the session has closed.
    pub(crate) fn admit_writer(&self, cell: &Arc<WriterCell>) -> bool {
        self.attachments().writers.admit(cell, || self.is_open_in_order())
    }

    /// Takes the writers' cells out of a closed session.
    pub(crate) fn take_writers(&self) -> TakenCells {
        self.apart
            .attached
            .get()
            .map(|attachments| attachments.writers.take())
            .unwrap_or_default()
    }

    /// Asks for the line that tops are in, ahead of their use.
    #[inline]
    pub(crate) fn prefetch_tops(&self) {
        self.apart.prefetch();
    }

    pub(crate) fn top(&self, direction: Direction) -> u64 {
        self.apart.tops.get(direction).read()
    }

    #[inline]
    pub(crate) fn has_no_top(&self) -> bool {
        self.apart.tops.rx.read() | self.apart.tops.tx.read() == 0
    }

    /// Sets a top; `false` if the session had closed.
    pub(crate) fn set_top(&self, population: &Population, direction: Direction, top: u64) -> bool {
        let mut turn = population.tops().turn();
        turn.set(self.apart.tops.get(direction), direction, top)
    }

    /// Moves a top on at a tick; see [`Turn::advance`].
    #[inline]
    pub(crate) fn advance_top(
        &self,
        turn: &mut Turn<'_>,
        direction: Direction,
        next: impl FnOnce(u64) -> u64,
    ) -> u64 {
        turn.advance(self.apart.tops.get(direction), direction, next)
    }
}

impl Whole<'_> {
    /// Completes an addition that was not ordinary, or whose packet was late.
    #[cold]
    #[inline(never)]
    pub(super) fn count_rare(
        self,
        counter: &ByteCounter,
        packets: Option<&PacketCounter>,
        direction: Direction,
        before: u64,
        bytes: u64,
    ) -> Verdict {
        let session = self.session;
        if ByteCounter::is_ordinary(before) {
            return self.packet_was_late(direction, bytes);
        }
        match counter.settle(before, bytes) {
            Settled::First if bytes != 0 => session.activate_on_traffic(self.population),
            Settled::First | Settled::Counted => {}
            Settled::Late => return session.verdict_of_closed(),
            Settled::Full => return Verdict::Refused(RefuseReason::CounterFull),
        }
        if packets.is_some_and(|packets| !packets.add()) {
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
    use std::sync::Arc;

    use super::{
        Activation, Apart, CloseReason, Direction, Labels, Population, SessionCore, State, Verdict, Words,
    };
    use crate::session::writer::WriterCell;
    use crate::{Collector, CollectorConfig, ManualClock};

    #[test]
    fn p5_a_session_is_small_and_a_count_touches_one_line_of_it() {
        assert_eq!((size_of::<SessionCore>(), size_of::<Apart>()), (32, 64));
        // The bytes are last, beside the id.
        let words = offset_of!(SessionCore, words);
        assert_eq!(words + offset_of!(Words<State>, bytes) + 16, 32);
    }

    #[test]
    fn p2_a_packet_later_than_its_bytes_is_accepted_and_counted_apart() {
        let population = Population::new();
        let session = SessionCore::new(Labels::default(), Activation::OnTraffic, true);
        let count = |bytes| session.count(Direction::Ingress, bytes, || &population);
        assert_eq!(count(5), Verdict::Counted);
        // The close comes between the bytes of a call and its packet.
        session.state().phase.close(CloseReason::TimedOut);
        session.apart.packets.rx.seal();
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
    fn p5_a_writer_that_the_close_overtakes_gives_its_place_back() {
        let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
        let handle = collector.register("a", "", "", "");
        let inner = handle.inner.as_ref().unwrap();
        let population = &inner.roster.population;
        let writer = std::thread::scope(|scope| {
            let mut making = None;
            // Under the lock of the writers: the one that is made has its place, and waits.
            inner
                .session
                .attachments()
                .writers
                .admit(&Arc::new(WriterCell::new(false)), || {
                    making = Some(scope.spawn(|| handle.writer()));
                    while population.enter_writers(1) {
                        population.leave_writers(1);
                        std::thread::yield_now();
                    }
                    inner.session.state().phase.close(CloseReason::Unregistered);
                    false
                });
            making.map(|making| making.join().unwrap())
        });
        let verdict = writer.map(|mut writer| writer.ingress(5));
        assert_eq!(verdict, Some(Verdict::Closed(CloseReason::Unregistered)));
        assert!(population.enter_writers(1), "nobody has a place");
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
