//! The history: what ended sessions moved, by peer, location and reference.

use streamgauge::{HistoryKey, HistorySnapshot, Stats, Summary};

use crate::ledger_check::{Checked, S, bytes};

fn row(sessions: u64, rx: u64, tx: u64) -> Stats {
    Stats {
        total_sessions: sessions,
        total_rx_bytes: rx,
        total_tx_bytes: tx,
        ..Stats::default()
    }
}

fn labels(summary: &Summary) -> (Vec<&str>, Vec<&str>, Vec<&str>) {
    let history = &summary.history;
    (
        history.peers.iter().map(|(label, _)| label).collect(),
        history.locations.iter().map(|(label, _)| label).collect(),
        history.references.iter().map(|(label, _)| label).collect(),
    )
}

#[test]
fn closed_session_enters_history_once() {
    let meter = Checked::new(|_| {});
    let session = meter.register("a", "stream", "here", "there");
    session.ingress(10);
    session.egress(20);
    session.unregister();
    for _ in 0..3 {
        session.unregister();
        let summary = meter.tick_after(S);
        meter.refreshed();
        assert_eq!(summary.history.stats, row(1, 10, 20));
    }
    assert_eq!(meter.stopped().history.stats, row(1, 10, 20));
}

#[test]
fn open_session_is_not_in_history() {
    let meter = Checked::new(|_| {});
    meter.register("a", "stream", "here", "there").ingress(10);
    let summary = meter.tick_after(S);
    assert_eq!(summary.history.stats, Stats::default());
    assert!(summary.history.peers.is_empty() && summary.history.references.is_empty());
}

#[test]
fn session_that_closed_before_any_tick_enters_history() {
    let meter = Checked::new(|_| {});
    let session = meter.register("a", "stream", "here", "there");
    session.egress(1);
    session.unregister();
    assert_eq!(meter.refreshed().history.stats, row(1, 0, 1));
}

#[test]
fn every_way_to_close_enters_history() {
    let meter = Checked::new(|config| config.session_timeout = S * 2);
    meter.register("timed out", "r1", "l", "p").ingress(1);
    meter.tick_seconds(3);
    meter.register("unregistered", "r2", "l", "p").ingress(2);
    meter.unregister("unregistered");
    meter.register("stopped", "r3", "l", "p").ingress(4);
    let summary = meter.stopped();
    assert_eq!(labels(&summary).2, ["r1", "r2", "r3"]);
    assert_eq!(summary.history.stats, row(3, 7, 0));
}

#[test]
fn history_is_kept_by_peer_and_location_by_location_and_by_reference() {
    let meter = Checked::new(|_| {});
    for (n, (location, peer, reference)) in [
        ("l1", "p1", "r1"),
        ("l1", "p1", "r1"),
        ("l2", "p1", "r2"),
        ("l1", "p2", "r1"),
    ]
    .into_iter()
    .enumerate()
    {
        let session = meter.register(n.to_string(), reference, location, peer);
        session.ingress(1 << n);
        session.unregister();
    }
    let history = meter.refreshed().history.clone();
    let p1 = history.peers.get("p1").unwrap();
    assert_eq!(p1.stats, row(3, 7, 0));
    assert_eq!(p1.locations.get("l1"), Some(&row(2, 3, 0)));
    assert_eq!(p1.locations.get("l2"), Some(&row(1, 4, 0)));
    assert_eq!(history.peers.get("p2").unwrap().stats, row(1, 8, 0));
    assert_eq!(history.locations.get("l1"), Some(&row(3, 11, 0)));
    assert_eq!(history.references.get("r1"), Some(&row(3, 11, 0)));
    assert_eq!(history.references.get("r2"), Some(&row(1, 4, 0)));
    assert_eq!(history.peers.get("nobody"), None);
}

#[test]
fn keys_that_would_join_alike_stay_apart() {
    let meter = Checked::new(|_| {});
    for (id, location, peer) in [("a", "::1", "8080:x"), ("b", "::1:8080", "x")] {
        meter.register(id, "stream", location, peer).ingress(1);
        meter.unregister(id);
    }
    let summary = meter.refreshed();
    let (peers, locations, references) = labels(&summary);
    assert_eq!(peers, ["8080:x", "x"]);
    assert_eq!(locations, ["::1", "::1:8080"]);
    assert_eq!(references, ["stream"]);
}

#[test]
fn p5_the_lightest_key_beyond_the_cap_is_folded_and_counted() {
    let meter = Checked::new(|config| config.max_history_keys = 2);
    let count = |n: u32, reference: &str| {
        let session = meter.register(n.to_string(), reference, "here", "there");
        session.egress(1 << n);
        session.unregister();
        meter.tick_after(S)
    };
    assert!(!count(0, "r1").history.is_partial);
    assert!(!count(1, "r2").history.is_partial);
    // r1 leaves for r3, and comes back for r2, which by then is the lighter one.
    for (n, reference) in [(2, "r3"), (3, "r1"), (4, "r3")] {
        count(n, reference);
    }
    let summary = meter.summary();
    assert_eq!(labels(&summary).2, ["(other)", "r1", "r3"]);
    assert_eq!(labels(&summary).0, ["(other)", "there"]);
    let references = &summary.history.references;
    assert_eq!(references.get("(other)"), Some(&row(2, 0, 0b00_0011)));
    assert_eq!(references.get("r1"), Some(&row(1, 0, 0b00_1000)));
    assert_eq!(references.get("r3"), Some(&row(2, 0, 0b01_0100)));
    assert_eq!(summary.history.stats, row(5, 0, 0b01_1111));
    assert!(summary.history.is_partial);
    assert_eq!((summary.caps.folded_sessions, summary.caps.evicted_keys), (2, 2));
}

#[test]
fn p5_a_session_without_a_byte_makes_no_key_leave() {
    let meter = Checked::new(|config| config.max_history_keys = 1);
    for (id, reference) in [("a", "r1"), ("b", "r2")] {
        meter.register_and_activate(id, reference, "here", "there");
        meter.unregister(id);
    }
    let summary = meter.refreshed();
    assert_eq!(labels(&summary).2, ["(other)", "r1"]);
    assert_eq!((summary.caps.folded_sessions, summary.caps.evicted_keys), (1, 0));
}

#[test]
fn discarded_sessions_are_in_no_map() {
    let meter = Checked::new(|_| {});
    meter.register("a", "stream", "here", "there");
    meter.unregister("a");
    let summary = meter.refreshed();
    assert!(summary.history.peers.is_empty());
    assert_eq!(summary.discarded, row(1, 0, 0));
    assert_eq!(bytes(summary.totals), (0, 0));
}

#[test]
fn snapshots_are_equal_if_all_that_they_hold_is() {
    let one = |rx| Stats {
        total_sessions: 1,
        total_rx_bytes: rx,
        ..Stats::default()
    };
    let snapshot = |peer, rx, discarded, second| {
        let mut snapshot = HistorySnapshot::default();
        snapshot.add(&HistoryKey::new("here", peer, "stream"), one(rx));
        snapshot.discarded = one(discarded);
        snapshot.taken_at += S * second;
        snapshot
    };
    let whole = snapshot("a", 1, 2, 3);
    assert_eq!(whole, snapshot("a", 1, 2, 3));
    for other in [
        snapshot("b", 1, 2, 3),
        snapshot("a", 9, 2, 3),
        snapshot("a", 1, 9, 3),
        snapshot("a", 1, 2, 9),
    ] {
        assert_ne!(whole, other);
    }
}
