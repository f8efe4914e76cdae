//! When a session has been silent for too long.

use crate::collector::config::Timeouts;
use crate::direction::PerDirection;
use crate::session::counter::NEARLY_FULL;
use crate::verdict::CloseReason;

/// The rules by which a tick closes sessions.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expiry {
    /// Those that were silent.
    Silent(Timeouts),
    /// All of them.
    Stop,
}

impl Expiry {
    /// Whether a session is to be closed that has been idle for so many nanoseconds, and moved no byte at all if
    /// `is_untouched`.
    #[inline]
    pub(super) fn is_due(&self, idle: u64, is_active: bool, is_untouched: bool) -> Option<CloseReason> {
        let timeouts = match self {
            Self::Silent(timeouts) => timeouts,
            Self::Stop => return Some(CloseReason::Stopped),
        };
        let limit = if !is_active && is_untouched {
            timeouts.pending
        } else {
            timeouts.session
        };
        let is_due = idle >= limit && limit != u64::MAX;
        is_due.then_some(if is_active {
            CloseReason::TimedOut
        } else {
            CloseReason::Inactive
        })
    }

    /// Whether a session's counters are near what they hold.
    pub(super) fn is_full(bytes: PerDirection<u64>) -> Option<CloseReason> {
        (bytes.rx >= NEARLY_FULL || bytes.tx >= NEARLY_FULL).then_some(CloseReason::CounterFull)
    }
}

#[cfg(test)]
mod tests {
    use super::{CloseReason, Expiry, Timeouts};

    #[test]
    fn the_silent_pending_and_the_silent_active_have_their_own_limits() {
        let expiry = Expiry::Silent(Timeouts {
            pending: 2,
            session: 5,
        });
        assert_eq!(expiry.is_due(1, false, true), None);
        assert_eq!(expiry.is_due(2, false, true), Some(CloseReason::Inactive));
        assert_eq!(expiry.is_due(4, false, false), None);
        assert_eq!(expiry.is_due(5, false, false), Some(CloseReason::Inactive));
        assert_eq!(expiry.is_due(4, true, true), None);
        assert_eq!(expiry.is_due(5, true, true), Some(CloseReason::TimedOut));
        let never = Expiry::Silent(Timeouts {
            pending: u64::MAX,
            session: u64::MAX,
        });
        assert_eq!(never.is_due(u64::MAX, false, true), None);
    }
}
