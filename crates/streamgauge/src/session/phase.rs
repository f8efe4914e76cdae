//! Where a session is in its life: pending, active, closed; or never admitted.
//!
//! One byte. Registration starts it; the first bytes or `activate` move it from pending to active; whoever moves it to
//! closed is the *closer*, and nobody else may seal the counters. The reason for the close, and whether the session had
//! been active, are part of the same byte, so that one compare-exchange elects and tells.

use crate::sync::{AtomicU8, Ordering};
use crate::verdict::{CloseReason, RefuseReason, Verdict};

const PENDING: u8 = 0;
const ACTIVE: u8 = 1;
const CLOSED: u8 = 0x40;
const REFUSED: u8 = 0x80;
const WAS_ACTIVE: u8 = 0x20;
const REASON: u8 = 0x0f;

/// A reading of a [`Phase`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Pending,
    Active,
    Closed(CloseReason),
    Refused(RefuseReason),
}

/// The phase of a session.
#[derive(Debug)]
pub(crate) struct Phase(AtomicU8);

impl Phase {
    pub(crate) fn pending() -> Self {
        Self(AtomicU8::new(PENDING))
    }

    /// The phase of a handle that was refused: it never opens.
    pub(crate) fn refused(reason: RefuseReason) -> Self {
        Self(AtomicU8::new(REFUSED | reason.code()))
    }

    #[inline]
    pub(crate) fn stage(&self) -> Stage {
        // Relaxed: the byte is all there is to know. A caller that found a closed counter has read the flag with
        // Acquire first, and so finds the phase closed [M1].
        let phase = self.0.load(Ordering::Relaxed);
        match phase {
            PENDING => Stage::Pending,
            ACTIVE => Stage::Active,
            _ if phase & REFUSED != 0 => Stage::Refused(RefuseReason::from_code(phase & REASON)),
            _ => Stage::Closed(CloseReason::from_code(phase & REASON)),
        }
    }

    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.stage(), Stage::Pending | Stage::Active)
    }

    /// Whether the session is open, in an order that every closer agrees on: a closer whose exchange this does not find
    /// comes after it, and finds all that the caller did before.
    ///
    /// A load would not do: the caller publishes first and looks second, the closer moves the phase first and looks second,
    /// so each could miss the other.
    pub(crate) fn is_open_in_order(&self) -> bool {
        // AcqRel: a read-modify-write that changes nothing takes a place in the byte's modification order. Pairs with
        // AcqRel in close() [M3].
        let phase = self.0.fetch_or(0, Ordering::AcqRel);
        phase & (CLOSED | REFUSED) == 0
    }

    /// What a counting call answers that found its counter closed.
    #[cold]
    pub(crate) fn verdict_of_closed(&self) -> Verdict {
        match self.stage() {
            Stage::Refused(reason) => Verdict::Refused(reason),
            Stage::Closed(reason) => Verdict::Closed(reason),
            // The flag is set after the phase and read with Acquire, so this is not reached.
            Stage::Pending | Stage::Active => Verdict::Closed(CloseReason::Stopped),
        }
    }

    /// Moves from pending to active; `true` for the one call that did.
    pub(crate) fn activate(&self) -> bool {
        // AcqRel: the population counted this session before; the closer that finds ACTIVE must count it out after
        // that. Pairs with AcqRel in close() [M3].
        self.0
            .compare_exchange(PENDING, ACTIVE, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// Moves from open to closed. For the one call that did, the closer: whether the session had been active.
    pub(crate) fn close(&self, reason: CloseReason) -> Option<bool> {
        for (open, was_active) in [(PENDING, 0), (ACTIVE, WAS_ACTIVE)] {
            let closed = CLOSED | was_active | reason.code();
            // AcqRel: as in activate(); the counters' seal publishes the phase to adders [M3].
            if self
                .0
                .compare_exchange(open, closed, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
            {
                return Some(was_active != 0);
            }
        }
        None
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{CloseReason, Phase, RefuseReason, Stage};

    #[test]
    fn activation_answers_true_once() {
        let phase = Phase::pending();
        assert!(phase.activate());
        assert!(!phase.activate());
        assert_eq!(phase.stage(), Stage::Active);
    }

    #[test]
    fn whoever_closes_first_wins() {
        let phase = Phase::pending();
        assert_eq!(phase.close(CloseReason::TimedOut), Some(false));
        assert_eq!(phase.close(CloseReason::Unregistered), None);
        assert_eq!(phase.stage(), Stage::Closed(CloseReason::TimedOut));
        assert!(!phase.activate());
        let phase = Phase::pending();
        phase.activate();
        assert_eq!(phase.close(CloseReason::Unregistered), Some(true));
    }

    #[test]
    fn in_order_with_closers_an_ended_phase_is_open_to_nobody() {
        let phase = Phase::pending();
        assert!(phase.is_open_in_order());
        phase.activate();
        assert!(phase.is_open_in_order());
        phase.close(CloseReason::Stopped);
        assert!(!phase.is_open_in_order());
        assert!(!Phase::refused(RefuseReason::Stopped).is_open_in_order());
    }

    #[test]
    fn a_refused_phase_neither_opens_nor_closes() {
        let phase = Phase::refused(RefuseReason::EmptyId);
        assert!(!phase.activate());
        assert_eq!(phase.close(CloseReason::Stopped), None);
        assert_eq!(phase.stage(), Stage::Refused(RefuseReason::EmptyId));
    }
}
