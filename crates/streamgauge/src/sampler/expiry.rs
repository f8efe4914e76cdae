//! When a session has been silent for too long.

use crate::collector::config::Timeouts;
use crate::direction::PerDirection;
use crate::session::counter::NEARLY_FULL;
use crate::verdict::CloseReason;

/// Which sessions a collection closes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expiry {
    rule: Rule,
    /// A session that has not been idle for as long as this is not due.
    shortest: u64,
}

#[derive(Debug, Clone, Copy)]
enum Rule {
    /// Only those that are full.
    Full,
    /// Those that were silent.
    Silent(Timeouts),
    /// All of them.
    Stop,
}

impl Expiry {
    /// Closes what cannot count much longer.
    pub(super) fn of_the_full() -> Self {
        Self {
            rule: Rule::Full,
            shortest: u64::MAX,
        }
    }

    /// Closes what was silent for as long as `timeouts` say, and what is full.
    pub(super) fn of_the_silent(timeouts: Timeouts) -> Self {
        Self {
            rule: Rule::Silent(timeouts),
            shortest: timeouts.pending.min(timeouts.session),
        }
    }

    /// Closes everything.
    pub(super) fn of_all() -> Self {
        Self {
            rule: Rule::Stop,
            shortest: 0,
        }
    }

    /// How long a session may be silent without a look at what [`due`](Self::due) says of it.
    #[inline]
    pub(super) fn patience(&self) -> u64 {
        self.shortest
    }

    /// Why a session is to be closed now that was last noticed at `noticed`, if it is.
    #[inline]
    pub(super) fn due(
        &self,
        now: u64,
        noticed: u64,
        is_active: bool,
        bytes: PerDirection<u64>,
    ) -> Option<CloseReason> {
        let idle = now.saturating_sub(noticed);
        // Both in one, since the limit is a power of two.
        if idle < self.shortest && bytes.rx | bytes.tx < NEARLY_FULL {
            return None;
        }
        self.closes(idle, is_active, bytes)
    }

    #[cold]
    fn closes(&self, idle: u64, is_active: bool, bytes: PerDirection<u64>) -> Option<CloseReason> {
        if bytes.rx >= NEARLY_FULL || bytes.tx >= NEARLY_FULL {
            return Some(CloseReason::CounterFull);
        }
        let limit = match self.rule {
            Rule::Full => return None,
            Rule::Stop => return Some(CloseReason::Stopped),
            Rule::Silent(timeouts) if !is_active && bytes.is_zero() => timeouts.pending,
            Rule::Silent(timeouts) => timeouts.session,
        };
        let is_due = idle >= limit && limit != u64::MAX;
        is_due.then_some(if is_active {
            CloseReason::TimedOut
        } else {
            CloseReason::Inactive
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{CloseReason, Expiry, NEARLY_FULL, PerDirection, Timeouts};

    fn due(expiry: Expiry, idle: u64, is_active: bool, rx: u64) -> Option<CloseReason> {
        expiry.due(1_000 + idle, 1_000, is_active, PerDirection::new(rx, 0))
    }

    #[test]
    fn the_silent_pending_and_the_silent_active_have_their_own_limits() {
        let expiry = Expiry::of_the_silent(Timeouts {
            pending: 2,
            session: 5,
        });
        assert_eq!(due(expiry, 1, false, 0), None);
        assert_eq!(due(expiry, 2, false, 0), Some(CloseReason::Inactive));
        assert_eq!(due(expiry, 4, false, 9), None);
        assert_eq!(due(expiry, 5, false, 9), Some(CloseReason::Inactive));
        assert_eq!(due(expiry, 4, true, 0), None);
        assert_eq!(due(expiry, 5, true, 0), Some(CloseReason::TimedOut));
        let never = Expiry::of_the_silent(Timeouts {
            pending: u64::MAX,
            session: u64::MAX,
        });
        assert_eq!(never.due(u64::MAX, 0, false, PerDirection::default()), None);
    }

    #[test]
    fn the_full_are_closed_whatever_else_is() {
        let silent = Expiry::of_the_silent(Timeouts {
            pending: 2,
            session: 5,
        });
        for expiry in [Expiry::of_the_full(), silent, Expiry::of_all()] {
            assert_eq!(due(expiry, 0, true, NEARLY_FULL), Some(CloseReason::CounterFull));
        }
        assert_eq!(due(Expiry::of_the_full(), 9_999, true, NEARLY_FULL - 1), None);
        assert_eq!(due(Expiry::of_all(), 0, true, 1), Some(CloseReason::Stopped));
    }

    #[test]
    fn a_session_that_is_full_both_ways_is_closed_as_one_that_is_full_one_way() {
        let full = PerDirection::new(NEARLY_FULL, NEARLY_FULL);
        let reason = Expiry::of_the_full().due(0, 0, true, full);
        assert_eq!(reason, Some(CloseReason::CounterFull));
    }
}
