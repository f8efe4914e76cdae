//! What the open sessions of some rows moved, added up.

use crate::direction::PerDirection;
use crate::session::writer::Counts;
use crate::stats::Stats;
use crate::summary::numbers::Standing;

/// What the open sessions of some rows moved.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) live: Stats,
    pub(super) pending: Stats,
}

impl Tally {
    /// Of rows that were read, and where their sessions stand.
    pub(super) fn of<'a>(
        rows: impl Iterator<Item = (&'a Counts, &'a Standing)>,
        counts_packets: bool,
    ) -> Self {
        let (mut live, mut pending) = (Sum::default(), Sum::default());
        for (counts, standing) in rows {
            let sum = match standing {
                Standing::Vacant => continue,
                Standing::Pending => &mut pending,
                Standing::Active => &mut live,
            };
            sum.add(counts, counts_packets);
        }
        Self {
            live: live.stats(),
            pending: pending.stats(),
        }
    }
}

/// The sum of some rows, wide enough for any number of them.
#[derive(Debug, Default)]
struct Sum {
    sessions: u64,
    bytes: PerDirection<u128>,
    packets: PerDirection<u128>,
}

impl Sum {
    #[inline]
    fn add(&mut self, counts: &Counts, counts_packets: bool) {
        self.sessions += 1;
        self.bytes.rx += u128::from(counts.bytes.rx);
        self.bytes.tx += u128::from(counts.bytes.tx);
        if counts_packets {
            self.packets.rx += u128::from(counts.packets.rx);
            self.packets.tx += u128::from(counts.packets.tx);
        }
    }

    /// Each held at `u64::MAX` where it is more.
    fn stats(&self) -> Stats {
        let held = |sum: u128| u64::try_from(sum).unwrap_or(u64::MAX);
        Stats {
            total_sessions: self.sessions,
            total_rx_bytes: held(self.bytes.rx),
            total_tx_bytes: held(self.bytes.tx),
            total_rx_packets: held(self.packets.rx),
            total_tx_packets: held(self.packets.tx),
        }
    }
}
