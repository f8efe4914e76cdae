//! What must hold in every summary (P1 a, d), and between one and the calls around it (P1 b).

use std::sync::Arc;

use streamgauge::{Collector, Stats, Summary};

use crate::account::{Accounts, Moved};

/// One observer of a collector's summaries.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    sequence: u64,
    totals: Stats,
    pub(crate) seen: u64,
}

impl Audit {
    /// Checks a summary by itself, and against the one this observer saw before.
    pub(crate) fn check(&mut self, summary: &Summary) {
        self.seen += 1;
        let parts = [
            summary.history.stats,
            summary.live,
            summary.pending,
            summary.discarded,
        ];
        assert_eq!(summary.totals, Stats::sum(parts), "P1 a: the parts of {parts:?}");
        let rows = Stats::sum(summary.active.iter().map(|row| Stats {
            total_sessions: 1,
            total_rx_bytes: row.rx_bytes,
            total_tx_bytes: row.tx_bytes,
            total_rx_packets: row.rx_packets,
            total_tx_packets: row.tx_packets,
        }));
        assert_eq!(rows, summary.live, "P1 a: the rows of active");
        assert_eq!(summary.active.len() as u64, summary.live.total_sessions);
        assert_eq!(summary.current_sessions, summary.live.total_sessions);
        assert_eq!(summary.pending_sessions, summary.pending.total_sessions);
        let history = &summary.history;
        let views = [
            Stats::sum(history.peers.iter().map(|(_, peer)| peer.stats)),
            Stats::sum(history.locations.iter().map(|(_, stats)| *stats)),
            Stats::sum(history.references.iter().map(|(_, stats)| *stats)),
        ];
        assert_eq!(views, [history.stats; 3], "the views of the history");

        assert!(summary.sequence >= self.sequence, "the sequence went back");
        let (before, now) = (self.totals, summary.totals);
        assert!(
            Moved::from(before).is_at_most(now.into()) && before.total_sessions <= now.total_sessions,
            "P1 d: totals fell from {before:?} to {now:?}"
        );
        if summary.sequence == self.sequence {
            assert_eq!(before, now, "one sequence, two summaries");
        }
        (self.sequence, self.totals) = (summary.sequence, now);
    }

    /// Has `collect` make a summary, and checks it against the calls that returned before and that began by its end.
    pub(crate) fn check_around(
        &mut self,
        accounts: &Accounts,
        counts_packets: bool,
        collect: impl FnOnce() -> Arc<Summary>,
    ) {
        let accepted = accounts.accepted();
        let summary = collect();
        self.check_since(accepted, accounts, counts_packets, &summary);
    }

    /// Checks a summary of a collection that was called for after `accepted` was, and has ended.
    pub(crate) fn check_since(
        &mut self,
        accepted: Moved,
        accounts: &Accounts,
        counts_packets: bool,
        summary: &Summary,
    ) {
        let begun = accounts.begun();
        self.check(summary);
        let totals = Moved::from(summary.totals);
        let (least, most) = if counts_packets {
            (accepted, begun)
        } else {
            (accepted.without_packets(), begun.without_packets())
        };
        assert!(
            least.is_at_most(totals),
            "P1 b: {totals:?} lack some of {least:?}"
        );
        assert!(totals.is_at_most(most), "P1 b: {totals:?} are more than {most:?}");
    }
}

/// The totals of a refresh with no call in flight, which must be what was accepted (P1 c).
pub(crate) fn check_quiet(collector: &Collector, accounts: &Accounts, counts_packets: bool) -> Arc<Summary> {
    let summary = collector.refresh();
    Audit::default().check(&summary);
    let accepted = accounts.accepted();
    let expected = if counts_packets {
        accepted
    } else {
        accepted.without_packets()
    };
    assert_eq!(Moved::from(summary.totals), expected, "P1 c");
    summary
}
