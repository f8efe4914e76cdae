//! What collectors are asked to do: one enum, of which property tests, the fuzz target and their replays make lists.
//!
//! An operation is made of a few bytes ([`Arbitrary`]), each of which picks from a [`pool`]. So libFuzzer's changes to an
//! input change single operations, and proptest shrinks an operation by making its bytes smaller: the first entry of
//! each pool is the plainest.

pub mod pool;

use arbitrary::{Arbitrary, Unstructured};

use self::pool::Id;
use crate::setup::Setup;
use crate::way::Way;

/// How many collectors there are to ask; the last is a null one. The first two are a registry's, the third stands alone.
pub const COLLECTORS: usize = 4;

/// How many handles, and how many writers and shared handles, are held at once.
pub const SLOTS: usize = 4;

/// Which session a verb is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// By id.
    Id(usize, Id),
    /// By the handle in a slot; nobody, if there is none.
    Handle(usize),
}

/// The way in for bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// By id or by handle.
    Plain(Whom),
    /// By the shared handle in a slot.
    Shared(usize),
    /// By the writer in a slot.
    Writer(usize),
}

/// Reference, location and peer, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Labels(pub [&'static str; 3]);

/// What an admission expects of a session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expectation {
    /// The ingress bitrate, in bit/s.
    pub ingress: u64,
    /// The egress bitrate, in bit/s.
    pub egress: u64,
    /// What tops are multiplied by.
    pub headroom: f64,
}

