//! One row of the history.

use crate::stats::Stats;

/// One row of the history: what was counted under a key since it entered, and what is known of before.
///
/// ```
/// use streamgauge::{HistoryRow, Stats};
///
/// let stats = Stats { total_rx_bytes: 10, total_tx_bytes: 5, ..Stats::default() };
/// let row = HistoryRow { inherited: 100, is_partial: true, ..HistoryRow::of(stats) };
/// assert_eq!(row.rank(), 115);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HistoryRow {
    /// What was counted under the key since it entered: exact.
    pub stats: Stats,
    /// Whether sessions of the key may have been folded before it entered. Of the row "(other)": whether any were folded.
    pub is_partial: bool,
    /// The most bytes, of both directions, that can have been folded under this key before it entered: what the last row
    /// weighed that had left by then. Of the row "(other)": what the heaviest weighed that was folded.
    pub inherited: u64,
}

impl HistoryRow {
    /// A row of a key that was here from its first session on.
    #[must_use]
    pub const fn of(stats: Stats) -> Self {
        Self {
            stats,
            is_partial: false,
            inherited: 0,
        }
    }

    /// What rows are ranked by, and the most bytes that can ever have been counted under the key: those of `stats`, and what
    /// is inherited. Held at `u64::MAX`.
    #[must_use]
    pub const fn rank(&self) -> u64 {
        self.stats.bytes().saturating_add(self.inherited)
    }
}
