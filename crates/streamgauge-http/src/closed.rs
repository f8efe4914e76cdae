//! What a transfer fails with whose session closed.

use std::io;

use streamgauge::{CloseReason, Verdict};

/// The session that a transfer is metered under has closed, and the transfer ends with it.
///
/// It is the error of a body, boxed, and the inner error of an [`io::Error`] of the kind `ConnectionAborted` where
/// bytes of an upgraded connection are read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session that meters this transfer has ended: {}", describe(.verdict))]
#[non_exhaustive]
pub struct SessionClosed {
    /// What the session answered.
    pub verdict: Verdict,
}

impl SessionClosed {
    /// Why the session closed, if it was open before.
    #[must_use]
    pub fn reason(&self) -> Option<CloseReason> {
        match self.verdict {
            Verdict::Closed(reason) => Some(reason),
            _ => None,
        }
    }
}

impl From<SessionClosed> for io::Error {
    fn from(closed: SessionClosed) -> Self {
        Self::new(io::ErrorKind::ConnectionAborted, closed)
    }
}

fn describe(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Closed(reason) => reason.to_string(),
        Verdict::Refused(reason) => reason.to_string(),
        other => format!("{other:?}"),
    }
}
