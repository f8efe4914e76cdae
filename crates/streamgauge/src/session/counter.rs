//! The words that packets are counted in, and how they close exactly (P2).
//!
//! A [`ByteCounter`] is one `u64`: the bytes below, the closed flag in the top bit. Adders are any number of threads;
//! the closer is one thread, elected by [`Phase::close`](super::phase::Phase::close); the sampler reads.
//!
//! * An adder adds first and looks afterwards, at the value its own `fetch_add` returned. An *ordinary* one (bytes
//!   before, far from full, not closed) is done: one locked add and one compare.
//! * The closer sets the flag with `fetch_or` and takes the value that returned: the adds before it in the word's
//!   modification order are in the total, and their callers saw no flag; the adds after it saw the flag, subtract their
//!   bytes again and say so. There is no third kind.
//! * A flagged word is never read for its bytes: additions that come too late may stand in it for a moment.
//! * Near the top of the range an adder refuses (subtracts again). If the flag arrived between its two steps, the total
//!   that the closer took holds its bytes, so it answers that they were counted.
//!
//! The adds of at most 16,383 threads at once, each of at most 2^48 bytes, cannot carry into the flag: an open word stays
//! below 2^62 + 16,383 x 2^48 < 2^63.

use crate::direction::PerDirection;
use crate::sync::{AtomicU64, Ordering};

const CLOSED: u64 = 1 << 63;

/// The most that one call may add.
pub(crate) const MAX_CALL_BYTES: u64 = 1 << 48;

/// From here on the sampler closes the session.
pub(crate) const NEARLY_FULL: u64 = 1 << 61;

/// From here on adders refuse.
pub(crate) const FULL: u64 = 1 << 62;

/// What an addition that was not ordinary turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// Counted, and nothing had been counted in this word before.
    First,
    /// Counted.
    Counted,
    /// Too late: the word had closed. The bytes were taken out again.
    Late,
    /// Refused: the word holds 2^62 bytes. The bytes were taken out again.
    Full,
}

/// The bytes of one session in one direction.
#[derive(Debug)]
pub(crate) struct ByteCounter(AtomicU64);

impl ByteCounter {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// A word that was never open: every addition to it is late.
    pub(crate) fn closed() -> Self {
        Self(AtomicU64::new(CLOSED))
    }

    /// Adds, and returns what was there before; whether that was [ordinary](Self::is_ordinary) is the caller's to ask,
    /// and if not, [`settle`](Self::settle) must follow.
    #[inline]
    pub(crate) fn add(&self, bytes: u64) -> u64 {
        // Relaxed: a total publishes nothing but itself; the word's modification order alone decides before or after
        // the flag [M1].
        self.0.fetch_add(bytes, Ordering::Relaxed)
    }

    /// Whether an addition onto `before` needs nothing more: neither the first, nor late, nor near the limit.
    #[inline]
    pub(crate) fn is_ordinary(before: u64) -> bool {
        before.wrapping_sub(1) < NEARLY_FULL
    }

    /// Completes an addition of `bytes` onto `before` that was not ordinary.
    #[cold]
    pub(crate) fn settle(&self, before: u64, bytes: u64) -> Settled {
        if before == 0 {
            return Settled::First;
        }
        if before & CLOSED == 0 && before < FULL {
            return Settled::Counted;
        }
        // Acquire: pairs with the Release in seal(), so that a late caller then reads the reason for the close in the
        // phase. The flag seen by fetch_add is in the same release sequence [M1].
        let now = self.0.fetch_sub(bytes, Ordering::Acquire);
        match (before & CLOSED != 0, now & CLOSED != 0) {
            (true, _) => Settled::Late,
            (false, true) => Settled::Counted,
            (false, false) => Settled::Full,
        }
    }

    /// Sets the flag and returns the final total. Called once, by the elected closer.
    pub(crate) fn seal(&self) -> u64 {
        // Release: publishes the closed phase to adders that find the flag. Pairs with Acquire in settle() [M1].
        self.0.fetch_or(CLOSED, Ordering::Release) & !CLOSED
    }

