//! What a replay found out, as plain rows for the reports.

use std::time::Duration;

use crate::conversation::Conversation;

/// Bytes and packets of both directions, and the sessions that carried them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// Sessions, each counted once.
    pub sessions: u64,
    /// Bytes from initiators to responders.
    pub rx_bytes: u64,
    /// Bytes from responders to initiators.
    pub tx_bytes: u64,
    /// Packets from initiators to responders.
    pub rx_packets: u64,
    /// Packets from responders to initiators.
    pub tx_packets: u64,
}

impl Tally {
    /// Bytes of both directions.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.rx_bytes + self.tx_bytes
    }

    /// Packets of both directions.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.rx_packets + self.tx_packets
    }
}

impl Measurement {
    /// What this replay counted.
    #[must_use]
    pub fn counted(&self) -> Tally {
        let Self { totals, earlier, .. } = self;
        Tally {
            sessions: totals.sessions.saturating_sub(earlier.sessions),
            rx_bytes: totals.rx_bytes.saturating_sub(earlier.rx_bytes),
            tx_bytes: totals.tx_bytes.saturating_sub(earlier.tx_bytes),
            rx_packets: totals.rx_packets.saturating_sub(earlier.rx_packets),
            tx_packets: totals.tx_packets.saturating_sub(earlier.tx_packets),
        }
    }
}

/// Bitrates of both directions, in bit/s.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Rates {
    /// From initiators to responders.
    pub rx_bitrate: f64,
    /// From responders to initiators.
    pub tx_bitrate: f64,
    /// The decaying top of the first.
    pub top_rx_bitrate: f64,
    /// The decaying top of the second.
    pub top_tx_bitrate: f64,
}

/// One conversation: the sum of the sessions that metered it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Who spoke with whom.
    pub conversation: Conversation,
    /// What its sessions counted, those included that were closed for idleness.
    pub tally: Tally,
    /// Rates when the capture ended; of a closed session nothing is current, and the top is that of its close.
    pub rates: Rates,
    /// Whether its session was still open when the capture ended.
    pub live: bool,
}

/// The meter's throughput over one tick, or over several where a long capture was thinned out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// End of the span, since the first packet.
    pub at: Duration,
    /// Length of the span.
    pub span: Duration,
    /// Bytes from initiators to responders within it.
    pub rx_bytes: u64,
    /// Bytes from responders to initiators within it.
    pub tx_bytes: u64,
}

/// Everything that reports are made of.
#[derive(Clone, Debug, Default)]
pub struct Measurement {
    /// One row for each conversation, in no order.
    pub rows: Vec<Row>,
    /// All that was counted: the sum of the four below.
    pub totals: Tally,
    /// Sessions that are open and active.
    pub live: Tally,
    /// Sessions that ended, earlier replays into the same directory included.
    pub history: Tally,
    /// Sessions that are open and have not become active.
    pub pending: Tally,
    /// Sessions that ended without having become active.
    pub discarded: Tally,
    /// What the history held before this replay, a part of `totals` and of `history`.
    pub earlier: Tally,
    /// Rates of all sessions together when the capture ended.
    pub rates: Rates,
    /// Throughput over captured time.
    pub samples: Vec<Sample>,
    /// When the first packet was captured, since 1970.
    pub started_at: Option<Duration>,
    /// Captured time from the first packet to the last.
    pub captured: Duration,
}