/// One thing that is done to a collector, its sessions, its clock or its registry. A collector is named by its number,
/// below [`COLLECTORS`]; a slot by its own, below [`SLOTS`].
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// Moves the clock, by nanoseconds.
    Advance(u64),
    /// Moves the clock and ticks one collector: what a sampler does.
    AdvanceAndTick(usize, u64),
    /// Ticks one collector, or, of number [`COLLECTORS`], the registry.
    Tick(usize),
    /// Publishes a summary of this moment.
    Refresh(usize),
    /// `register`, or `register_and_activate`; the handle goes into a slot, if there is one of that number.
    Register(usize, Id, Labels, bool, usize),
    /// `try_register`.
    TryRegister(usize, Id, Labels, Expectation, usize),
    /// `session`: the handle goes into a slot.
    Find(usize, Id, usize),
    /// A shared handle of the handle in a slot goes into the slot of that number.
    Share(usize, usize),
    /// A writer of the handle in a slot goes into the slot of that number.
    Write(usize, usize),
    /// Drops the handle, the shared handle and the writer of a slot.
    Drop(usize),
    /// Counts bytes.
    Count(Route, Way, u64),
    /// Counts bytes by id under one pin; all in one call, or one after the other.
    Burst(usize, Way, bool, Vec<(Id, u64)>),
    /// Counts 2^48 bytes so many times.
    Fill(Route, Way, u32),
    /// `activate`.
    Activate(Whom),
    /// `unregister`.
    Unregister(Whom),
    /// `extra`.
    Extra(Whom, &'static str),
    /// `session_set_top_*`, in bit/s.
    SetTop(Whom, Way, f64),
    /// `add_companion`: the first has the second as companion.
    Companion(usize, usize),
    /// `is_collectable_ip`.
    Ask(usize, &'static str),
    /// Keeps the summary that there is, and looks at it again at the end.
    Keep(usize),
    /// Sets the calendar, in seconds since 1970.
    SetCalendar(u64),
    /// Stops a collector.
    Stop(usize),
    /// Drops a collector and makes it anew: with its history, where it has a store.
    Restart(usize, Setup),
    /// Drops the registry, and makes it anew on the same store.
    RestartRegistry,
    /// A registry on what the store has now: what a process finds that comes after a crash.
    Crash,
    /// From here on saves fail, or succeed again.
    BreakStore(bool),
    /// Asks a registry for what it does not have, and registers what it cannot.
    Misuse(&'static str),
}

/// How often each operation is drawn, in parts of 256; what is left is the first.
const SHARES: [(u8, u16); 26] = [
    (1, 28),
    (2, 10),
    (3, 10),
    (4, 34),
    (5, 16),
    (6, 6),
    (7, 7),
    (8, 11),
    (9, 5),
    (10, 46),
    (11, 8),
    (12, 2),
    (13, 8),
    (14, 11),
    (15, 4),
    (16, 9),
    (17, 6),
    (18, 2),
    (19, 3),
    (20, 2),
    (21, 3),
    (22, 6),
    (23, 1),
    (24, 4),
    (25, 2),
    (26, 1),
];

impl<'a> Arbitrary<'a> for Operation {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let mut draw = Draw(bytes);
        let kind = draw.kind()?;
        Ok(match kind {
            1 => Self::AdvanceAndTick(draw.collector()?, draw.pick(&pool::STEPS)?),
            2 => Self::Tick(draw.below(COLLECTORS + 1)?),
            3 => Self::Refresh(draw.collector()?),
            4 => {
                let (on, id, labels) = (draw.collector()?, draw.id()?, draw.labels()?);
                Self::Register(on, id, labels, draw.flag()?, draw.below(SLOTS + 1)?)
            }
            5 => {
                let (on, id, labels) = (draw.collector()?, draw.id()?, draw.labels()?);
                let expectation = Expectation {
                    ingress: draw.pick(&pool::EXPECTED)?,
                    egress: draw.pick(&pool::EXPECTED)?,
                    headroom: draw.pick(&pool::HEADROOMS)?,
                };
                Self::TryRegister(on, id, labels, expectation, draw.below(SLOTS + 1)?)
            }
            6 => Self::Find(draw.collector()?, draw.id()?, draw.slot()?),
            7 => Self::Share(draw.slot()?, draw.slot()?),
            8 => Self::Write(draw.slot()?, draw.slot()?),
            9 => Self::Drop(draw.slot()?),
            10 => Self::Count(draw.route()?, draw.way()?, draw.pick(&pool::AMOUNTS)?),
            11 => {
                let (on, way, at_once) = (draw.collector()?, draw.way()?, draw.flag()?);
                let calls = (0..draw.below(5)?)
                    .map(|_| Ok((draw.id()?, draw.pick(&pool::AMOUNTS)?)))
                    .collect::<arbitrary::Result<_>>()?;
                Self::Burst(on, way, at_once, calls)
            }
            12 => Self::Fill(draw.route()?, draw.way()?, draw.pick(&pool::FILLS)?),
            13 => Self::Activate(draw.whom()?),
            14 => Self::Unregister(draw.whom()?),
            15 => Self::Extra(draw.whom()?, draw.pick(&pool::TEXTS)?),
            16 => Self::SetTop(draw.whom()?, draw.way()?, draw.pick(&pool::BITRATES)?),
            17 => Self::Companion(draw.collector()?, draw.collector()?),
            18 => Self::Ask(draw.collector()?, draw.pick(&pool::ADDRESSES)?),
            19 => Self::Keep(draw.collector()?),
            20 => Self::SetCalendar(draw.pick(&pool::CALENDAR)?),
            21 => Self::Stop(draw.collector()?),
            22 => Self::Restart(draw.collector()?, Setup::arbitrary(draw.0)?),
            23 => Self::RestartRegistry,
            24 => Self::Crash,
            25 => Self::BreakStore(draw.flag()?),
            26 => Self::Misuse(draw.pick(&pool::STRANGERS)?),
            _ => Self::Advance(draw.pick(&pool::STEPS)?),
        })
    }
}

/// One value after the other, a byte for each.
struct Draw<'a, 'b>(&'a mut Unstructured<'b>);

impl Draw<'_, '_> {
    fn kind(&mut self) -> arbitrary::Result<u8> {
        let drawn = u16::from(u8::arbitrary(self.0)?);
        // From the top: the bytes that are left, the smallest, are the plainest operation.
        let mut above = 256;
        for (kind, share) in SHARES {
            above -= share;
            if drawn >= above {
                return Ok(kind);
            }
        }
        Ok(0)
    }

    fn below(&mut self, bound: usize) -> arbitrary::Result<usize> {
        Ok(usize::from(u8::arbitrary(self.0)?) % bound)
    }

    fn pick<T: Copy>(&mut self, pool: &[T]) -> arbitrary::Result<T> {
        Ok(pool[self.below(pool.len())?])
    }

    fn flag(&mut self) -> arbitrary::Result<bool> {
        Ok(self.below(2)? == 1)
    }

    fn way(&mut self) -> arbitrary::Result<Way> {
        Ok(Way::BOTH[self.below(2)?])
    }

    /// The first two more often: the others have no store to lose.
    fn collector(&mut self) -> arbitrary::Result<usize> {
        let collectors = [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3];
        self.pick(&collectors)
    }

    fn slot(&mut self) -> arbitrary::Result<usize> {
        self.below(SLOTS)
    }

    /// The plain ids more often.
    fn id(&mut self) -> arbitrary::Result<Id> {
        let ids = [0, 0, 0, 1, 1, 1, 2, 2, 3, 0, 4, 5, 6, 7, 8, 9];
        self.pick(&ids).map(Id)
    }

    fn labels(&mut self) -> arbitrary::Result<Labels> {
        let text = |drawn: u8| pool::TEXTS[usize::from(drawn) % pool::TEXTS.len()];
        let [reference, location, peer] = <[u8; 3]>::arbitrary(self.0)?;
        // The texts first, so that a peer shrinks to one.
        let peers = pool::TEXTS.len() + pool::ADDRESSED.len();
        let address = (usize::from(peer) % peers).checked_sub(pool::TEXTS.len());
        let peer = address.map_or(text(peer), |at| pool::ADDRESSED[at].0);
        Ok(Labels([text(reference), text(location), peer]))
    }

    fn whom(&mut self) -> arbitrary::Result<Whom> {
        if self.below(3)? == 2 {
            return Ok(Whom::Handle(self.slot()?));
        }
        Ok(Whom::Id(self.collector()?, self.id()?))
    }

    fn route(&mut self) -> arbitrary::Result<Route> {
        Ok(match self.below(5)? {
            3 => Route::Shared(self.slot()?),
            4 => Route::Writer(self.slot()?),
            _ => Route::Plain(self.whom()?),
        })
    }
}
