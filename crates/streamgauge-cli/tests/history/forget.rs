//! `forget`: the name is nowhere on disk any more, and every sum is what it was.

use std::fs;

use crate::command::history;
use crate::crashed::{self, ENDED, LIVE, LIVE_ID, PENDING, crashed};
use crate::stored::{DISCARDED, INHERITED, Row, Stored, VIEWERS, VIEWERS_TOTAL, rows_of};

fn sum(stored: &Stored, collector: &str) -> [u64; 5] {
    let (rows, _) = stored.load(collector);
    rows.values().fold([0; 5], |sum, numbers| {
        std::array::from_fn(|n| sum[n] + numbers[n])
    })
}

#[test]
fn a_peer_is_forgotten_under_every_port_and_in_every_collector() {
    let stored = Stored::viewers();
    let other = [
        (["edge-9", "::ffff:198.51.100.7", "x"], [1, 2, 3, 4, 5]),
        (["edge-9", "(other)", "x"], [1, 1, 1, 1, 1]),
        (["edge-9", "198.51.100.70", "x"], [5; 5]),
    ];
    stored.save("rtmp", &other, [0; 5]);
    assert!(!stored.files_with("198.51.100.7:4000").is_empty());
    let report = history(stored.path(), &["forget", "--peer", "198.51.100.7"]).report();
    assert!(
        report.contains("http: 2 rows of 3 sessions (2.61 kB) now under (other)"),
        "{report}"
    );
    assert!(
        report.contains("rtmp: 1 row of 1 session (5 B) now under (other)"),
        "{report}"
    );
    assert!(!report.contains("not touched"), "{report}");
    for name in ["198.51.100.7:4000", "198.51.100.7:4001", "::ffff:198.51.100.7"] {
        assert_eq!(stored.files_with(name), [""; 0], "{name}");
    }
    let expected: [Row<'_>; 3] = [
        (["edge-1", "(other)", "news"], [3, 110, 2500, 4, 5]),
        VIEWERS[2],
        VIEWERS[3],
    ];
    assert_eq!(stored.load("http"), (rows_of(&expected), DISCARDED));
    assert_eq!(sum(&stored, "http"), VIEWERS_TOTAL);
    // What was under (other) stays, and what joins it is added; an address that only begins alike is another.
    let expected = [
        (["edge-9", "(other)", "x"], [2, 3, 4, 5, 6]),
        (["edge-9", "198.51.100.70", "x"], [5; 5]),
    ];
    assert_eq!(stored.load("rtmp"), (rows_of(&expected), [0; 5]));
    // A second time there is nothing left to do.
    let report = history(stored.path(), &["forget", "--peer", "198.51.100.7"]).report();
    assert!(report.contains("http: no row had the name"), "{report}");
    assert_eq!(sum(&stored, "http"), VIEWERS_TOTAL);
}

#[test]
fn a_reference_is_forgotten_as_it_is_written() {
    let stored = Stored::empty();
    let rows = [
        (["a", "p", "news"], [1; 5]),
        (["b", "p", "news"], [2; 5]),
        (["a", "p", "newsroom"], [4; 5]),
        (["a", "news", "x"], [8; 5]),
    ];
    stored.save("http", &rows, DISCARDED);
    stored.save("rtmp", &rows[..1], DISCARDED);
    let report = history(
        stored.path(),
        &["forget", "--reference", "news", "--collector", "http"],
    )
    .report();
    assert!(report.contains("http: 2 rows of 3 sessions"), "{report}");
    let expected = [
        (["a", "p", "(other)"], [1; 5]),
        (["b", "p", "(other)"], [2; 5]),
        rows[2],
        rows[3],
    ];
    assert_eq!(stored.load("http"), (rows_of(&expected), DISCARDED));
    // The other collector has it still, and is said to.
    assert_eq!(stored.load("rtmp"), (rows_of(&rows[..1]), DISCARDED));
    assert!(
        report.contains("not touched") && report.contains("rtmp.1.log"),
        "{report}"
    );
}

#[test]
fn labels_that_are_no_address_are_found_exactly_only() {
    let rows = [
        (["a", "198.51.100.0/24", "x"], [1; 5]),
        (["a", "198.51.100.0", "x"], [2; 5]),
        (["a", "viewer", "x"], [4; 5]),
        (["a", "viewer:80", "x"], [8; 5]),
    ];
    for (peer, gone) in [
        ("198.51.100.0/24", 0),
        ("198.51.100.0", 1),
        ("viewer", 2),
        ("viewer:80", 3),
    ] {
        let stored = Stored::empty();
        stored.save("http", &rows, [0; 5]);
        history(stored.path(), &["forget", "--peer", peer]).report();
        let mut expected = rows;
        expected[gone].0[1] = "(other)";
        assert_eq!(stored.load("http").0, rows_of(&expected), "{peer}");
    }
}