    /// The bytes so far, or `None` once the flag is set.
    #[inline]
    pub(crate) fn read(&self) -> Option<u64> {
        let word = self.read_any();
        (word & CLOSED == 0).then_some(word)
    }

    /// The word as it is: the bytes so far, if it is below [`NEARLY_FULL`].
    #[inline]
    pub(crate) fn read_any(&self) -> u64 {
        // Relaxed: a count that is a moment old is a count; (b) of P1 needs no more than coherence [M1].
        self.0.load(Ordering::Relaxed)
    }
}

/// The packets of one session in one direction: the same word, without the range check.
#[derive(Debug)]
pub(crate) struct PacketCounter(AtomicU64);

impl PacketCounter {
    /// One for each direction.
    pub(crate) fn pair() -> PerDirection<Self> {
        PerDirection::new(Self::new(), Self::new())
    }

    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds one packet; `false` if the word had closed, in which case it was taken out again.
    #[inline]
    pub(crate) fn add(&self) -> bool {
        // Relaxed: as in ByteCounter::add() [M2].
        if self.0.fetch_add(1, Ordering::Relaxed) & CLOSED == 0 {
            return true;
        }
        // Acquire: pairs with the Release in seal(): a call of no bytes then reads the reason for the close in the phase
        // [M2].
        self.0.fetch_sub(1, Ordering::Acquire);
        false
    }

    /// Sets the flag and returns the final total. Called once, by the elected closer, after the bytes' seal.
    pub(crate) fn seal(&self) -> u64 {
        // Release: publishes the closed phase to adders that find the flag. Pairs with Acquire in add() [M2].
        self.0.fetch_or(CLOSED, Ordering::Release) & !CLOSED
    }

    /// The packets so far, or `None` once the flag is set.
    #[inline]
    pub(crate) fn read(&self) -> Option<u64> {
        // Relaxed: as in ByteCounter::read() [M2].
        let word = self.0.load(Ordering::Relaxed);
        (word & CLOSED == 0).then_some(word)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{ByteCounter, FULL, NEARLY_FULL, PacketCounter, Settled};

    fn counter_at(bytes: u64) -> ByteCounter {
        let counter = ByteCounter::new();
        counter.add(bytes);
        counter
    }

    #[test]
    fn first_bytes_are_told_apart() {
        let counter = ByteCounter::new();
        let before = counter.add(5);
        assert!(!ByteCounter::is_ordinary(before));
        assert_eq!(counter.settle(before, 5), Settled::First);
        assert!(ByteCounter::is_ordinary(counter.add(1)));
        assert_eq!(counter.read(), Some(6));
    }

    #[test]
    fn p2_late_bytes_are_taken_out_again() {
        let counter = counter_at(7);
        assert_eq!(counter.seal(), 7);
        let before = counter.add(100);
        assert!(!ByteCounter::is_ordinary(before));
        assert_eq!(counter.settle(before, 100), Settled::Late);
        assert_eq!(counter.read(), None);
        assert_eq!(counter.seal(), 7);
    }

    #[test]
    fn a_full_counter_counts_to_its_limit_and_then_refuses() {
        let counter = counter_at(NEARLY_FULL + 1);
        let before = counter.add(1);
        assert!(!ByteCounter::is_ordinary(before));
        assert_eq!(counter.settle(before, 1), Settled::Counted);
        let counter = counter_at(FULL);
        let before = counter.add(9);
        assert_eq!(counter.settle(before, 9), Settled::Full);
        assert_eq!(counter.read(), Some(FULL));
    }

    #[test]
    fn p2_bytes_refused_while_the_closer_took_them_are_counted() {
        let counter = counter_at(FULL);
        let before = counter.add(9);
        assert_eq!(counter.seal(), FULL + 9);
        assert_eq!(counter.settle(before, 9), Settled::Counted);
    }

    #[test]
    fn late_packets_are_told_apart() {
        let packets = PacketCounter::new();
        assert!(packets.add());
        assert_eq!(packets.seal(), 1);
        assert!(!packets.add());
        assert_eq!(packets.seal(), 1);
    }
}
