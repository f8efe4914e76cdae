//! `top`: the heaviest rows.

use crate::command::history;
use crate::stored::{Stored, VIEWERS_TOTAL};

/// The first names of the rows, in order.
fn names(stored: &Stored, arguments: &[&str]) -> Vec<String> {
    let arguments = [&["top", "--format", "csv"], arguments].concat();
    let lines = history(stored.path(), &arguments).csv();
    lines.into_iter().skip(1).map(|line| line[0].clone()).collect()
}

#[test]
fn rows_come_by_weight_and_those_of_one_weight_by_name() {
    let stored = Stored::viewers();
    let peers = |rank: &str| names(&stored, &["--by", "peer", "--rank", rank]);
    assert_eq!(
        peers("tx"),
        ["203.0.113.9", "198.51.100.7:4000", "198.51.100.7:4001"]
    );
    assert_eq!(
        peers("rx"),
        ["203.0.113.9", "198.51.100.7:4000", "198.51.100.7:4001"]
    );
    assert_eq!(
        peers("sessions"),
        ["203.0.113.9", "198.51.100.7:4001", "198.51.100.7:4000"]
    );
    assert_eq!(names(&stored, &["--by", "location"]), ["edge-1", "edge-2"]);
    assert_eq!(
        names(&stored, &["--by", "location", "--rank", "rx"]),
        ["edge-2", "edge-1"]
    );
    assert_eq!(
        names(&stored, &["--by", "reference", "--rank", "rx"]),
        ["news", "sports"]
    );
    let stored = Stored::empty();
    stored.save(
        "http",
        &[
            (["b", "", ""], [1; 5]),
            (["a", "", ""], [1; 5]),
            (["c", "", ""], [2; 5]),
        ],
        [0; 5],
    );
    for rank in ["rx", "tx", "total", "sessions"] {
        assert_eq!(names(&stored, &["--rank", rank]), ["c", "a", "b"]);
    }
}

#[test]
fn total_is_both_directions_even_where_the_sum_is_beyond_a_number() {
    let stored = Stored::empty();
    let most = u64::MAX;
    let rows = [
        (["a", "", ""], [1, most, 1, 0, 0]),
        (["b", "", ""], [1, most, most, 0, 0]),
        (["c", "", ""], [1, 0, most, 0, 0]),
    ];
    stored.save("http", &rows, [0; 5]);
    assert_eq!(names(&stored, &[]), ["b", "a", "c"]);
}

#[test]
fn twenty_rows_are_shown_unless_told_otherwise() {
    let stored = Stored::empty();
    let peers: Vec<_> = (0..25).map(|n| format!("peer-{n:02}")).collect();
    let rows: Vec<_> = peers
        .iter()
        .map(|peer| (["here", peer.as_str(), "stream"], [1, 10, 0, 0, 0]))
        .collect();
    stored.save("http", &rows, [0; 5]);
    assert_eq!(names(&stored, &[]).len(), 20);
    assert_eq!(names(&stored, &["--count", "7"]).len(), 7);
    assert_eq!(names(&stored, &["-n", "0"]).len(), 25);
    let table = history(stored.path(), &["top"]).report();
    assert!(
        table.contains("5 rows more in the total: -n 0 shows all") && table.contains("250 B"),
        "{table}"
    );
    assert!(
        !history(stored.path(), &["top", "-n", "25"])
            .report()
            .contains("more")
    );
}

#[test]
fn totals_are_of_all_rows() {
    let stored = Stored::viewers();
    let json = history(stored.path(), &["top", "-n", "1", "--format", "json"]).json();
    assert_eq!(
        (json["omitted"].as_u64(), json["rows"].as_array().unwrap().len()),
        (Some(3), 1)
    );
    assert_eq!(json["rows"][0]["reference"], "sports");
    assert_eq!(json["totals"]["rx_bytes"], VIEWERS_TOTAL[1]);
}
