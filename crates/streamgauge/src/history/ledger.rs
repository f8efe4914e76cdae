//! The sampler's books: every closed session is entered here, once.
//!
//! There are `max_keys` places for rows. Where all are taken and a new key comes with bytes, the lightest row is folded into
//! "(other)", and the new key takes its place and inherits its rank ([`ranking`](super::ranking)). What comes without a byte
//! makes nobody leave, and goes to "(other)" itself. So with N bytes entered in all:
//!
//! * The ranks add up to N at most: each byte raises one of them, and who leaves hands its own on.
//! * So the least of them, once all places are taken, is N / `max_keys` at most. That is all that a key without a row can have
//!   moved: it had no more when it was folded, and after that any byte of it brings it back.
//! * So a key that moved more than that has a row, and what moves more than that at once, as a session does that closes,
//!   is never folded.
//! * Where the history was begun under fewer places, this holds for those: a key that is new then inherits the heaviest rank
//!   that was folded, since no more was lost under it.
//!
//! What is folded goes from one row to another: sums stay what they are. What is reported of a key is what was counted since it
//! entered, and says so where there may have been more. Ranks are in the rows, and go with them to the store and back.

use std::sync::Arc;
use std::time::SystemTime;

use super::changed::Changed;
use super::open::OpenSession;
use super::ranking::Ranking;
use super::row::HistoryRow;
use super::snapshot::HistorySnapshot;
use super::{History, HistoryKey, LATE, OTHER};
use crate::direction::PerDirection;
use crate::label::interner::Interner;
use crate::session::labels::Labels;
use crate::session::writer::Counts;
use crate::stats::Stats;

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
    /// The order in which rows leave; made by the first that has to.
    ranking: Option<Ranking>,
    /// What changed since a store last took it, where there is one.
    changed: Option<Changed>,
    /// How many sessions were folded into `other`, and how many rows had to leave for that.
    folded: u64,
    evicted: u64,
    other: HistoryKey,
    late: HistoryKey,
    late_seen: PerDirection<u64>,
    revision: u64,
    /// Made here, since the labels of a loaded history are the first.
    labels: Arc<Interner>,
}

impl Ledger {
    pub(crate) fn new(max_keys: u64) -> Self {
        Self {
            rows: HistorySnapshot::default(),
            views: History::default(),
            max_keys,
            ranking: None,
            changed: None,
            folded: 0,
            evicted: 0,
            other: HistoryKey::own(OTHER),
            late: HistoryKey::own(LATE),
            late_seen: PerDirection::default(),
            revision: 0,
            labels: Arc::new(Interner::new()),
        }
    }

    /// From now on notes what changes, for a store to take.
    pub(crate) fn noting_changes(mut self) -> Self {
        self.changed = Some(Changed::default());
        self
    }

    /// The books as a store had them; what they differ in is noted as changed. Where it had more keys than there may be, the
    /// lightest are folded.
    pub(crate) fn restored(snapshot: &HistorySnapshot, max_keys: u64) -> Self {
        let mut ledger = Self::new(max_keys).noting_changes();
        let mut kept = snapshot.clone();
        let excess = ledger.places(&kept).saturating_sub(max_keys);
        let mut ranking = (excess > 0).then(|| Ranking::of(&kept));
        let lightest: Vec<_> = (0..excess)
            .map_while(|_| {
                let key = ranking.as_mut()?.take_lightest(&kept)?;
                let row = kept.remove(&key)?;
                Some((key, row))
            })
            .collect();
        for (key, row) in kept.rows() {
            let key = ledger.shared(key);
            ledger.rows.insert(&key, *row);
            ledger.views.show(&key, row.stats);
            ledger.views.stats.add(row.stats);
        }
        ledger.views.is_partial = ledger.rows.heaviest_folded.is_some();
        for (key, row) in lightest {
            ledger.views.stats.add(row.stats);
            ledger.fold_evicted(key, row);
        }
        ledger.rows.discarded = snapshot.discarded;
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
        // A session ended, or bytes came late that may make a row leave.
        self.labels.session_ended();
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

    /// Enters stats under a key. One that was folded meanwhile, where a writer's bytes come late, is a new key.
    fn enter(&mut self, key: &HistoryKey, stats: Stats) {
        self.revision += 1;
        self.views.stats.add(stats);
        if self.rows.row(key).is_some() || !key.takes_a_place() {
            self.add(key, stats);
            return;
        }
        let is_full = self.places(&self.rows) >= self.max_keys;
        if is_full && (stats.bytes() == 0 || self.max_keys == 0) {
            self.fold(self.rows.newcomer(key, stats));
            return;
        }
        if is_full {
            self.evict();
        }
        self.add(key, stats);
        if let (Some(ranking), Some(row)) = (&mut self.ranking, self.rows.row(key)) {
            ranking.enter(key.clone(), row.rank());
        }
    }

    /// Adds to a row, which is made if it is not there.
    fn add(&mut self, key: &HistoryKey, stats: Stats) {
        if let Some(changed) = &mut self.changed {
            changed.note(key, self.rows.row(key).is_some());
        }
        self.rows.add(key, stats);
        self.views.show(key, stats);
    }

    /// Folds the lightest row.
    fn evict(&mut self) {
        let rows = &mut self.rows;
        let ranking = self.ranking.get_or_insert_with(|| Ranking::of(rows));
        let Some(key) = ranking.take_lightest(rows) else {
            return;
        };
        if let Some(row) = rows.remove(&key) {
            self.views.hide(&key, row.stats, rows);
            self.fold_evicted(key, row);
        }
    }

    /// Folds a row that has left.
    fn fold_evicted(&mut self, key: HistoryKey, row: HistoryRow) {
        self.evicted += 1;
        if let Some(changed) = &mut self.changed {
            changed.note_left(key);
        }
        self.fold(row);
    }

    /// Folds what has no row.
    fn fold(&mut self, row: HistoryRow) {
        let other = &self.other;
        if let Some(changed) = &mut self.changed {
            changed.note(other, self.rows.row(other).is_some());
        }
        self.rows.fold(other, row);
        self.views.show(other, row.stats);
        self.views.is_partial = true;
        self.folded = self.folded.saturating_add(row.stats.total_sessions);
    }

    /// How many rows there are that take a place.
    fn places(&self, rows: &HistorySnapshot) -> u64 {
        let own = [&self.late, &self.other].map(|key| u64::from(rows.row(key).is_some()));
        rows.len() as u64 - own[0] - own[1]
    }

    /// How many sessions were folded into "(other)".
    pub(crate) fn folded(&self) -> u64 {
        self.folded
    }

    /// How many rows had to leave.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// What changed since this was last asked, or since the books were begun; nothing if no store keeps them.
    pub(crate) fn take_changes(&mut self) -> Changed {
        self.changed.as_mut().map(std::mem::take).unwrap_or_default()
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

#[cfg(all(test, not(loom)))]
mod places;
#[cfg(all(test, not(loom)))]
mod twin;

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
            ledger.credit(&key(5), one(1));
            assert_eq!((ledger.folded(), ledger.evicted()), (3, 3));
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
