//! Sums, without the "total" that each of their fields begins with in the core.

use serde::Serialize;
use streamgauge::Stats;

/// What a set of sessions moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StatsBody {
    sessions: u64,
    rx_bytes: u64,
    tx_bytes: u64,
    rx_packets: u64,
    tx_packets: u64,
}

impl From<Stats> for StatsBody {
    fn from(stats: Stats) -> Self {
        Self {
            sessions: stats.total_sessions,
            rx_bytes: stats.total_rx_bytes,
            tx_bytes: stats.total_tx_bytes,
            rx_packets: stats.total_rx_packets,
            tx_packets: stats.total_tx_packets,
        }
    }
}
