//! A writer: one thread's own counter of a session, written without a locked instruction.
//!
//! A [`WriterCell`] is a cache line that one [`Writer`] stores to and others read. The writer's increment is a load, an
//! add and a store, all of its own, so nothing that another thread wrote into those words would survive: the close
//! therefore has a word of its own on the line, which the closer stores and the writer looks at before each addition. An
//! addition that is under way while the word is stored still lands in the cell. So a closed session's cells stay with the
//! sampler, which credits what they gained to where the session was accounted, in every collection, until the writer is
//! dropped. A leaked writer keeps its cell for good, and its place under the cap.

use std::fmt;
use std::sync::Arc;

use super::SessionHandle;
use super::core::SessionCore;
use super::counter::{FULL, MAX_CALL_BYTES, NEARLY_FULL};
use crate::direction::{Direction, PerDirection};
use crate::sync::{AtomicBool, AtomicU64, Mutex, Ordering, lock};
use crate::verdict::{RefuseReason, Verdict};

/// Bytes and packets of both directions: what a session, or a part of it, moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) bytes: PerDirection<u64>,
    pub(crate) packets: PerDirection<u64>,
}

impl Counts {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.plus(other.bytes),
            packets: self.packets.plus(other.packets),
        }
    }

    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            bytes: self.bytes.since(earlier.bytes),
            packets: self.packets.since(earlier.packets),
        }
    }

    pub(crate) fn is_zero(self) -> bool {
        self.bytes.is_zero() && self.packets.is_zero()
    }
}

/// The limit of a cell whose session has closed: no addition is below it.
const ENDED: u64 = 0;

/// One writer's counters. One thread writes the counts, the closer writes `limit`, `Drop` writes `released`. The rest was
/// fixed when it was made, and stands here so that an ordinary call touches this line alone.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct WriterCell {
    bytes: PerDirection<AtomicU64>,
    packets: PerDirection<AtomicU64>,
    /// Additions onto less than this and more than nothing are ordinary: so one compare asks for the close, too. A cell that
    /// counts packets has its limit in the second word, and one that does not in the first: so the compare asks for that
    /// as well. The other word is 0 for good.
    limit: AtomicU64,
    limit_with_packets: AtomicU64,
    released: AtomicBool,
    counts_packets: bool,
    refused: Option<RefuseReason>,
}

impl WriterCell {
    pub(crate) fn new(counts_packets: bool) -> Self {
        let zeros = || PerDirection::new(AtomicU64::new(0), AtomicU64::new(0));
        let limit_if = |is_own| AtomicU64::new(if is_own { NEARLY_FULL } else { ENDED });
        Self {
            bytes: zeros(),
            packets: zeros(),
            limit: limit_if(!counts_packets),
            limit_with_packets: limit_if(counts_packets),
            released: AtomicBool::new(false),
            counts_packets,
            refused: None,
        }
    }

    /// The cell of a writer that was refused, or whose session had closed.
    pub(crate) fn ended(refused: Option<RefuseReason>) -> Self {
        Self {
            limit: AtomicU64::new(ENDED),
            refused,
            ..Self::new(false)
        }
    }

    /// Tells the writer that its session closed.
    pub(crate) fn end(&self) {
        // Release: publishes the closed phase to the writer. Pairs with Acquire in has_ended() [M5].
        self.own_limit().store(ENDED, Ordering::Release);
    }

    fn own_limit(&self) -> &AtomicU64 {
        if self.counts_packets {
            &self.limit_with_packets
        } else {
            &self.limit
        }
    }

    /// Whether an addition onto `before` needs nothing more, not even a packet counted: the session has not closed, and it
    /// is neither the first nor near the limit.
    #[inline]
    fn is_ordinary(&self, before: u64) -> bool {
        // Relaxed: an addition that misses the store by a moment is harvested later; has_ended() follows where the
        // reason is read [M5].
        before.wrapping_sub(1) < self.limit.load(Ordering::Relaxed)
    }

    /// The same, where a packet is to be counted and nothing more.
    #[inline]
    fn is_ordinary_with_packet(&self, before: u64) -> bool {
        // Relaxed: as in is_ordinary() [M5].
        before.wrapping_sub(1) < self.limit_with_packets.load(Ordering::Relaxed)
    }

    /// Whether the session has closed; if so, the phase read after this is the closed one.
    fn has_ended(&self) -> bool {
        // Acquire: pairs with Release in end() [M5].
        self.own_limit().load(Ordering::Acquire) == ENDED
    }

    /// What this writer has counted in one direction.
    #[inline]
    pub(crate) fn bytes(&self, direction: Direction) -> u64 {
        // Relaxed: the word has one writer, this thread [M5].
        self.bytes.get(direction).load(Ordering::Relaxed)
    }

