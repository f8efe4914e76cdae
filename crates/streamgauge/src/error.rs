//! What can go wrong when a collector or a registry is asked for something.

use std::io;

use crate::history::store::StoreError;
use crate::verdict::{RefuseReason, Verdict};

/// A collector or registry that could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system would not start a thread.
    #[error("cannot start the {thread} thread: {source}")]
    Thread {
        /// Which one.
        thread: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The configuration cannot be followed.
    #[error("{field} cannot be {value}: it must be {rule}")]
    Config {
        /// The field.
        field: &'static str,
        /// What it was.
        value: String,
        /// What it may be.
        rule: &'static str,
    },
    /// The store would not open.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A registry that could not do as asked. Each names the collector's id.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The id is empty.
    #[error("a collector's id cannot be empty: use one or more of 0-9, A-Z, a-z")]
    EmptyId,
    /// The id has other characters than 0-9, A-Z, a-z.
    #[error("{id:?} is no id for a collector: use one or more of 0-9, A-Z, a-z")]
    InvalidId {
        /// The id.
        id: String,
    },
    /// A collector with this id is registered.
    #[error("a collector {id:?} is registered already: unregister it first, or choose another id")]
    Exists {
        /// The id.
        id: String,
    },
    /// No collector with this id is registered.
    #[error("no collector {id:?} is registered")]
    NotFound {
        /// The id.
        id: String,
    },
    /// The collector could not be started, or its history not be loaded.
    #[error("collector {id:?}: {source}")]
    Start {
        /// The id.
        id: String,
        /// Why not.
        source: Error,
    },
}

/// Why `try_register` did not admit a session. Bitrates are in bit/s.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AdmissionError {
    /// As many sessions as allowed are registered.
    #[error("{open} of {max} sessions are registered")]
    Sessions {
        /// Pending and active sessions.
        open: u64,
        /// The limit.
        max: u64,
    },
    /// The ingress bitrate would reach its limit.
    #[error("top ingress of {top:.0} bit/s with headroom, and {expected} expected, reach the limit of {max}")]
    IngressBitrate {
        /// The top bitrates of the collector and its companions, times the headroom.
        top: f64,
        /// What the new session is expected to take.
        expected: u64,
        /// The limit.
        max: u64,
    },
    /// The egress bitrate would reach its limit.
    #[error("top egress of {top:.0} bit/s with headroom, and {expected} expected, reach the limit of {max}")]
    EgressBitrate {
        /// The top bitrates of the collector and its companions, times the headroom.
        top: f64,
        /// What the new session is expected to take.
        expected: u64,
        /// The limit.
        max: u64,
    },
    /// The headroom is not a number of 0 or more.
    #[error("a headroom must be a number of 0 or more")]
    Headroom,
    /// `register` would have refused it too.
    #[error("refused: {0}")]
    Refused(RefuseReason),
}

/// What a connection ends with whose session counts no more: it was kicked, timed out, or never admitted.
///
/// As an [`io::Error`] it is of the kind [`ConnectionAborted`](io::ErrorKind::ConnectionAborted), and is found again by
/// `error.get_ref()` and a downcast.
///
/// ```
/// use std::io;
/// use streamgauge::{CloseReason, SessionClosed, Verdict};
///
/// let verdict = Verdict::Closed(CloseReason::Unregistered);
/// let error = io::Error::from(verdict.into_result().unwrap_err());
/// assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
/// assert_eq!(error.to_string(), "the session has closed: unregistered");
/// let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<SessionClosed>());
/// assert_eq!(cause, Some(&SessionClosed(verdict)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SessionClosed(pub Verdict);

impl From<SessionClosed> for io::Error {
    fn from(closed: SessionClosed) -> Self {
        Self::new(io::ErrorKind::ConnectionAborted, closed)
    }
}
