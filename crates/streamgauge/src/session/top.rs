//! Top bitrates, and their sum kept exact.
//!
//! A session's top is a word of its own; the collector keeps the sum of all of them in another. Three may change a top: a
//! caller sets it, the tick decays or raises it, the closer takes it out. They take turns under one short mutex, which
//! none of them holds for longer than a stretch of rows; whoever only asks reads a word and waits for nobody.
//!
//! A set is in the sum when it returns. A turn of the tick adds up what its rows changed and gives it to the sum at the
//! turn's end, so for the length of a turn the sum can be that of before. The closer leaves a mark that no later set or
//! turn replaces, so a closing session's top leaves the sum once.

use crate::direction::{Direction, PerDirection};
use crate::sync::{AtomicU64, Mutex, MutexGuard, Ordering, lock};

const TAKEN: u64 = u64::MAX;

/// Tops are kept in whole bit/s and at most this high (8.8 Tbit/s), so that a sum of two million cannot wrap.
pub(crate) const MAX_TOP: u64 = 1 << 43;

/// A bitrate in whole bit/s, held at [`MAX_TOP`]; `None` for what is no bitrate.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "negative and NaN are turned away first, and the value is held at 2^43, where f64 has halves to spare"
)]
pub(crate) fn whole_bitrate(bitrate: f64) -> Option<u64> {
    if bitrate.is_nan() || bitrate < 0.0 {
        return None;
    }
    // Half up, by cutting: `f64::round` is a call where the target has no instruction for it.
    Some((bitrate.min(MAX_TOP as f64) + 0.5) as u64)
}

/// The top bitrate of one session in one direction, in bit/s.
#[derive(Debug)]
pub(crate) struct Top(AtomicU64);

impl Top {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// A top that was never in the sum and never will be: that of a session no collector knows.
    pub(crate) fn taken() -> Self {
        Self(AtomicU64::new(TAKEN))
    }

    /// The top; 0 once the session closed.
    #[inline]
    pub(crate) fn read(&self) -> u64 {
        let top = self.load();
        if top == TAKEN { 0 } else { top }
    }

    #[inline]
    fn load(&self) -> u64 {
        // Relaxed: one number, no other data hangs on it; whoever changes it holds the mutex [M4].
        self.0.load(Ordering::Relaxed)
    }

    #[inline]
    fn store(&self, top: u64) {
        // Relaxed: as in load() [M4].
        self.0.store(top, Ordering::Relaxed);
    }
}

/// The sums of the tops of all sessions of a collector, in bit/s, and the right to change tops.
#[derive(Debug)]
pub(crate) struct TopSums {
    sums: PerDirection<AtomicU64>,
    turn: Mutex<()>,
}

impl TopSums {
    pub(crate) fn new() -> Self {
        Self {
            sums: PerDirection::new(AtomicU64::new(0), AtomicU64::new(0)),
            turn: Mutex::new(()),
        }
    }

    #[inline]
    pub(crate) fn read(&self, direction: Direction) -> u64 {
        // Relaxed: one number; a set that returned to its caller is in it by coherence [M4].
        self.sums.get(direction).load(Ordering::Relaxed)
    }

    /// Takes a turn at changing tops. Nothing that waits belongs into it.
    pub(crate) fn turn(&self) -> Turn<'_> {
        Turn {
            sums: &self.sums,
            raised: PerDirection::default(),
            _turn: lock(&self.turn),
        }
    }
}

/// The right to change tops, and what they changed by. The sums follow when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    sums: &'a PerDirection<AtomicU64>,
    /// By how much the tops rose, wrapping where they fell.
    raised: PerDirection<u64>,
    _turn: MutexGuard<'a, ()>,
}

impl Turn<'_> {
    /// Sets a top, whatever it was; `false` if its session had closed.
    pub(crate) fn set(&mut self, top: &Top, direction: Direction, to: u64) -> bool {
        let before = top.load();
        if before != TAKEN {
            self.replace(top, direction, before, to.min(MAX_TOP));
        }
        before != TAKEN
    }

    /// Moves a top on to `next(top)`, and returns it; 0 if its session had closed.
    #[inline]
    pub(crate) fn advance(&mut self, top: &Top, direction: Direction, next: impl FnOnce(u64) -> u64) -> u64 {
        let before = top.load();
        if before == TAKEN {
            return 0;
        }
        let to = next(before).min(MAX_TOP);
        if to != before {
            self.replace(top, direction, before, to);
        }
        to
    }

    /// Takes a top out of the sum for good and returns it; 0 if that was done before.
    pub(crate) fn take(&mut self, top: &Top, direction: Direction) -> u64 {
        let before = top.load();
        if before == TAKEN {
            return 0;
        }
        self.replace(top, direction, before, 0);
        top.store(TAKEN);
        before
    }

    #[inline]
    fn replace(&mut self, top: &Top, direction: Direction, before: u64, to: u64) {
        let raised = self.raised.get_mut(direction);
        *raised = raised.wrapping_add(to).wrapping_sub(before);
        top.store(to);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        for direction in Direction::BOTH {
            let raised = *self.raised.get(direction);
            if raised != 0 {
                let sum = self.sums.get(direction);
                // Relaxed: one number, changed under the mutex alone, which is let go after this [M4].
                let before = sum.load(Ordering::Relaxed);
                // Relaxed: as above [M4].
                sum.store(before.wrapping_add(raised), Ordering::Relaxed);
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{MAX_TOP, Top, TopSums, whole_bitrate};
    use crate::direction::Direction::{Egress, Ingress};

    #[test]
    fn the_sum_follows_every_change() {
        let (a, b, sums) = (Top::new(), Top::new(), TopSums::new());
        assert!(sums.turn().set(&a, Ingress, 1_000));
        assert!(sums.turn().set(&b, Ingress, 500));
        assert_eq!((sums.read(Ingress), sums.read(Egress)), (1_500, 0));
        let mut turn = sums.turn();
        assert_eq!(turn.advance(&a, Ingress, |top| top - 100), 900);
        assert_eq!(turn.advance(&b, Ingress, |_| 2_000), 2_000);
        drop(turn);
        assert_eq!(sums.read(Ingress), 2_900);
        assert_eq!(sums.turn().take(&a, Ingress), 900);
        assert_eq!(sums.turn().take(&a, Ingress), 0);
        assert!(!sums.turn().set(&a, Ingress, 7));
        assert_eq!(sums.turn().advance(&a, Ingress, |_| 7), 0);
        assert_eq!((a.read(), sums.read(Ingress)), (0, 2_000));
    }

    #[test]
    fn a_top_of_no_collector_is_in_no_sum() {
        let (top, sums) = (Top::taken(), TopSums::new());
        assert!(!sums.turn().set(&top, Egress, 7));
        assert_eq!(sums.turn().take(&top, Egress), 0);
        assert_eq!((top.read(), sums.read(Egress)), (0, 0));
    }

    #[test]
    fn a_top_is_held_at_its_cap() {
        let (top, sums) = (Top::new(), TopSums::new());
        assert!(sums.turn().set(&top, Egress, u64::MAX));
        assert_eq!((top.read(), sums.read(Egress)), (MAX_TOP, MAX_TOP));
    }

    #[test]
    fn what_is_no_bitrate_is_turned_away() {
        assert_eq!(whole_bitrate(f64::NAN), None);
        assert_eq!(whole_bitrate(-1.0), None);
        assert_eq!(whole_bitrate(1.5), Some(2));
        assert_eq!(whole_bitrate(f64::INFINITY), Some(MAX_TOP));
    }
}
