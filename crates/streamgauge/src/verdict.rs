//! What a counting call answers, and why a session closed or was refused.

use std::fmt;

use crate::error::SessionClosed;

/// What became of the bytes of one `ingress` or `egress` call.
///
/// A packet loop can drop its peer on anything but [`Verdict::Counted`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Verdict {
    /// The bytes are in the session's total, for good.
    Counted,
    /// The session had closed; nothing was counted. Calls by id never answer this: they answer `Unknown`.
    Closed(CloseReason),
    /// No open session has this id; nothing was counted.
    Unknown,
    /// The call, or the session, was refused; nothing was counted.
    Refused(RefuseReason),
}

impl Verdict {
    /// Whether the bytes were counted.
    #[must_use]
    pub fn is_counted(self) -> bool {
        self == Self::Counted
    }

    /// Nothing where the bytes were counted, and otherwise an error, for a connection that ends with its session.
    ///
    /// # Errors
    ///
    /// Where the answer is not [`Counted`](Self::Counted).
    #[inline]
    pub fn into_result(self) -> Result<(), SessionClosed> {
        match self {
            Self::Counted => Ok(()),
            verdict => Err(SessionClosed(verdict)),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Counted => f.write_str("counted"),
            Self::Closed(reason) => write!(f, "the session has closed: {reason}"),
            Self::Unknown => f.write_str("no open session has this id"),
            Self::Refused(reason) => write!(f, "refused: {reason}"),
        }
    }
}

/// Why a session closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum CloseReason {
    /// `unregister` closed it.
    Unregistered,
    /// It was pending and silent for too long: for the shorter of the two timeouts from its registration, or for the session
    /// timeout from its last byte.
    Inactive,
    /// It counted nothing for the session timeout.
    TimedOut,
    /// Its collector stopped or was dropped.
    Stopped,
    /// Its counter came near the limit of what a counter holds (2^61 bytes).
    CounterFull,
    /// It was open when its program ended without closing it: what was saved of it last is what it moved.
    Recovered,
}

impl CloseReason {
    const ALL: [Self; 6] = [
        Self::Unregistered,
        Self::Inactive,
        Self::TimedOut,
        Self::Stopped,
        Self::CounterFull,
        Self::Recovered,
    ];

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Unregistered => 0,
            Self::Inactive => 1,
            Self::TimedOut => 2,
            Self::Stopped => 3,
            Self::CounterFull => 4,
            Self::Recovered => 5,
        }
    }

    pub(crate) fn from_code(code: u8) -> Self {
        Self::ALL.get(usize::from(code)).copied().unwrap_or(Self::Stopped)
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unregistered => "unregistered",
            Self::Inactive => "inactive",
            Self::TimedOut => "timed out",
            Self::Stopped => "stopped",
            Self::CounterFull => "counter full",
            Self::Recovered => "recovered",
        })
    }
}

/// Why a call or a registration was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum RefuseReason {
    /// One call counts at most 2^48 bytes.
    TooLarge,
    /// The session holds 2^62 bytes and waits for the sampler to close it.
    CounterFull,
    /// An empty id registers nothing.
    EmptyId,
    /// The id is longer than `max_id_bytes`.
    IdTooLong,
    /// The collector tracks `max_tracked_sessions` already.
    TooManySessions,
    /// The collector serves `max_writers` already.
    TooManyWriters,
    /// The collector has stopped.
    Stopped,
}

impl RefuseReason {
    pub(crate) const ALL: [Self; 7] = [
        Self::TooLarge,
        Self::CounterFull,
        Self::EmptyId,
        Self::IdTooLong,
        Self::TooManySessions,
        Self::TooManyWriters,
        Self::Stopped,
    ];

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::TooLarge => 0,
            Self::CounterFull => 1,
            Self::EmptyId => 2,
            Self::IdTooLong => 3,
            Self::TooManySessions => 4,
            Self::TooManyWriters => 5,
            Self::Stopped => 6,
        }
    }

    pub(crate) fn from_code(code: u8) -> Self {
        Self::ALL.get(usize::from(code)).copied().unwrap_or(Self::Stopped)
    }
}

impl fmt::Display for RefuseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "more than 2^48 bytes in one call",
            Self::CounterFull => "the session's counter is full",
            Self::EmptyId => "the id is empty",
            Self::IdTooLong => "the id is longer than max_id_bytes",
            Self::TooManySessions => "max_tracked_sessions is reached",
            Self::TooManyWriters => "max_writers is reached",
            Self::Stopped => "the collector has stopped",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{CloseReason, RefuseReason};

    #[test]
    fn codes_name_one_reason_each() {
        for reason in CloseReason::ALL {
            assert_eq!(CloseReason::from_code(reason.code()), reason);
        }
        for reason in RefuseReason::ALL {
            assert_eq!(RefuseReason::from_code(reason.code()), reason);
        }
    }

    #[test]
    fn each_reason_is_told_in_words_of_its_own() {
        let told: HashSet<String> = RefuseReason::ALL.iter().map(RefuseReason::to_string).collect();
        assert_eq!(told.len(), RefuseReason::ALL.len());
        assert_eq!(RefuseReason::EmptyId.to_string(), "the id is empty");
        let told: HashSet<String> = CloseReason::ALL.iter().map(CloseReason::to_string).collect();
        assert_eq!(told.len(), CloseReason::ALL.len());
    }
}
