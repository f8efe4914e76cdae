//! What some sessions moved: the model's own sums.

use streamgauge::Stats;

use crate::way::Pair;

/// Sessions, bytes and packets. Sums stop at 2^64 - 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) sessions: u64,
    pub(crate) bytes: Pair<u64>,
    pub(crate) packets: Pair<u64>,
}

impl Tally {
    pub(super) fn of_session(bytes: Pair<u64>, packets: Pair<u64>) -> Self {
        Self {
            sessions: 1,
            bytes,
            packets,
        }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            sessions: self.sessions.saturating_add(other.sessions),
            bytes: Pair::each(|way| self.bytes.of(way).saturating_add(*other.bytes.of(way))),
            packets: Pair::each(|way| self.packets.of(way).saturating_add(*other.packets.of(way))),
        }
    }

    pub(crate) fn sum(parts: impl IntoIterator<Item = Self>) -> Self {
        parts.into_iter().fold(Self::default(), Self::plus)
    }
}

impl From<Stats> for Tally {
    fn from(stats: Stats) -> Self {
        Self {
            sessions: stats.total_sessions,
            bytes: Pair {
                rx: stats.total_rx_bytes,
                tx: stats.total_tx_bytes,
            },
            packets: Pair {
                rx: stats.total_rx_packets,
                tx: stats.total_tx_packets,
            },
        }
    }
}
