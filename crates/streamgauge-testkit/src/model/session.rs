//! One session of the model: what it counted, where it is in its life, and what the sampler last saw of it.

use std::collections::BTreeSet;

use streamgauge::{CloseReason, RefuseReason, Verdict};

use super::Now;
use super::books::Key;
use super::tally::Tally;
use super::told::Ended;
use super::window::Bitrate;
use crate::way::{Pair, Way};

/// The most of one call: 2^48 bytes.
const MOST_OF_A_CALL: u64 = 1 << 48;
/// From here on a session is closed by the next collection: 2^61 bytes in one direction.
pub(super) const NEARLY_FULL: u64 = 1 << 61;
/// From here on a word, a stripe and a writer's cell each refuse for themselves.
const FULL: u64 = 1 << 62;

/// Where a session is in its life. `Refused` is that of a handle which no collector knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Pending,
    Active,
    Closed(CloseReason),
    Refused(RefuseReason),
}

/// A place that bytes are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// By id and by handle.
    Words,
    /// By shared handle: one stripe, since there is one thread.
    Stripe,
    /// By a writer, the cell of that number.
    Cell(usize),
}

impl Place {
    fn number(self) -> usize {
        match self {
            Self::Words => 0,
            Self::Stripe => 1,
            Self::Cell(cell) => 2 + cell,
        }
    }
}

/// What the last collection saw.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    /// When traffic, or the activation, was last noticed; the registration before that.
    pub(super) at: u64,
    pub(super) bytes: Pair<u64>,
    pub(super) is_active: bool,
    /// The highest bitrates that ticks saw.
    pub(super) peaks: Pair<Bitrate>,
}

/// A session, as long as anything is left that could ask for it.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) id: Vec<u8>,
    pub(crate) key: Key,
    pub(crate) extra: String,
    pub(crate) registered: Now,
    pub(crate) phase: Phase,
    pub(super) was_active: bool,
    /// By the number of the place.
    counted: Vec<Pair<u64>>,
    pub(super) packets: Pair<u64>,
    pub(crate) tops: Pair<u64>,
    /// By how much more a top may be shown, since the bitrate that it follows is not known to the bit.
    pub(super) top_slack: Pair<u64>,
    pub(crate) bitrates: Pair<Bitrate>,
    pub(super) seen: Seen,
    pub(super) is_folded: bool,
    /// Cells of writers that were dropped and whose places were not given back yet, and of those still held.
    pub(super) dropped: BTreeSet<usize>,
    pub(super) held: BTreeSet<usize>,
    /// What observers were told of its close.
    pub(super) ended: Option<Ended>,
}

impl Session {
    pub(super) fn new(id: &[u8], key: Key, registered: Now) -> Self {
        Self {
            id: id.to_vec(),
            key,
            extra: String::new(),
            registered,
            phase: Phase::Pending,
            was_active: false,
            counted: vec![Pair::default(); 2],
            packets: Pair::default(),
            tops: Pair::default(),
            top_slack: Pair::default(),
            bitrates: Pair::default(),
            seen: Seen {
                at: registered.monotonic,
                ..Seen::default()
            },
            is_folded: false,
            dropped: BTreeSet::new(),
            held: BTreeSet::new(),
            ended: None,
        }
    }

    pub(super) fn refused(id: &[u8], reason: RefuseReason, now: Now) -> Self {
        Self {
            phase: Phase::Refused(reason),
            is_folded: true,
            ..Self::new(id, Key::default(), now)
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Pending | Phase::Active)
    }

    pub(crate) fn is_active(&self) -> bool {
        self.phase == Phase::Active
    }

    pub(crate) fn bytes(&self) -> Pair<u64> {
        Pair::each(|way| {
            self.counted
                .iter()
                .fold(0, |sum: u64, place| sum.saturating_add(*place.of(way)))
        })
    }

    pub(crate) fn tally(&self) -> Tally {
        Tally::of_session(self.bytes(), self.packets)
    }

    /// What a counting call answers that comes after the close, or never had a session.
    pub(crate) fn verdict_of_closed(&self) -> Option<Verdict> {
        match self.phase {
            Phase::Pending | Phase::Active => None,
            Phase::Closed(reason) => Some(Verdict::Closed(reason)),
            Phase::Refused(reason) => Some(Verdict::Refused(reason)),
        }
    }

    /// Counts bytes in one place.
    pub(super) fn count(
        &mut self,
        place: Place,
        way: Way,
        bytes: u64,
        counts_packets: bool,
        is_explicit: bool,
    ) -> Verdict {
        if bytes > MOST_OF_A_CALL {
            return Verdict::Refused(RefuseReason::TooLarge);
        }
        if let Some(verdict) = self.verdict_of_closed() {
            return verdict;
        }
        let counted = self.counted[place.number()].of_mut(way);
        if *counted >= FULL {
            return Verdict::Refused(RefuseReason::CounterFull);
        }
        *counted += bytes;
        *self.packets.of_mut(way) += u64::from(counts_packets);
        if bytes > 0 && !is_explicit {
            self.phase = Phase::Active;
        }
        Verdict::Counted
    }

    /// A cell for one more writer.
    pub(super) fn new_cell(&mut self) -> usize {
        let cell = self.counted.len() - 2;
        self.counted.push(Pair::default());
        self.held.insert(cell);
        cell
    }

    pub(super) fn close(&mut self, reason: CloseReason) {
        self.was_active = self.is_active();
        self.phase = Phase::Closed(reason);
    }
}