#[test]
fn files_that_were_set_aside_and_other_files_are_listed() {
    let stored = Stored::viewers();
    stored.damage("http");
    history(stored.path(), &["compact"]);
    stored.save("http", &VIEWERS, [0; 5]);
    fs::write(stored.path().join("notes.txt"), "203.0.113.9 called").unwrap();
    // What a save left that was cut short is removed, and needs no mention.
    fs::write(stored.path().join("http.9.snapshot.new"), "203.0.113.9").unwrap();
    let report = history(stored.path(), &["forget", "--peer", "203.0.113.9"]).report();
    let listed: Vec<_> = report
        .lines()
        .skip_while(|line| !line.contains("may still hold the name"))
        .skip(1)
        .collect();
    assert_eq!(listed.len(), 2, "{report}");
    assert!(
        listed[0].ends_with("http.1.snapshot.corrupt-1") && listed[1].ends_with("notes.txt"),
        "{report}"
    );
    assert_eq!(stored.files_with("203.0.113.9").len(), 2);
}

#[test]
fn what_stands_for_the_forgotten_cannot_be_forgotten() {
    let stored = Stored::viewers();
    let before = stored.files();
    for option in ["--peer", "--reference"] {
        history(stored.path(), &["forget", option, "(other)"])
            .refuses(2, &["(other)", "cannot be forgotten"]);
    }
    assert_eq!(stored.files(), before);
}

#[test]
fn a_log_and_open_sessions_have_no_name_any_more() {
    let total = |stored: &Stored| {
        let json = history(stored.path(), &["show", "--format", "json"]).json();
        let http = &json["collectors"][0];
        (http["history"].clone(), http["discarded"].clone())
    };
    for peer in [ENDED, LIVE, PENDING] {
        let stored = crashed();
        for name in [ENDED, LIVE, LIVE_ID, PENDING] {
            assert_eq!(stored.files_with(name), ["http.0.log"], "{name}");
        }
        let before = total(&stored);
        let report = history(stored.path(), &["forget", "--peer", peer]).report();
        assert!(!report.contains("not touched"), "{report}");
        assert_eq!(total(&stored), before);
        assert_eq!(stored.files_with(peer), [""; 0]);
        // Whoever's id it was: sessions that were open are ended.
        assert_eq!(stored.files_with(LIVE_ID), [""; 0]);
        assert_eq!(stored.open_sessions("http"), 0);
        let kept = [ENDED, LIVE].into_iter().filter(|kept| *kept != peer);
        assert!(
            kept.into_iter()
                .all(|kept| stored.files_with(kept) == ["http.1.snapshot"])
        );
        let rows = stored.load("http").0;
        let other = rows
            .get(&["edge-1", "(other)", "news"].map(str::to_owned))
            .copied();
        let moved = crashed::ROWS
            .iter()
            .find(|(name, _)| *name == peer)
            .map(|(_, numbers)| *numbers);
        assert_eq!(other, moved);
    }
}

#[test]
fn a_name_that_only_the_log_has_goes_too() {
    let stored = crashed();
    let report = history(stored.path(), &["forget", "--reference", "no such"]).report();
    assert!(
        report.contains("http: no row had the name; the history is written anew"),
        "{report}"
    );
    assert_eq!(stored.files_with(PENDING), [""; 0]);
}

#[test]
fn rows_that_have_another_name_stay_as_partial_as_they_were() {
    let stored = Stored::with_partial_row();
    history(stored.path(), &["forget", "--peer", "198.51.100.7"]).report();
    assert_eq!(
        stored.partial_rows("http"),
        [("203.0.113.9".to_owned(), INHERITED)]
    );
    assert_eq!(sum(&stored, "http"), VIEWERS_TOTAL);
}

#[test]
fn an_address_is_found_however_its_label_writes_it() {
    let labels = [
        "[2001:db8::1]:443",
        "2001:DB8:0::1",
        "2001:db8::1%eth0",
        "2001:db8::10",
        "2001:db8::/64",
        "2001:db8::1/128",
        "viewer@2001:db8::1",
        "",
    ];
    let rows: Vec<_> = labels.iter().map(|label| (["a", *label, "x"], [1; 5])).collect();
    for peer in ["2001:db8::1", "[2001:db8::1]:80"] {
        let stored = Stored::empty();
        stored.save("http", &rows, [0; 5]);
        let report = history(stored.path(), &["forget", "--peer", peer]).report();
        assert!(report.contains("http: 3 rows of 3 sessions"), "{report}");
        let mut expected = rows_of(&rows[3..]);
        expected.insert(["a", "(other)", "x"].map(str::to_owned), [3; 5]);
        assert_eq!(stored.load("http").0, expected);
    }
}

#[test]
fn a_sum_of_partial_rows_is_partial() {
    let stored = Stored::with_partial_row();
    history(stored.path(), &["forget", "--peer", "203.0.113.9"]).report();
    // The row of edge-1 was whole.
    assert_eq!(stored.partial_rows("http"), [("(other)".to_owned(), INHERITED)]);
    assert_eq!(
        stored.load("http").0[&["edge-2", "(other)", "news"].map(str::to_owned)],
        VIEWERS[3].1
    );
}

#[test]
fn the_collectors_own_row_still_says_what_was_folded_into_it() {
    let stored = Stored::with_folded_row();
    history(stored.path(), &["forget", "--peer", "203.0.113.9"]).report();
    let other = ["(other)"; 3].map(str::to_owned);
    assert_eq!(stored.load("http").0, [(other, [3; 5])].into());
    assert_eq!(stored.partial_rows("http"), [("(other)".to_owned(), INHERITED)]);
}