    /// Replaces what this writer has counted by a plain store; only the one writer may call it.
    #[inline]
    pub(crate) fn set_bytes(&self, direction: Direction, total: u64) {
        // Relaxed: a total publishes nothing but itself [M5].
        self.bytes.get(direction).store(total, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn add_packet(&self, direction: Direction) {
        let word = self.packets.get(direction);
        // Relaxed: the word has one writer, this thread [M5].
        let before = word.load(Ordering::Relaxed);
        // Relaxed: as in set_bytes() [M5].
        word.store(before.wrapping_add(1), Ordering::Relaxed);
    }

    /// Says that no addition will follow.
    pub(crate) fn release(&self) {
        // Release: publishes the last additions. Pairs with Acquire in is_released() [M5].
        self.released.store(true, Ordering::Release);
    }

    /// Whether the writer is gone; if so, the counts read after this are its last.
    pub(crate) fn is_released(&self) -> bool {
        // Acquire: pairs with Release in release() [M5].
        self.released.load(Ordering::Acquire)
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            // Relaxed: a count that is a moment old is a count [M5].
            bytes: self.bytes.map(|word| word.load(Ordering::Relaxed)),
            // Relaxed: as above [M5].
            packets: self.packets.map(|word| word.load(Ordering::Relaxed)),
        }
    }
}

/// The cells of one session's writers, and what dropped writers left.
#[derive(Debug, Default)]
pub(crate) struct WriterCells {
    cells: Mutex<Cells>,
}

#[derive(Debug, Default)]
struct Cells {
    open: Vec<Arc<WriterCell>>,
    retired: Counts,
}

impl WriterCells {
    /// Adds a cell, if `is_open` still holds when no closer can come in between.
    pub(crate) fn admit(&self, cell: &Arc<WriterCell>, is_open: impl FnOnce() -> bool) -> bool {
        let mut cells = lock(&self.cells);
        // The closer moves the phase first, and looks for this list and takes its lock afterwards: either it finds the
        // cell here, or the phase is found closed. So `is_open` has to be ordered against the closer's exchange, also
        // where the list was made just now.
        if !is_open() {
            return false;
        }
        cells.open.push(Arc::clone(cell));
        true
    }

    /// Tells every writer that the session closed. Called by the closer, after the phase moved.
    pub(crate) fn end(&self) {
        for cell in &lock(&self.cells).open {
            cell.end();
        }
    }

    /// What all writers of the session counted.
    pub(crate) fn counts(&self) -> Counts {
        let cells = lock(&self.cells);
        cells
            .open
            .iter()
            .fold(cells.retired, |total, cell| total.plus(cell.counts()))
    }

    /// Lets the cells of dropped writers go, keeping what they counted; answers how many.
    ///
    /// Only the collection does this, so that it alone decides what is credited where.
    pub(crate) fn let_go(&self) -> u64 {
        let mut cells = lock(&self.cells);
        let Cells { open, retired } = &mut *cells;
        let mut gone = 0;
        open.retain(|cell| {
            let released = cell.is_released();
            if released {
                *retired = retired.plus(cell.counts());
                gone += 1;
            }
            !released
        });
        gone
    }

    /// Takes the cells out of a closed session, to be credited from now on by whoever has them.
    pub(crate) fn take(&self) -> TakenCells {
        let mut cells = lock(&self.cells);
        let mut taken = TakenCells {
            total: cells.retired,
            ..TakenCells::default()
        };
        for cell in cells.open.drain(..) {
            let held = HeldCell::of(cell);
            taken.total = taken.total.plus(held.credited);
            if held.is_last {
                taken.released += 1;
            } else {
                taken.held.push(held);
            }
        }
        cells.retired = taken.total;
        taken
    }
}

/// What [`WriterCells::take`] took.
#[derive(Debug, Default)]
pub(crate) struct TakenCells {
    /// What all writers of the session counted.
    pub(crate) total: Counts,
    /// The cells whose writer may still count.
    pub(crate) held: Vec<HeldCell>,
    /// How many cells were let go.
    pub(crate) released: u64,
}

/// A cell of a closed session, and how much of it was credited.
#[derive(Debug)]
pub(crate) struct HeldCell {
    cell: Arc<WriterCell>,
    credited: Counts,
    is_last: bool,
}

impl HeldCell {
    pub(crate) fn of(cell: Arc<WriterCell>) -> Self {
        let mut held = Self {
            cell,
            credited: Counts::default(),
            is_last: false,
        };
        held.gain();
        held
    }

    /// What the cell holds beyond what was credited, which it is from now on.
    pub(crate) fn gain(&mut self) -> Counts {
        // In this order: counts read after the release are the last.
        self.is_last = self.cell.is_released();
        let counts = self.cell.counts();
        let gain = counts.since(self.credited);
        self.credited = counts;
        gain
    }

