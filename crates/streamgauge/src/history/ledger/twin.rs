//! The ledger beside a naive twin: a plain map of rows, looked through from end to end for everything, with what each key
//! moved in all beside it, which the ledger does not know.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use super::{Account, Ledger, PerDirection};
use crate::history::HistoryKey;
use crate::history::dice::Dice;
use crate::history::row::HistoryRow;
use crate::history::snapshot::HistorySnapshot;
use crate::stats::Stats;

#[derive(Default)]
struct Twin {
    rows: BTreeMap<HistoryKey, HistoryRow>,
    max_keys: u64,
    /// The fewest places that there ever were.
    fewest: u64,
    folded: u64,
    /// The heaviest rank that was folded.
    heaviest: Option<u64>,
    /// What was entered under each key, which the rows need not show, and in all.
    moved: HashMap<HistoryKey, Moved>,
    all: u128,
}

#[derive(Default)]
struct Moved {
    all: u128,
    /// The most at once.
    most: u128,
}

fn own(name: &str) -> HistoryKey {
    HistoryKey::new(name, name, name)
}

impl Twin {
    fn places(&self) -> u64 {
        let own = [own("(other)"), own("(late)")];
        self.rows.keys().filter(|key| !own.contains(key)).count() as u64
    }

    fn lightest(&self) -> Option<HistoryKey> {
        let own = [own("(other)"), own("(late)")];
        let ranks = self.rows.iter().map(|(key, row)| (row.rank(), key));
        let lightest = ranks.filter(|(_, key)| !own.contains(key)).min();
        lightest.map(|(_, key)| key.clone())
    }

    fn fold(&mut self, row: HistoryRow) {
        self.folded += row.stats.total_sessions;
        let heaviest = self.heaviest.unwrap_or(0).max(row.rank());
        self.heaviest = Some(heaviest);
        let other = self.rows.entry(own("(other)")).or_default();
        other.stats.add(row.stats);
        other.is_partial = true;
        other.inherited = heaviest;
    }

    fn fold_lightest(&mut self) {
        if let Some(row) = self.lightest().and_then(|key| self.rows.remove(&key)) {
            self.fold(row);
        }
    }

    fn enter(&mut self, key: &HistoryKey, stats: Stats) {
        let bytes = u128::from(stats.total_rx_bytes) + u128::from(stats.total_tx_bytes);
        let moved = self.moved.entry(key.clone()).or_default();
        moved.all += bytes;
        moved.most = moved.most.max(bytes);
        self.all += bytes;
        let is_own = [own("(other)"), own("(late)")].contains(key);
        if !self.rows.contains_key(key) && !is_own {
            let is_full = self.places() == self.max_keys;
            if is_full && bytes > 0 && self.max_keys > 0 {
                self.fold_lightest();
            }
            let row = HistoryRow {
                is_partial: self.heaviest.is_some(),
                inherited: self.heaviest.unwrap_or(0),
                ..HistoryRow::default()
            };
            if self.places() == self.max_keys {
                self.fold(HistoryRow { stats, ..row });
                return;
            }
            self.rows.insert(key.clone(), row);
        }
        self.rows.entry(key.clone()).or_default().stats.add(stats);
    }

    fn restart(&mut self, max_keys: u64) {
        self.max_keys = max_keys;
        self.fewest = self.fewest.min(max_keys);
        self.folded = 0;
        while self.places() > max_keys {
            self.fold_lightest();
        }
    }

    /// The promise: a key that moved more than a share of all has a row, and what it moved at once, if that is more, is in it.
    fn check_promise(&self) {
        let own = [own("(other)"), own("(late)")];
        // Without a rest.
        let is_more_than_a_share = |bytes: u128| bytes * u128::from(self.fewest) > self.all;
        for (key, moved) in self.moved.iter().filter(|(key, _)| !own.contains(key)) {
            let row = self.rows.get(key).copied();
            if is_more_than_a_share(moved.all) {
                assert!(row.is_some(), "{key:?} moved {} of {}", moved.all, self.all);
            }
            if row.is_none() {
                let heaviest = u128::from(self.heaviest.unwrap_or(0));
                assert!(
                    moved.all <= heaviest && !is_more_than_a_share(heaviest),
                    "{key:?}"
                );
            }
            let row = row.unwrap_or_default();
            let counted = u128::from(row.stats.bytes());
            if is_more_than_a_share(moved.most) {
                assert!(counted >= moved.most, "{key:?}: {} at once", moved.most);
            }
            if row != HistoryRow::default() {
                assert!(u128::from(row.rank()) >= moved.all, "{key:?}: more than its rank");
                assert!(row.is_partial || counted == moved.all, "{key:?}: whole");
            }
        }
    }
}

/// Sums by a label, without those of nothing.
fn by(rows: &HistorySnapshot, of: impl Fn(&HistoryKey) -> String) -> BTreeMap<String, Stats> {
    let mut sums = BTreeMap::<String, Stats>::new();
    for (key, row) in rows.rows() {
        sums.entry(of(key)).or_default().add(row.stats);
    }
    sums
}

