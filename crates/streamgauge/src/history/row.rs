//! One row of the history.

use crate::stats::Stats;

/// What was counted under one key of the history.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HistoryRow {
    /// What its sessions moved since the key entered: exactly, and nothing else.
    pub stats: Stats,
    /// Whether sessions of this key may have been folded into "(other)" before it entered.
    pub is_partial: bool,
    /// The rank of the key whose place it took. It counts for the rank alone, and in no sum.
    pub inherited: u64,
}

impl HistoryRow {
    /// A row of a key that entered with these, where there was room.
    #[must_use]
    pub fn of(stats: Stats) -> Self {
        Self {
            stats,
            ..Self::default()
        }
    }

    /// What decides which keys stay: bytes of both directions since it entered, and what it inherited.
    #[must_use]
    pub fn rank(&self) -> u64 {
        let Stats {
            total_rx_bytes,
            total_tx_bytes,
            ..
        } = self.stats;
        total_rx_bytes
            .saturating_add(total_tx_bytes)
            .saturating_add(self.inherited)
    }
}
