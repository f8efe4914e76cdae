//! Totals: what a set of sessions moved.

use crate::session::writer::Counts;

/// What a set of sessions moved. Sums are held at `u64::MAX` where they would wrap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Stats {
    /// The sessions.
    pub total_sessions: u64,
    /// The bytes received.
    pub total_rx_bytes: u64,
    /// The bytes sent.
    pub total_tx_bytes: u64,
    /// The packets received; 0 where packets are not counted.
    pub total_rx_packets: u64,
    /// The packets sent; 0 where packets are not counted.
    pub total_tx_packets: u64,
}

impl Stats {
    /// One session that moved `counts`.
    pub(crate) fn of_session(counts: Counts) -> Self {
        Self {
            total_sessions: 1,
            ..Self::of_gain(counts)
        }
    }

    /// What sessions counted already moved beyond that.
    pub(crate) fn of_gain(counts: Counts) -> Self {
        Self {
            total_sessions: 0,
            total_rx_bytes: counts.bytes.rx,
            total_tx_bytes: counts.bytes.tx,
            total_rx_packets: counts.packets.rx,
            total_tx_packets: counts.packets.tx,
        }
    }

    /// The bytes of both directions, held at `u64::MAX`.
    pub(crate) const fn bytes(&self) -> u64 {
        self.total_rx_bytes.saturating_add(self.total_tx_bytes)
    }

    /// Whether a sum was held at `u64::MAX`, so that what was added cannot be taken out again.
    pub(crate) fn is_held(&self) -> bool {
        let Self {
            total_sessions,
            total_rx_bytes,
            total_tx_bytes,
            total_rx_packets,
            total_tx_packets,
        } = self;
        [
            total_sessions,
            total_rx_bytes,
            total_tx_bytes,
            total_rx_packets,
            total_tx_packets,
        ]
        .contains(&&u64::MAX)
    }

    /// Adds another set of sessions.
    pub fn add(&mut self, other: Self) {
        self.total_sessions = self.total_sessions.saturating_add(other.total_sessions);
        self.total_rx_bytes = self.total_rx_bytes.saturating_add(other.total_rx_bytes);
        self.total_tx_bytes = self.total_tx_bytes.saturating_add(other.total_tx_bytes);
        self.total_rx_packets = self.total_rx_packets.saturating_add(other.total_rx_packets);
        self.total_tx_packets = self.total_tx_packets.saturating_add(other.total_tx_packets);
    }

    /// Takes out a set of sessions that was added.
    pub(crate) fn remove(&mut self, other: Self) {
        self.total_sessions = self.total_sessions.saturating_sub(other.total_sessions);
        self.total_rx_bytes = self.total_rx_bytes.saturating_sub(other.total_rx_bytes);
        self.total_tx_bytes = self.total_tx_bytes.saturating_sub(other.total_tx_bytes);
        self.total_rx_packets = self.total_rx_packets.saturating_sub(other.total_rx_packets);
        self.total_tx_packets = self.total_tx_packets.saturating_sub(other.total_tx_packets);
    }

    /// The sum of several sets of sessions.
    #[must_use]
    pub fn sum(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut sum = Self::default();
        for part in parts {
            sum.add(part);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::Stats;

    #[test]
    fn sums_do_not_wrap() {
        let most = Stats {
            total_rx_bytes: u64::MAX - 1,
            total_sessions: 1,
            ..Stats::default()
        };
        let sum = Stats::sum([most, most]);
        assert_eq!((sum.total_rx_bytes, sum.total_sessions), (u64::MAX, 2));
    }
}
