//! What the answers are made of, under the names of the re-created system.

use std::time::SystemTime;

use serde::Serialize;
use streamgauge::{ActiveSession, SessionIdRef, Stats, Summary};

const KBIT: f64 = 1_024.0;
const MBIT: f64 = 1_024.0 * 1_024.0;

/// 2 to the power of this is a megabyte.
const MB_BITS: u32 = 20;

/// A session.
#[derive(Debug, Serialize)]
pub(super) struct SessionRow<'a> {
    id: SessionIdRef<'a>,
    reference: &'a str,
    /// In seconds since 1970.
    created_at: u64,
    local: &'a str,
    remote: &'a str,
    extra: &'a str,
    bytes_rx: u64,
    bytes_tx: u64,
    bandwidth_rx_kbit: f64,
    bandwidth_tx_kbit: f64,
}

impl<'a> From<ActiveSession<'a>> for SessionRow<'a> {
    fn from(session: ActiveSession<'a>) -> Self {
        let since_1970 = session.created_at.duration_since(SystemTime::UNIX_EPOCH);
        Self {
            id: session.id,
            reference: session.reference,
            created_at: since_1970.map_or(0, |since| since.as_secs()),
            local: session.location,
            remote: session.peer,
            extra: session.extra,
            bytes_rx: session.rx_bytes,
            bytes_tx: session.tx_bytes,
            bandwidth_rx_kbit: session.rx_bitrate / KBIT,
            bandwidth_tx_kbit: session.tx_bitrate / KBIT,
        }
    }
}

/// What stands behind the list of sessions.
#[derive(Debug, Serialize)]
pub(super) struct ActiveRow {
    sessions: u64,
    bandwidth_rx_mbit: f64,
    bandwidth_tx_mbit: f64,
    max_sessions: u64,
    max_bandwidth_rx_mbit: f64,
    max_bandwidth_tx_mbit: f64,
}

impl From<&Summary> for ActiveRow {
    fn from(summary: &Summary) -> Self {
        Self {
            sessions: summary.current_sessions,
            bandwidth_rx_mbit: summary.current_rx_bitrate / MBIT,
            bandwidth_tx_mbit: summary.current_tx_bitrate / MBIT,
            max_sessions: summary.max_sessions,
            max_bandwidth_rx_mbit: summary.max_rx_bitrate / MBIT,
            max_bandwidth_tx_mbit: summary.max_tx_bitrate / MBIT,
        }
    }
}

/// Sums, in whole megabytes: each is a sum of bytes, divided here and nowhere before.
#[derive(Debug, Serialize)]
pub(super) struct StatsRow {
    sessions: u64,
    traffic_rx_mb: u64,
    traffic_tx_mb: u64,
}

impl From<Stats> for StatsRow {
    fn from(stats: Stats) -> Self {
        Self {
            sessions: stats.total_sessions,
            traffic_rx_mb: stats.total_rx_bytes >> MB_BITS,
            traffic_tx_mb: stats.total_tx_bytes >> MB_BITS,
        }
    }
}
