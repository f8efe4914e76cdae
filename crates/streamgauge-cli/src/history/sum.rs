//! Sums that say where they would not fit, rather than stop at the most a number holds.

use super::archive::Stats;

/// The sum, or `None` where a number of it would exceed `u64::MAX`.
pub(super) fn checked(a: Stats, b: Stats) -> Option<Stats> {
    Some(Stats {
        total_sessions: a.total_sessions.checked_add(b.total_sessions)?,
        total_rx_bytes: a.total_rx_bytes.checked_add(b.total_rx_bytes)?,
        total_tx_bytes: a.total_tx_bytes.checked_add(b.total_tx_bytes)?,
        total_rx_packets: a.total_rx_packets.checked_add(b.total_rx_packets)?,
        total_tx_packets: a.total_tx_packets.checked_add(b.total_tx_packets)?,
    })
}
