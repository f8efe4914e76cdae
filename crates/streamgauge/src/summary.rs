//! What a tick publishes and readers get.

pub(crate) mod active;
pub(crate) mod numbers;

use std::time::SystemTime;

pub use self::active::{ActiveSession, ActiveSessions};
use crate::history::History;
use crate::stats::Stats;

/// A collector at one moment: what the last tick or refresh published. Immutable.
///
/// In it, exactly, field by field of [`Stats`]: `totals == history.stats + live + pending + discarded`, and the rows of
/// `active` add up to `live`.
///
/// Bitrates are in bit/s.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Summary {
    /// Rises with every summary of a collector; 0 for one that was never published.
    pub sequence: u64,
    /// When its collection began.
    pub taken_at: SystemTime,
    /// The configured limit of sessions; 0: none.
    pub max_sessions: u64,
    /// The configured limit of the ingress bitrate; 0: none.
    pub max_rx_bitrate: f64,
    /// The configured limit of the egress bitrate; 0: none.
    pub max_tx_bitrate: f64,
    /// The active sessions.
    pub current_sessions: u64,
    /// The ingress bitrate of all sessions over the window, those that closed within it included.
    pub current_rx_bitrate: f64,
    /// The egress bitrate of all sessions over the window, those that closed within it included.
    pub current_tx_bitrate: f64,
    /// The sum of the sessions' top ingress bitrates.
    pub top_rx_bitrate: f64,
    /// The sum of the sessions' top egress bitrates.
    pub top_tx_bitrate: f64,
    /// The registered sessions that are not active.
    pub pending_sessions: u64,
    /// The active sessions, in order of registration.
    pub active: ActiveSessions,
    /// The ended sessions that had been active.
    pub history: History,
    /// Everything that was ever counted, histories of earlier runs included. Never falls.
    pub totals: Stats,
    /// What the active sessions moved so far.
    pub live: Stats,
    /// What the pending sessions moved so far.
    pub pending: Stats,
    /// What ended sessions moved that never became active.
    pub discarded: Stats,
    /// What caps refused, folded and cut.
    pub caps: CapsHit,
}

/// What a collector refused, folded and cut since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CapsHit {
    /// Registrations refused at `max_tracked_sessions`.
    pub refused_sessions: u64,
    /// Registrations refused because the id was longer than `max_id_bytes`.
    pub refused_ids: u64,
    /// Registrations refused because the id was empty.
    pub refused_empty_ids: u64,
    /// Registrations refused because the collector had stopped. The last summary does not change any more: a later
    /// refresh shows them.
    pub refused_stopped: u64,
    /// Writers refused at `max_writers`.
    pub refused_writers: u64,
    /// Sessions accounted under "(other)" because the history had `max_history_keys`: those of rows that had to leave, and
    /// those without a byte, for which none had to.
    pub folded_sessions: u64,
    /// Rows of the history that had to leave for a new key, and were folded into "(other)".
    pub evicted_keys: u64,
    /// Events that were dropped by the time of this collection, as in [`Health`](crate::Health::undelivered_events): at
    /// `max_queued_events`, or at the stop timeout.
    pub undelivered_events: u64,
    /// Labels, extras among them, cut at `max_label_bytes`.
    pub cut_labels: u64,
}

impl Default for Summary {
    /// An empty summary, as of a collector that is not there.
    fn default() -> Self {
        Self {
            sequence: 0,
            taken_at: SystemTime::UNIX_EPOCH,
            max_sessions: 0,
            max_rx_bitrate: 0.0,
            max_tx_bitrate: 0.0,
            current_sessions: 0,
            current_rx_bitrate: 0.0,
            current_tx_bitrate: 0.0,
            top_rx_bitrate: 0.0,
            top_tx_bitrate: 0.0,
            pending_sessions: 0,
            active: ActiveSessions::default(),
            history: History::default(),
            totals: Stats::default(),
            live: Stats::default(),
            pending: Stats::default(),
            discarded: Stats::default(),
            caps: CapsHit::default(),
        }
    }
}
