//! The sampler's books: every closed session is entered here, once.

use std::sync::Arc;
use std::time::SystemTime;

use super::open::OpenSession;
use super::snapshot::HistorySnapshot;
use super::{History, HistoryKey};
use crate::direction::PerDirection;
use crate::label::interner::Interner;
use crate::session::labels::Labels;
use crate::session::writer::Counts;
use crate::stats::Stats;

/// What packets are accounted under whose session closed between their bytes and themselves.
const LATE: &str = "(late)";

/// What is accounted under when the history has as many keys as it may.
const OTHER: &str = "(other)";

/// Where a closed session was entered.
#[derive(Debug, Clone)]
pub(crate) enum Account {
    History(HistoryKey),
    Discarded,
}

/// The history, in rows and in views, and what was discarded. The collection alone writes it.
#[derive(Debug)]
pub(crate) struct Ledger {
    rows: HistorySnapshot,
    views: History,
    /// How many keys there may be, beside those of `late` and `other`.
    max_keys: u64,
    /// How many sessions were entered under `other`.
    folded: u64,
    other: HistoryKey,
    late: HistoryKey,
    late_seen: PerDirection<u64>,
    revision: u64,
    changed: std::collections::HashSet<HistoryKey, ahash::RandomState>,
    /// Made here, since the labels of a loaded history are the first.
    labels: Arc<Interner>,
}

impl Ledger {
    pub(crate) fn new(max_keys: u64) -> Self {
        Self {
            rows: HistorySnapshot::default(),
            views: History::default(),
            max_keys,
            folded: 0,
            other: HistoryKey::new(OTHER, OTHER, OTHER),
            late: HistoryKey::new(LATE, LATE, LATE),
            late_seen: PerDirection::default(),
            revision: 0,
            changed: std::collections::HashSet::default(),
            labels: Arc::new(Interner::new()),
        }
    }

    /// The books as a store had them. Where it had more keys than there may be, the last ones are folded.
    pub(crate) fn restored(snapshot: &HistorySnapshot, max_keys: u64) -> Self {
        let mut ledger = Self::new(max_keys);
        for (key, row) in snapshot.rows() {
            let key = ledger.shared(key);
            ledger.enter(&key, row.stats);
        }
        ledger.rows.discarded = snapshot.discarded;
        ledger.revision = 0;
        ledger
    }

    /// Enters a session that was open when the history was saved, as one that ended then.
    pub(crate) fn recover(&mut self, session: &OpenSession) {
        let account = if session.is_active {
            Account::History(self.shared(&session.key))
        } else {
            Account::Discarded
        };
        self.credit(&account, session.stats);
    }

    /// The keys whose rows changed since the last time.
    pub(crate) fn take_changes(&mut self) -> Vec<HistoryKey> {
        std::mem::take(&mut self.changed).into_iter().collect()
    }

    /// A key of labels that sessions share.
    fn shared(&self, key: &HistoryKey) -> HistoryKey {
        HistoryKey {
            location: self.labels.label(&key.location),
            peer: self.labels.label(&key.peer),
            reference: self.labels.label(&key.reference),
        }
    }

    /// The labels of the history, and of the sessions that will enter it.
    pub(crate) fn labels(&self) -> &Arc<Interner> {
        &self.labels
    }

    /// Lets go of labels that neither a session nor a key has any more: some of them, at each call.
    pub(crate) fn sweep_labels(&self) {
        self.labels.sweep();
    }

    /// Enters stats where they belong.
    pub(crate) fn credit(&mut self, account: &Account, stats: Stats) {
        if stats.total_sessions > 0 {
            self.labels.session_ended();
        }
        match account {
            Account::History(key) => self.enter(key, stats),
            Account::Discarded => {
                self.rows.discarded.add(stats);
                self.revision += 1;
            }
        }
    }

    /// Takes out of the discarded what is to be credited elsewhere.
    pub(crate) fn take_from_discarded(&mut self, stats: Stats) {
        self.rows.discarded.remove(stats);
        self.revision += 1;
    }

    /// Enters the late packets counted since the last call; `total` is all of them.
    pub(crate) fn credit_late(&mut self, total: PerDirection<u64>) {
        let gain = total.since(self.late_seen);
        if gain.is_zero() {
            return;
        }
        self.late_seen = total;
        let key = self.late.clone();
        self.enter(
            &key,
            Stats::of_gain(Counts {
                packets: gain,
                ..Counts::default()
            }),
        );
    }

    /// Enters stats under a key, or under "(other)" where it is new and there are as many as there may be. What came under
    /// "(other)" once stays there: keys never go.
    fn enter(&mut self, key: &HistoryKey, stats: Stats) {
        let other;
        let key = if self.has_room_for(key) {
            key
        } else {
            self.folded = self.folded.saturating_add(stats.total_sessions);
            other = self.other.clone();
            &other
        };
        self.changed.insert(key.clone());
        self.rows.add(key, stats);
        self.views.peers.update(&key.peer, |peer| {
            peer.stats.add(stats);
            peer.locations.update(&key.location, |row| row.add(stats));
        });
        self.views.locations.update(&key.location, |row| row.add(stats));
        self.views.references.update(&key.reference, |row| row.add(stats));
        self.views.stats.add(stats);
        self.revision += 1;
    }