    /// Whether the last [`gain`](Self::gain) was the last there is.
    pub(crate) fn is_last(&self) -> bool {
        self.is_last
    }
}

/// One thread's own counter of a session: `ingress` and `egress` are a plain load, add and store.
///
/// Made by [`SessionHandle::writer`](crate::SessionHandle::writer). It can move between threads and cannot be cloned. What
/// it counts is part of its session, in every summary and in the history; an addition that races the close is credited
/// to the session afterwards, in the next collection.
///
/// ```
/// use streamgauge::{Collector, CollectorConfig, ManualClock, Verdict};
///
/// let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
/// let session = collector.register("client", "stream", "here", "there");
/// let mut writer = session.writer();
/// assert_eq!(writer.ingress(1_500), Verdict::Counted);
/// assert_eq!(collector.refresh().live.total_rx_bytes, 1_500);
/// ```
pub struct Writer {
    cell: Arc<WriterCell>,
    /// The session's; that of a null collector has none.
    handle: SessionHandle,
}

impl Writer {
    pub(crate) fn new(handle: SessionHandle, cell: Arc<WriterCell>) -> Self {
        Self { cell, handle }
    }

    /// A writer whose calls find its cell closed.
    pub(crate) fn ended(handle: SessionHandle, refused: Option<RefuseReason>) -> Self {
        Self::new(handle, Arc::new(WriterCell::ended(refused)))
    }

    /// Counts `bytes` received.
    ///
    /// Cost: two loads and one store on the writer's own line, two loads and a store more where packets are counted; no RMW; no
    /// alloc; no lock; no clock. Bench: record/ingress.
    #[inline]
    pub fn ingress(&mut self, bytes: u64) -> Verdict {
        self.count(Direction::Ingress, bytes)
    }

    /// Counts `bytes` sent.
    ///
    /// Cost: as [`ingress`](Self::ingress). Bench: record/ingress.
    #[inline]
    pub fn egress(&mut self, bytes: u64) -> Verdict {
        self.count(Direction::Egress, bytes)
    }

    #[inline]
    fn count(&mut self, direction: Direction, bytes: u64) -> Verdict {
        let cell = &*self.cell;
        let before = cell.bytes(direction);
        if bytes > MAX_CALL_BYTES {
            return self.count_rare(direction, before, bytes);
        }
        if cell.is_ordinary(before) {
            cell.set_bytes(direction, before + bytes);
            return Verdict::Counted;
        }
        if cell.is_ordinary_with_packet(before) {
            cell.set_bytes(direction, before + bytes);
            cell.add_packet(direction);
            return Verdict::Counted;
        }
        self.count_rare(direction, before, bytes)
    }

    /// An addition that is the cell's first, or comes near its limit, or too late, or is too large.
    #[cold]
    #[inline(never)]
    fn count_rare(&self, direction: Direction, before: u64, bytes: u64) -> Verdict {
        let cell = &*self.cell;
        let Some(whole) = self.handle.whole() else {
            // Nobody reads this cell. With something in it, the next call is an ordinary one.
            cell.set_bytes(direction, 1);
            return Verdict::Counted;
        };
        if bytes > MAX_CALL_BYTES {
            return Verdict::Refused(RefuseReason::TooLarge);
        }
        if cell.has_ended() {
            return self.verdict_of_ended(whole.session);
        }
        if before >= FULL {
            return Verdict::Refused(RefuseReason::CounterFull);
        }
        cell.set_bytes(direction, before + bytes);
        if cell.counts_packets {
            cell.add_packet(direction);
        }
        if before == 0 && bytes != 0 {
            whole.session.activate_on_traffic(whole.population);
        }
        Verdict::Counted
    }

    fn verdict_of_ended(&self, session: &SessionCore) -> Verdict {
        self.cell
            .refused
            .map_or_else(|| session.verdict_of_closed(), Verdict::Refused)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.cell.release();
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("session", &self.handle.id())
            .field("counts", &self.cell.counts())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Arc, Direction, WriterCell, WriterCells};

    #[test]
    fn a_cell_that_is_released_as_a_session_closes_gives_its_place_back() {
        let cells = WriterCells::default();
        let all: Vec<_> = (0..3).map(|_| Arc::new(WriterCell::new(false))).collect();
        for (count, cell) in (1..).zip(&all) {
            cell.set_bytes(Direction::Ingress, count);
            assert!(cells.admit(cell, || true));
        }
        all[0].release();
        all[2].release();
        let taken = cells.take();
        assert_eq!(
            (taken.released, taken.held.len(), taken.total.bytes.rx),
            (2, 1, 6)
        );
        assert_eq!(cells.counts(), taken.total);
    }
}
