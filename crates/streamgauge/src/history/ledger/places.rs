//! Who has a place in the ledger, who has to leave, and what stays known of that.

use std::time::SystemTime;

use super::{Account, Ledger, PerDirection};
use crate::history::HistoryKey;
use crate::history::row::HistoryRow;
use crate::history::snapshot::HistorySnapshot;
use crate::stats::Stats;

fn one(rx: u64) -> Stats {
    Stats {
        total_sessions: 1,
        total_rx_bytes: rx,
        ..Stats::default()
    }
}

fn key(peer: &str) -> Account {
    Account::History(HistoryKey::new("here", peer, "stream"))
}

/// The rows by peer: bytes, whether partial, what is inherited.
fn rows(ledger: &Ledger) -> Vec<(String, u64, bool, u64)> {
    let snapshot = ledger.snapshot(SystemTime::UNIX_EPOCH);
    let row = |(key, row): (&HistoryKey, &HistoryRow)| {
        let peer = key.peer.to_string();
        (peer, row.stats.total_rx_bytes, row.is_partial, row.inherited)
    };
    snapshot.rows().map(row).collect()
}

#[test]
fn p5_a_new_key_takes_the_place_of_the_lightest_and_inherits_its_rank() {
    let mut ledger = Ledger::new(2);
    for (peer, bytes) in [("a", 5), ("b", 3), ("a", 5), ("c", 1)] {
        ledger.credit(&key(peer), one(bytes));
    }
    let row = |peer: &str, bytes, is_partial, inherited| (peer.to_owned(), bytes, is_partial, inherited);
    assert_eq!(
        rows(&ledger),
        [
            row("(other)", 3, true, 3),
            row("a", 10, false, 0),
            row("c", 1, true, 3)
        ]
    );
    // By rank it is c that leaves next, for it counted least: b comes back, and what it had moved stays folded.
    ledger.credit(&key("b"), one(2));
    assert_eq!(
        rows(&ledger),
        [
            row("(other)", 4, true, 4),
            row("a", 10, false, 0),
            row("b", 2, true, 4)
        ]
    );
    assert_eq!((ledger.folded(), ledger.evicted()), (2, 2));
    let history = ledger.history();
    let peers: Vec<_> = history.peers.iter().map(|(peer, _)| peer).collect();
    assert_eq!(peers, ["(other)", "a", "b"]);
    assert_eq!(history.locations.get("here").unwrap().total_rx_bytes, 12);
    assert_eq!((history.stats.total_rx_bytes, history.is_partial), (16, true));
}

#[test]
fn p5_what_comes_without_a_byte_makes_nobody_leave() {
    let mut ledger = Ledger::new(1);
    ledger.credit(&key("silent"), one(0));
    assert!(!ledger.history().is_partial);
    ledger.credit(&key("as silent"), one(0));
    assert_eq!((ledger.folded(), ledger.evicted()), (1, 0));
    assert_eq!(rows(&ledger)[0], ("(other)".to_owned(), 0, true, 0));
    assert_eq!(rows(&ledger)[1], ("silent".to_owned(), 0, false, 0));
    ledger.credit(&key("heard"), one(1));
    assert_eq!(rows(&ledger)[1], ("heard".to_owned(), 1, true, 0));
    assert_eq!(ledger.evicted(), 1);
}

#[test]
fn where_there_is_no_place_all_is_folded() {
    let mut ledger = Ledger::new(0);
    for _ in 0..2 {
        ledger.credit(&key("a"), one(5));
    }
    assert_eq!(rows(&ledger), [("(other)".to_owned(), 10, true, 10)]);
    assert_eq!((ledger.folded(), ledger.evicted()), (2, 0));
}

#[test]
fn p1_bytes_that_come_late_for_a_key_that_was_folded_are_those_of_a_new_key() {
    let mut ledger = Ledger::new(1);
    ledger.credit(&key("a"), one(5));
    ledger.credit(&key("b"), one(6));
    let late = Stats {
        total_sessions: 0,
        ..one(7)
    };
    ledger.credit(&key("a"), late);
    assert_eq!(
        rows(&ledger),
        [
            ("(other)".to_owned(), 11, true, 11),
            ("a".to_owned(), 7, true, 11)
        ]
    );
    assert_eq!(
        ledger.totals(),
        Stats {
            total_sessions: 2,
            ..one(18)
        }
    );
    assert_eq!(ledger.history().references.get("stream"), Some(&late));
}

