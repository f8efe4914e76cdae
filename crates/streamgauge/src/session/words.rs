//! The words that packet threads count in: bytes of both directions, and packets, which stand where their owner has room.
//!
//! A session has one such group, each stripe of a shared one another. They close by the protocols of
//! [`counter`](super::counter), each word for itself. The bytes stand last: behind a session's words stands its id, so a
//! lookup that compared the id has the line that it counts in. Packets are on another line: few collectors count them, and
//! the lines of those that do not are half as many.

use super::core::SessionCore;
use super::counter::{ByteCounter, MAX_CALL_BYTES, NEARLY_FULL, PacketCounter};
use super::writer::Counts;
use crate::collector::population::Population;
use crate::direction::{Direction, PerDirection};
use crate::verdict::{RefuseReason, Verdict};

/// The counters of one session, or of one of its stripes, and a word beside the bytes: what a count has to know.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Words<B> {
    pub(super) beside: B,
    pub(super) bytes: PerDirection<ByteCounter>,
}

/// What only an extraordinary count needs: the session that the words are of, and the collector's population.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whole<'a> {
    pub(crate) session: &'a SessionCore,
    pub(crate) population: &'a Population,
}

impl<B> Words<B> {
    pub(super) fn new(beside: B) -> Self {
        Self {
            beside,
            bytes: PerDirection::new(ByteCounter::new(), ByteCounter::new()),
        }
    }

    /// Words that were never open: every addition of bytes to them is late.
    pub(super) fn closed(beside: B) -> Self {
        Self {
            bytes: PerDirection::new(ByteCounter::closed(), ByteCounter::closed()),
            ..Self::new(beside)
        }
    }

    /// Counts bytes, and a packet where packets are counted. `whole` is asked where more is to be done than to add; where it
    /// has nothing, nobody reads these words.
    #[inline]
    pub(super) fn count<'a>(
        &self,
        direction: Direction,
        bytes: u64,
        packets: Option<&PerDirection<PacketCounter>>,
        whole: impl FnOnce() -> Option<Whole<'a>>,
    ) -> Verdict {
        if bytes > MAX_CALL_BYTES {
            return Verdict::Refused(RefuseReason::TooLarge);
        }
        let counter = self.bytes.get(direction);
        let before = counter.add(bytes);
        if ByteCounter::is_ordinary(before) && packets.is_none_or(|packets| packets.get(direction).add()) {
            return Verdict::Counted;
        }
        let packet = packets.map(|packets| packets.get(direction));
        whole().map_or(Verdict::Counted, |whole| {
            whole.count_rare(counter, packet, direction, before, bytes)
        })
    }

    /// Sets the flags and returns the final counts. Called once, by the elected closer.
    pub(super) fn seal(&self, packets: &PerDirection<PacketCounter>) -> Counts {
        // In this order: a packet follows its bytes.
        Counts {
            bytes: self.bytes.map(ByteCounter::seal),
            packets: packets.map(PacketCounter::seal),
        }
    }

    /// The counts so far, if no word that is looked at is closed, and none of bytes near its limit.
    #[inline]
    pub(super) fn ordinary_counts(&self, packets: Option<&PerDirection<PacketCounter>>) -> Option<Counts> {
        let bytes = self.bytes.map(ByteCounter::read_any);
        // Both in one, since the limit is a power of two, and the flag above it.
        if bytes.rx | bytes.tx >= NEARLY_FULL {
            return None;
        }
        let packets = read_packets(packets)?;
        Some(Counts { bytes, packets })
    }

    /// The counts so far, or `None` once any flag is set that is looked at: those of the packets only where they are
    /// counted.
    #[inline]
    pub(super) fn read(&self, packets: Option<&PerDirection<PacketCounter>>) -> Option<Counts> {
        let bytes = PerDirection::new(self.bytes.rx.read()?, self.bytes.tx.read()?);
        let packets = read_packets(packets)?;
        Some(Counts { bytes, packets })
    }
}

/// The packets so far, 0 where they are not counted; `None` once a flag is set.
#[inline]
fn read_packets(packets: Option<&PerDirection<PacketCounter>>) -> Option<PerDirection<u64>> {
    match packets {
        Some(packets) => Some(PerDirection::new(packets.rx.read()?, packets.tx.read()?)),
        None => Some(PerDirection::new(0, 0)),
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Counts, Direction, NEARLY_FULL, PacketCounter, PerDirection, Words};

    #[test]
    fn what_closed_or_is_nearly_full_in_both_directions_is_nothing_ordinary() {
        let packets = PacketCounter::pair();
        let words = Words::new(());
        let ordinary = || words.ordinary_counts(None).map(|counts: Counts| counts.bytes);
        words.bytes.rx.add(5);
        assert_eq!(ordinary(), Some(PerDirection::new(5, 0)));
        for direction in Direction::BOTH {
            words.bytes.get(direction).add(NEARLY_FULL);
            assert_eq!(ordinary(), None);
        }
        let words = Words::new(());
        words.seal(&packets);
        assert_eq!(words.ordinary_counts(None), None);
    }
}
