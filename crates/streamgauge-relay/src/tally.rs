//! What a listener refused and lost, counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a listener took, refused and lost since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Connections accepted, and UDP clients that were new, whatever became of them.
    pub clients: u64,
    /// Refused: the address is blocked, or not among those allowed.
    pub blocked: u64,
    /// Refused: `max_sessions` are open, or for UDP `max_clients`.
    pub over_sessions: u64,
    /// Refused: a bitrate limit has no room.
    pub over_bitrate: u64,
    /// Refused: the source is none of the proxies, and direct clients are not let in.
    pub untrusted: u64,
    /// Refused: too many connections wait for their PROXY headers.
    pub over_waiting: u64,
    /// Closed: the PROXY header was malformed, cut off or not there.
    pub malformed_headers: u64,
    /// Closed: the PROXY header did not come in time.
    pub late_headers: u64,
    /// Refused for another reason that the collector gave.
    pub refused: u64,
    /// Closed: the upstream could not be reached.
    pub unreachable: u64,
    /// Datagrams let go: a queue was full, or an end could not be reached.
    pub lost_datagrams: u64,
    /// Times that no client could be taken, for want of descriptors or memory.
    pub exhausted: u64,
}

impl Tally {
    /// The clients that were refused, or closed before anything was relayed, by cause.
    #[must_use]
    pub fn causes(&self) -> [(&'static str, u64); 9] {
        [
            ("blocked", self.blocked),
            ("sessions", self.over_sessions),
            ("bitrate", self.over_bitrate),
            ("untrusted", self.untrusted),
            ("waiting", self.over_waiting),
            ("malformed_header", self.malformed_headers),
            ("late_header", self.late_headers),
            ("other", self.refused),
            ("unreachable", self.unreachable),
        ]
    }
}

/// One of the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Client,
    Blocked,
    OverSessions,
    OverBitrate,
    Untrusted,
    OverWaiting,
    MalformedHeader,
    LateHeader,
    Refused,
    Unreachable,
    LostDatagram,
    Exhausted,
}

/// The counts that are written to.
#[derive(Debug, Default)]
pub(crate) struct Marks([AtomicU64; Mark::Exhausted as usize + 1]);

impl Marks {
    pub(crate) fn mark(&self, mark: Mark) {
        self.add(mark, 1);
    }

    pub(crate) fn add(&self, mark: Mark, count: u64) {
        // Relaxed: a count of its own, which nothing is concluded from [M6].
        self.0[mark as usize].fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn tally(&self) -> Tally {
        // Relaxed: a count of its own, which nothing is concluded from [M6].
        let count = |mark| self.0[mark as usize].load(Ordering::Relaxed);
        Tally {
            clients: count(Mark::Client),
            blocked: count(Mark::Blocked),
            over_sessions: count(Mark::OverSessions),
            over_bitrate: count(Mark::OverBitrate),
            untrusted: count(Mark::Untrusted),
            over_waiting: count(Mark::OverWaiting),
            malformed_headers: count(Mark::MalformedHeader),
            late_headers: count(Mark::LateHeader),
            refused: count(Mark::Refused),
            unreachable: count(Mark::Unreachable),
            lost_datagrams: count(Mark::LostDatagram),
            exhausted: count(Mark::Exhausted),
        }
    }
}