fn check_views(ledger: &Ledger, rows: &HistorySnapshot) {
    let history = ledger.history();
    let plain = |map: &crate::LabelMap<Stats>| -> BTreeMap<String, Stats> {
        map.iter().map(|(label, sum)| (label.to_owned(), *sum)).collect()
    };
    assert_eq!(
        plain(&history.locations),
        by(rows, |key| key.location.to_string())
    );
    assert_eq!(
        plain(&history.references),
        by(rows, |key| key.reference.to_string())
    );
    let peers = by(rows, |key| key.peer.to_string());
    assert_eq!(history.peers.len(), peers.len());
    for (peer, found) in history.peers.iter() {
        assert_eq!(Some(&found.stats), peers.get(peer));
        let mut of_peer = HistorySnapshot::default();
        for (key, row) in rows.rows().filter(|(key, _)| key.peer == *peer) {
            of_peer.insert(key, *row);
        }
        assert_eq!(
            plain(&found.locations),
            by(&of_peer, |key| key.location.to_string())
        );
    }
    let all = Stats::sum(rows.rows().map(|(_, row)| row.stats));
    assert_eq!((history.stats, ledger.totals()), (all, all));
}

fn random_key(dice: &mut Dice) -> HistoryKey {
    match dice.below(40) {
        0 => own("(other)"),
        1 => own("(late)"),
        _ => {
            let [location, peer, reference] = [3, 8, 2].map(|labels| dice.below(labels).to_string());
            HistoryKey::new(&location, &peer, &reference)
        }
    }
}

/// Plays a script on both, and holds what a store would have beside them.
fn play(seed: u64) {
    let mut dice = Dice(seed);
    let max_keys = dice.below(7);
    let mut twin = Twin {
        max_keys,
        fewest: max_keys,
        ..Twin::default()
    };
    let mut ledger = Ledger::new(max_keys).noting_changes();
    let mut stored = BTreeMap::<HistoryKey, HistoryRow>::new();
    let mut unwritten = None;
    // How many rows there were when changes were taken last.
    let mut taken = 0;
    // Bytes in the hundreds, or so many that sums are held at their most.
    let is_vast = dice.below(8) == 0;
    let mut late = 0;
    for _ in 0..120 {
        match dice.below(20) {
            0 => {
                let max_keys = dice.below(9);
                // As a store gives it back, and what it has yet to write is written first.
                let snapshot = ledger.snapshot(SystemTime::UNIX_EPOCH);
                (stored, unwritten, taken) = (rows_of(&snapshot), None, snapshot.len());
                twin.restart(max_keys);
                ledger = Ledger::restored(&snapshot, max_keys);
                late = 0;
            }
            1 => {
                let entered = late;
                late += 1 + dice.below(3);
                ledger.credit_late(PerDirection::new(late, 0));
                let gain = Stats {
                    total_rx_packets: late - entered,
                    ..Stats::default()
                };
                twin.enter(&own("(late)"), gain);
            }
            2 | 3 => {
                let rows = ledger.snapshot(SystemTime::UNIX_EPOCH);
                let mut changed = ledger.take_changes();
                let most = taken + rows.len();
                assert!(changed.len() <= most, "{} of {most}", changed.len());
                taken = rows.len();
                if let Some(earlier) = unwritten.take() {
                    changed.follow(earlier, &rows);
                    let most = stored.len() + rows.len();
                    assert!(changed.len() <= most, "{} of {most}", changed.len());
                }
                if dice.below(3) == 0 {
                    // The write fails.
                    unwritten = Some(changed);
                } else {
                    for (key, row) in changed.rows(&rows) {
                        match row {
                            Some(row) => drop(stored.insert(key, row)),
                            None => assert!(stored.remove(&key).is_some(), "{key:?} was never there"),
                        }
                    }
                    assert_eq!(stored, rows_of(&rows), "seed {seed}");
                }
            }
            _ => {
                let key = random_key(&mut dice);
                let most = if is_vast { 1 << 62 } else { 300 };
                let [rx, tx] = [0; 2].map(|_| dice.below(most) * dice.below(2));
                let stats = Stats {
                    total_sessions: u64::from(dice.below(8) > 0 || rx + tx == 0),
                    total_rx_bytes: rx,
                    total_tx_bytes: tx,
                    total_rx_packets: dice.below(3),
                    total_tx_packets: dice.below(3),
                };
                ledger.credit(&Account::History(key.clone()), stats);
                twin.enter(&key, stats);
            }
        }
        let rows = ledger.snapshot(SystemTime::UNIX_EPOCH);
        assert_eq!(rows_of(&rows), twin.rows, "seed {seed}");
        assert_eq!(ledger.folded(), twin.folded, "seed {seed}");
        assert_eq!(
            ledger.history().is_partial,
            twin.heaviest.is_some(),
            "seed {seed}"
        );
        check_views(&ledger, &rows);
        if !is_vast {
            twin.check_promise();
        }
    }
}

fn rows_of(rows: &HistorySnapshot) -> BTreeMap<HistoryKey, HistoryRow> {
    rows.rows().map(|(key, row)| (key.clone(), *row)).collect()
}

#[test]
fn p1_and_p5_the_rows_are_those_of_a_naive_twin_and_so_is_what_changed() {
    for seed in 0..1_000 {
        play(seed);
    }
}