    fn has_room_for(&self, key: &HistoryKey) -> bool {
        if self.rows.row(key).is_some() || *key == self.late || *key == self.other {
            return true;
        }
        let own = [&self.late, &self.other].map(|key| u64::from(self.rows.row(key).is_some()));
        (self.rows.len() as u64) - own[0] - own[1] < self.max_keys
    }

    /// How many sessions were entered under "(other)".
    pub(crate) fn folded(&self) -> u64 {
        self.folded
    }

    pub(crate) fn history(&self) -> &History {
        &self.views
    }

    /// Everything that was entered.
    pub(crate) fn totals(&self) -> Stats {
        Stats::sum([self.views.stats, self.rows.discarded])
    }

    pub(crate) fn discarded(&self) -> Stats {
        self.rows.discarded
    }

    /// Rises with every change.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn snapshot(&self, taken_at: SystemTime) -> HistorySnapshot {
        HistorySnapshot {
            taken_at,
            ..self.rows.clone()
        }
    }
}

impl From<&Labels> for HistoryKey {
    fn from(labels: &Labels) -> Self {
        Self {
            location: labels.location.clone(),
            peer: labels.peer.clone(),
            reference: labels.reference.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Account, Ledger, PerDirection};
    use crate::history::HistoryKey;
    use crate::stats::Stats;
    use std::time::SystemTime;

    fn one(rx: u64) -> Stats {
        Stats {
            total_sessions: 1,
            total_rx_bytes: rx,
            ..Stats::default()
        }
    }

    #[test]
    fn keys_that_join_alike_stay_apart() {
        let mut ledger = Ledger::new(10);
        ledger.credit(&Account::History(HistoryKey::new("a:b", "c", "r")), one(1));
        ledger.credit(&Account::History(HistoryKey::new("a", "b:c", "r")), one(2));
        assert_eq!(ledger.snapshot(SystemTime::UNIX_EPOCH).len(), 2);
    }

    #[test]
    fn every_view_adds_up() {
        let mut ledger = Ledger::new(10);
        for (n, (location, peer, reference)) in [
            ("l1", "p1", "r1"),
            ("l2", "p1", "r1"),
            ("l1", "p2", "r2"),
            ("l1", "p1", "r1"),
        ]
        .iter()
        .enumerate()
        {
            let bytes = 1 << n;
            ledger.credit(
                &Account::History(HistoryKey::new(location, peer, reference)),
                one(bytes),
            );
        }
        ledger.credit(&Account::Discarded, one(100));
        ledger.credit_late(PerDirection::new(2, 1));
        ledger.credit_late(PerDirection::new(3, 1));
        let history = ledger.history();
        assert_eq!(
            (history.stats.total_rx_bytes, history.stats.total_rx_packets),
            (15, 3)
        );
        assert_eq!(
            history.stats,
            Stats::sum(history.locations.iter().map(|(_, stats)| *stats))
        );
        assert_eq!(
            history.stats,
            Stats::sum(history.references.iter().map(|(_, stats)| *stats))
        );
        assert_eq!(
            history.stats,
            Stats::sum(history.peers.iter().map(|(_, peer)| peer.stats))
        );
        let p1 = history.peers.get("p1").unwrap();
        assert_eq!(
            (
                p1.stats.total_rx_bytes,
                p1.locations.get("l1").unwrap().total_rx_bytes
            ),
            (11, 9)
        );
        let snapshot = ledger.snapshot(SystemTime::UNIX_EPOCH);
        assert_eq!(Ledger::restored(&snapshot, 10).history(), history);
        assert_eq!(Ledger::restored(&snapshot, 10).discarded(), one(100));
    }

    #[test]
    fn p5_rows_of_the_meters_own_take_no_place_under_the_cap() {
        let key = |n: u32| Account::History(HistoryKey::new("here", &n.to_string(), "stream"));
        for has_late in [false, true] {
            let mut ledger = Ledger::new(3);
            if has_late {
                ledger.credit_late(PerDirection::new(1, 0));
            }
            for n in 0..3 {
                ledger.credit(&key(n), one(1));
                assert_eq!(ledger.folded(), 0, "{n}");
            }
            // Beyond the cap, with a row "(other)" and without one; late packets come in at any time.
            for n in 3..6 {
                ledger.credit(&key(n), one(1));
                ledger.credit_late(PerDirection::new(u64::from(n), 0));
                assert_eq!(ledger.folded(), u64::from(n) - 2);
            }
            ledger.credit(&key(0), one(1));
            assert_eq!(ledger.folded(), 3);
            let snapshot = ledger.snapshot(SystemTime::UNIX_EPOCH);
            assert_eq!(snapshot.len(), 5);
            // Under a higher cap there is room again, beside the row "(other)" that stays.
            let mut ledger = Ledger::restored(&snapshot, 4);
            let folded = ledger.folded();
            ledger.credit(&key(7), one(1));
            assert_eq!(ledger.folded(), folded);
            ledger.credit(&key(8), one(1));
            assert_eq!(ledger.folded(), folded + 1);
        }
    }
}