#[test]
fn a_row_of_other_that_is_a_programs_own_makes_nothing_partial() {
    let mut ledger = Ledger::new(2);
    let own = Account::History(HistoryKey::new("(other)", "(other)", "(other)"));
    ledger.credit(&own, one(9));
    ledger.credit(&key("a"), one(1));
    assert_eq!(rows(&ledger)[1], ("a".to_owned(), 1, false, 0));
    assert!(!ledger.history().is_partial);
    // Nor is there such a key as has a row of the meter's own and none of it under one of the labels.
    let like_it = Account::History(HistoryKey::new("(other)", "(other)", "(late)"));
    ledger.credit(&like_it, one(1));
    assert_eq!(ledger.folded(), 0);
    ledger.credit(&key("b"), one(1));
    assert_eq!(ledger.folded(), 1);
}

#[test]
fn p5_labels_of_a_key_that_was_folded_are_let_go() {
    let mut ledger = Ledger::new(1);
    let shared = |ledger: &Ledger, peer: &str| {
        let labels = ledger.labels();
        Account::History(HistoryKey {
            location: labels.label("here"),
            peer: labels.label(peer),
            reference: labels.label("stream"),
        })
    };
    for peer in ["a", "b", "c"] {
        let account = shared(&ledger, peer);
        // Bytes that come late alone: no session ends.
        ledger.credit(
            &account,
            Stats {
                total_sessions: 0,
                ..one(1)
            },
        );
    }
    for _ in 0..3 {
        ledger.sweep_labels();
    }
    assert_eq!(ledger.labels().len(), 3, "here, stream, c");
}

#[test]
fn p5_what_was_loaded_beyond_the_cap_is_folded_from_the_lightest_on() {
    let mut ledger = Ledger::new(9);
    for (peer, bytes) in [("a", 7), ("b", 3), ("c", 9), ("d", 3), ("e", 5)] {
        ledger.credit(&key(peer), one(bytes));
    }
    ledger.credit_late(PerDirection::new(4, 0));
    let snapshot = ledger.snapshot(SystemTime::UNIX_EPOCH);
    let mut restored = Ledger::restored(&snapshot, 2);
    let row = |peer: &str, bytes, is_partial, inherited| (peer.to_owned(), bytes, is_partial, inherited);
    assert_eq!(
        rows(&restored),
        [
            row("(late)", 0, false, 0),
            row("(other)", 11, true, 5),
            row("a", 7, false, 0),
            row("c", 9, false, 0)
        ]
    );
    assert_eq!((restored.folded(), restored.evicted()), (3, 3));
    assert_eq!(restored.totals(), ledger.totals());
    assert_eq!(
        restored
            .history()
            .references
            .get("stream")
            .unwrap()
            .total_rx_bytes,
        16
    );
    assert_eq!(
        restored.labels().len(),
        5,
        "here, stream, a, c, and (late): no other was made"
    );
    // What the store has is not what there is.
    let changed = restored
        .take_changes()
        .rows(&restored.snapshot(SystemTime::UNIX_EPOCH));
    let names: Vec<_> = changed
        .iter()
        .map(|(key, row)| (&*key.peer, row.is_some()))
        .collect();
    assert_eq!(
        names,
        [("(other)", true), ("b", false), ("d", false), ("e", false)]
    );
}

#[test]
fn what_is_known_of_what_was_folded_survives_a_restart() {
    let mut ledger = Ledger::new(1);
    ledger.credit(&key("a"), one(5));
    ledger.credit(&key("b"), one(6));
    let snapshot = ledger.snapshot(SystemTime::UNIX_EPOCH);
    let mut restored = Ledger::restored(&snapshot, 2);
    assert_eq!(
        (restored.history(), rows(&restored)),
        (ledger.history(), rows(&ledger))
    );
    // There is room, and a may have been folded: no more of it than the heaviest that was.
    restored.credit(&key("a"), one(1));
    assert_eq!(rows(&restored)[1], ("a".to_owned(), 1, true, 5));
    assert_eq!(restored.evicted(), 0);
}

#[test]
fn a_new_key_inherits_the_heaviest_that_was_folded_also_where_lighter_rows_leave() {
    // As no ledger leaves it, and a store may have it.
    let mut snapshot = HistorySnapshot::default();
    for (key, bytes, inherited) in [("(other)", 300, 200), ("a", 5, 0), ("b", 900, 0)] {
        let key = match key {
            "(other)" => HistoryKey::new(key, key, key),
            _ => HistoryKey::new("here", key, "stream"),
        };
        let row = HistoryRow {
            is_partial: inherited > 0,
            inherited,
            ..HistoryRow::of(one(bytes))
        };
        snapshot.insert(&key, row);
    }
    let mut ledger = Ledger::restored(&snapshot, 2);
    assert!(ledger.history().is_partial);
    ledger.credit(&key("c"), one(1));
    assert_eq!(rows(&ledger)[0], ("(other)".to_owned(), 305, true, 200));
    assert_eq!(rows(&ledger)[2], ("c".to_owned(), 1, true, 200));
}
