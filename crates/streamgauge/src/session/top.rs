//! Top bitrates, and their sum kept exact.
//!
//! A session's top is a word of its own; the collector keeps the sum of all of them in another. Three may change a top at
//! once: a caller sets it, the tick decays or raises it, the closer takes it out. Each change is one compare-exchange on
//! the top, and exactly the difference goes to the sum: *before* the exchange where it raises (and back again if the
//! exchange fails), *after* it where it lowers. So the sum is never below the tops it stands for, whoever looks and
//! whenever: an admission that reads it errs to the safe side, for the length of one such step. When all calls have
//! returned, it is exact.
//!
//! The closer leaves a mark that no later set or decay replaces, so a closing session's top leaves the sum once.

use crate::sync::{AtomicU64, Ordering};

const TAKEN: u64 = u64::MAX;

/// Tops are kept in whole bit/s and at most this high (8.8 Tbit/s), so that a sum of two million cannot wrap.
pub(crate) const MAX_TOP: u64 = 1 << 43;

/// A bitrate in whole bit/s, held at [`MAX_TOP`]; `None` for what is no bitrate.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "negative and NaN are turned away first, and the value is held at 2^43, which f64 has exactly"
)]
pub(crate) fn whole_bitrate(bitrate: f64) -> Option<u64> {
    if bitrate.is_nan() || bitrate < 0.0 {
        return None;
    }
    // As `round` does, which is a call into the C library where the processor's own instruction may not be assumed.
    let held = bitrate.min(MAX_TOP as f64);
    let whole = held as u64;
    Some(whole + u64::from(held - whole as f64 >= 0.5))
}

/// The top bitrate of one session in one direction, in bit/s.
#[derive(Debug)]
pub(crate) struct Top(AtomicU64);

/// The sum of the tops of all sessions of a collector in one direction, in bit/s.
#[derive(Debug)]
pub(crate) struct TopSum(AtomicU64);

impl Top {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// A top that was never in the sum and never will be: that of a session no collector knows.
    pub(crate) fn taken() -> Self {
        Self(AtomicU64::new(TAKEN))
    }

    /// The top; 0 once the session closed.
    pub(crate) fn read(&self) -> u64 {
        // Relaxed: one number, no other data hangs on it [M4].
        let top = self.0.load(Ordering::Relaxed);
        if top == TAKEN { 0 } else { top }
    }

    /// Sets the top, whatever it was; `false` if the session had closed.
    pub(crate) fn set(&self, top: u64, sum: &TopSum) -> bool {
        // Relaxed: the exchange decides [M4].
        let mut seen = self.0.load(Ordering::Relaxed);
        while seen != TAKEN {
            match self.replace(seen, top.min(MAX_TOP), sum) {
                Ok(()) => return true,
                Err(found) => seen = found,
            }
        }
        false
    }

    /// Replaces the top by `next(top)`, unless somebody else changes it meanwhile: then theirs stands. Returns the top.
    pub(crate) fn decay(&self, next: impl FnOnce(u64) -> u64, sum: &TopSum) -> u64 {
        // Relaxed: the exchange decides [M4].
        let seen = self.0.load(Ordering::Relaxed);
        if seen == TAKEN {
            return 0;
        }
        let top = next(seen).min(MAX_TOP);
        if top == seen {
            return seen;
        }
        match self.replace(seen, top, sum) {
            Ok(()) => top,
            Err(TAKEN) => 0,
            Err(set) => set,
        }
    }

    /// Takes the top out of the sum for good and returns it. Called once, by the elected closer.
    pub(crate) fn take(&self, sum: &TopSum) -> u64 {
        // AcqRel: the raise that went before the exchange we read from is in the sum before our lowering. Pairs with
        // AcqRel in replace() [M4].
        let top = self.0.swap(TAKEN, Ordering::AcqRel);
        if top == TAKEN {
            return 0;
        }
        sum.lower(top);
        top
    }

    fn replace(&self, seen: u64, top: u64, sum: &TopSum) -> Result<(), u64> {
        sum.raise(top.saturating_sub(seen));
        // AcqRel: whoever replaces this value lowers the sum after we raised it. Pairs with itself and with take() [M4].
        let exchanged = self
            .0
            .compare_exchange(seen, top, Ordering::AcqRel, Ordering::Relaxed);
        match exchanged {
            Ok(_) => {
                sum.lower(seen.saturating_sub(top));
                Ok(())
            }
            Err(found) => {
                sum.lower(top.saturating_sub(seen));
                Err(found)
            }
        }
    }
}

impl TopSum {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(crate) fn read(&self) -> u64 {
        // Relaxed: one number; a set that returned to its caller is in it by coherence [M4].
        self.0.load(Ordering::Relaxed)
    }

    fn raise(&self, by: u64) {
        if by != 0 {
            // Relaxed: ordered before the lowering by the exchange of the top between them [M4].
            self.0.fetch_add(by, Ordering::Relaxed);
        }
    }

    fn lower(&self, by: u64) {
        if by != 0 {
            // Relaxed: as in raise() [M4].
            self.0.fetch_sub(by, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{MAX_TOP, Top, TopSum, whole_bitrate};

    #[test]
    fn the_sum_follows_every_change() {
        let (a, b, sum) = (Top::new(), Top::new(), TopSum::new());
        assert!(a.set(1_000, &sum));
        assert!(b.set(500, &sum));
        assert_eq!(sum.read(), 1_500);
        assert_eq!(a.decay(|top| top - 100, &sum), 900);
        assert_eq!(b.decay(|_| 2_000, &sum), 2_000);
        assert_eq!(sum.read(), 2_900);
        assert_eq!(a.take(&sum), 900);
        assert_eq!(a.take(&sum), 0);
        assert!(!a.set(7, &sum));
        assert_eq!(a.decay(|_| 7, &sum), 0);
        assert_eq!((a.read(), sum.read()), (0, 2_000));
    }

    #[test]
    fn what_is_no_bitrate_is_turned_away() {
        assert_eq!(whole_bitrate(f64::NAN), None);
        assert_eq!(whole_bitrate(-1.0), None);
        assert_eq!(whole_bitrate(1.5), Some(2));
        assert_eq!(whole_bitrate(f64::INFINITY), Some(MAX_TOP));
    }

    #[test]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "no case is negative, and all are below 2^53"
    )]
    fn halves_round_up_and_what_is_below_them_down() {
        for bitrate in [
            0.0,
            0.499_999_999_999_999_94,
            0.5,
            1.499_999_999_999_999_8,
            2.5,
            1e6 + 0.5,
            4.4e12 + 0.5_f64,
        ] {
            let rounded = Some(bitrate.round() as u64);
            assert_eq!(whole_bitrate(bitrate), rounded, "{bitrate}");
        }
    }
}
