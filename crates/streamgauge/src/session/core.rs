//! The one object of a session: what packet threads count in, and what everybody else knows it by.
//!
//! Shared by the table, the handles, the sampler's rows and the summaries that show it. The words that packets write come
//! first; what only cold paths read comes last. The id is the key of the entry that a session is shared as. Labels are written before the
//! session is inserted into the table and never again, so the insertion publishes them.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use streamgauge_table::Entry;

use super::counter::{ByteCounter, MAX_CALL_BYTES, PacketCounter, Settled};
use super::labels::Labels;
use super::phase::{Phase, Stage};
use super::top::{Top, Turn};
use super::writer::{Counts, TakenCells, WriterCell, WriterCells};
use crate::clock::Moment;
use crate::collector::config::Activation;
use crate::collector::population::Population;
use crate::direction::{Direction, PerDirection};
use crate::slot::OptionalSlot;
use crate::verdict::{CloseReason, RefuseReason, Verdict};

/// A session, shared: its id and its core in one allocation.
pub(crate) type SessionRef = Entry<SessionCore>;

/// The shared state of one session, but for its id.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct SessionCore {
    bytes: PerDirection<ByteCounter>,
    packets: PerDirection<PacketCounter>,
    phase: Phase,
    count_packets: bool,
    on_traffic: bool,
    population: Arc<Population>,
    tops: PerDirection<Top>,
    created: u64,
    created_at: SystemTime,
    labels: Labels,
    extra: OptionalSlot<Box<str>>,
    writers: OnceLock<Box<WriterCells>>,
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
    pub(crate) fn new(
        labels: Labels,
        population: Arc<Population>,
        activation: Activation,
        count_packets: bool,
        now: Moment,
    ) -> Self {
        Self {
            bytes: PerDirection::new(ByteCounter::new(), ByteCounter::new()),
            packets: PerDirection::new(PacketCounter::new(), PacketCounter::new()),
            phase: Phase::pending(),
            count_packets,
            on_traffic: activation == Activation::OnTraffic,
            population,
            tops: PerDirection::new(Top::new(), Top::new()),
            created: now.monotonic,
            created_at: now.wall,
            labels,
            extra: OptionalSlot::empty(),
            writers: OnceLock::new(),
        }
    }

    /// A session that no collector knows: every call on it answers `Refused(reason)`.
    pub(crate) fn refused(reason: RefuseReason, population: Arc<Population>, now: Moment) -> Self {
        Self {
            bytes: PerDirection::new(ByteCounter::closed(), ByteCounter::closed()),
            phase: Phase::refused(reason),
            tops: PerDirection::new(Top::taken(), Top::taken()),
            ..Self::new(
                Labels::new("", "", "", 0),
                population,
                Activation::Explicit,
                false,
                now,
            )
        }
    }

    pub(crate) fn labels(&self) -> &Labels {
        &self.labels
    }

    /// When it was registered, on the monotonic clock.
    pub(crate) fn created(&self) -> u64 {
        self.created
    }

    pub(crate) fn created_at(&self) -> SystemTime {
        self.created_at
    }

    pub(crate) fn extra(&self) -> Option<Arc<Box<str>>> {
        self.extra.load()
    }

    pub(crate) fn set_extra(&self, extra: &str) {
        self.extra.store(Some(Arc::new(Box::from(extra))));
    }

    pub(crate) fn is_open(&self) -> bool {
        self.phase.is_open()
    }

    pub(crate) fn is_on_traffic(&self) -> bool {
        self.on_traffic
    }

    #[inline]
    pub(crate) fn counts_packets(&self) -> bool {
        self.count_packets
    }

    /// The answer of a call that found the session's counters closed.
    #[cold]
    pub(crate) fn verdict_of_closed(&self) -> Verdict {
        self.phase.verdict_of_closed()
    }

    /// Counts bytes, and a packet where packets are counted.
    #[inline]
    pub(crate) fn count(&self, direction: Direction, bytes: u64) -> Verdict {
        if bytes > MAX_CALL_BYTES {
            return Verdict::Refused(RefuseReason::TooLarge);
        }
        let before = self.bytes.get(direction).add(bytes);
        if !ByteCounter::is_ordinary(before) {
            return self.count_rare(direction, before, bytes);
        }
        if self.count_packets {
            return self.count_packet(direction, bytes);
        }
        Verdict::Counted
    }

    #[cold]
    fn count_rare(&self, direction: Direction, before: u64, bytes: u64) -> Verdict {
        match self.bytes.get(direction).settle(before, bytes) {
            Settled::First if bytes != 0 => self.activate_on_traffic(),
            Settled::First | Settled::Counted => {}
            Settled::Late => return self.verdict_of_closed(),
            Settled::Full => return Verdict::Refused(RefuseReason::CounterFull),
        }
        if self.count_packets {
            self.count_packet(direction, bytes)
        } else {
            Verdict::Counted
        }
    }

    /// Counts the packet of an accepted call. Where only the packet came too late it goes to the collector's late
    /// packets; a call of no bytes is then simply too late.
    #[inline]
    fn count_packet(&self, direction: Direction, bytes: u64) -> Verdict {
        if !self.packets.get(direction).add() {
            if bytes == 0 {
                return self.verdict_of_closed();
            }
            self.population.count_late_packet(direction);
        }
        Verdict::Counted
    }

    /// Activates where first bytes do that.
    pub(crate) fn activate_on_traffic(&self) {
        if self.on_traffic {
            self.activate();
        }
    }

    /// Moves from pending to active; `true` for the one call that did.
    pub(crate) fn activate(&self) -> bool {
        if self.phase.stage() != Stage::Pending {
            return false;
        }
        self.population.enter_active(|| self.phase.activate())
    }

    /// Closes the session, if it is open: elects the caller, tells the writers, seals the counters.
    ///
    /// The caller holds the intake's lock until the final is recorded there, or it is the collection that folds it.
    pub(crate) fn close(&self, reason: CloseReason) -> Option<Final> {
        let was_active = self.phase.close(reason)?;
        if let Some(writers) = self.writers.get() {
            writers.end();
        }
        let counts = Counts {
            bytes: self.bytes.map(ByteCounter::seal),
            packets: self.packets.map(PacketCounter::seal),
        };
        self.population.leave_open(was_active);
        Some(Final {
            counts,
            tops: self.take_tops(),
            was_active,
        })
    }

    /// Gives back what a session had reserved that was never announced.
    pub(crate) fn forgo(&self) {
        self.take_tops();
    }

    fn take_tops(&self) -> PerDirection<u64> {
        let mut turn = self.population.tops().turn();
        PerDirection::new(
            turn.take(&self.tops.rx, Direction::Ingress),
            turn.take(&self.tops.tx, Direction::Egress),
        )
    }

    /// Reads the counters, those of its writers included.
    pub(crate) fn read(&self) -> Reading {
        let is_active = match self.phase.stage() {
            Stage::Pending => false,
            Stage::Active => true,
            Stage::Closed(_) | Stage::Refused(_) => return Reading::Closed,
        };
        let own = (
            self.bytes.rx.read(),
            self.bytes.tx.read(),
            self.packets.rx.read(),
            self.packets.tx.read(),
        );
        let (Some(rx), Some(tx), Some(rx_packets), Some(tx_packets)) = own else {
            return Reading::Closed;
        };
        let mut counts = Counts {
            bytes: PerDirection::new(rx, tx),
            packets: PerDirection::new(rx_packets, tx_packets),
        };
        if let Some(writers) = self.writers.get() {
            counts = counts.plus(writers.counts());
        }
        Reading::Open { counts, is_active }
    }

    /// Adds a writer's cell; `false` if the session has closed.
    pub(crate) fn admit_writer(&self, cell: &Arc<WriterCell>) -> bool {
        self.writers
            .get_or_init(Box::default)
            .admit(cell, || self.phase.is_open_in_order())
    }

    /// Lets the cells of dropped writers go. The collection alone does this.
    pub(crate) fn let_writers_go(&self) {
        if let Some(writers) = self.writers.get() {
            self.population.leave_writers(writers.let_go());
        }
    }

    /// Takes the writers' cells out of a closed session.
    pub(crate) fn take_writers(&self) -> TakenCells {
        self.writers
            .get()
            .map(|writers| writers.take())
            .unwrap_or_default()
    }

    pub(crate) fn population(&self) -> &Arc<Population> {
        &self.population
    }

    pub(crate) fn top(&self, direction: Direction) -> u64 {
        self.tops.get(direction).read()
    }

    #[inline]
    pub(crate) fn has_no_top(&self) -> bool {
        self.tops.rx.read() | self.tops.tx.read() == 0
    }

    /// Sets a top; `false` if the session had closed.
    pub(crate) fn set_top(&self, direction: Direction, top: u64) -> bool {
        let mut turn = self.population.tops().turn();
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
