//! `show`: collectors, and the rows of one.

use serde_json::{Value, json};

use crate::command::history;
use crate::crashed::{self, crashed};
use crate::stored::{DISCARDED, Stored, VIEWERS, VIEWERS_TOTAL};

/// As JSON has them.
fn tally([sessions, rx_bytes, tx_bytes, rx_packets, tx_packets]: [u64; 5]) -> Value {
    json!({
        "sessions": sessions, "rx_bytes": rx_bytes, "tx_bytes": tx_bytes,
        "rx_packets": rx_packets, "tx_packets": tx_packets,
    })
}

#[test]
fn collectors_have_their_totals_and_files() {
    let stored = Stored::viewers();
    stored.save("rtmp", &VIEWERS[..1], [0; 5]);
    let table = history(stored.path(), &["show"]).report();
    for part in [
        "http",
        "rtmp",
        "total",
        "2026-01-02T03:04:05Z",
        "4.11 kB",
        "92.5 kB",
        "3 sessions, 30 B",
        "http.1.snapshot",
        "snapshot 1: 4 rows",
        "http.1.log",
        "log 1: 0 saves",
    ] {
        assert!(table.contains(part), "no {part:?} in\n{table}");
    }
    let cells = |line: usize| {
        table
            .lines()
            .nth(line)
            .unwrap()
            .split_whitespace()
            .collect::<Vec<_>>()
    };
    // Rows, open, sessions, packets, bytes in, bytes out.
    assert_eq!(
        cells(2)[..7],
        ["http", "2026-01-02T03:04:05Z", "4", "0", "11", "76", "4.11"]
    );
    assert_eq!(cells(5)[..5], ["total", "5", "0", "12", "83"], "{table}");

    let json = history(stored.path(), &["show", "--format", "json"]).json();
    let http = &json["collectors"][0];
    assert_eq!(http["collector"], "http");
    assert_eq!(http["saved_at"], "2026-01-02T03:04:05Z");
    assert_eq!(
        (&http["rows"], &http["open_sessions"], &http["partial_rows"]),
        (&json!(4), &json!(0), &json!(0))
    );
    assert_eq!(http["history"], tally(VIEWERS_TOTAL));
    assert_eq!(http["discarded"], tally(DISCARDED));
    assert_eq!(http["totals"], tally([14, 4141, 92_502, 11, 66]));
    let file = stored.snapshot("http");
    assert_eq!(http["files"][1]["path"], file.to_str().unwrap());
    assert_eq!(http["files"][1]["bytes"], std::fs::metadata(file).unwrap().len());
    assert_eq!(json["collectors"][1]["collector"], "rtmp");

    let csv = history(stored.path(), &["show", "--format", "csv"]).csv();
    let bytes = |index: usize| http["files"][index]["bytes"].as_u64().unwrap();
    let size = bytes(0) + bytes(1);
    let header = "collector,saved_at,rows,partial_rows,open_sessions,sessions,rx_bytes,tx_bytes,rx_packets,tx_packets,\
                  discarded_sessions,discarded_rx_bytes,discarded_tx_bytes,discarded_rx_packets,discarded_tx_packets,\
                  files,file_bytes";
    let line = format!("http,2026-01-02T03:04:05Z,4,0,0,11,4111,92502,10,66,3,30,0,1,0,2,{size}");
    assert_eq!(
        csv[..2],
        [header, &*line].map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>())
    );
    assert_eq!(csv.len(), 3);
}

#[test]
fn rows_are_summed_by_what_is_asked_for() {
    let stored = Stored::viewers();
    let show = |by: &str| {
        let json = history(stored.path(), &["show", "--by", by, "--format", "json"]).json();
        assert_eq!(
            (&json["collector"], &json["by"], &json["omitted"]),
            (&json!("http"), &json!(by), &json!(0))
        );
        assert_eq!(json["totals"], tally(VIEWERS_TOTAL));
        let rows = json["rows"].as_array().unwrap().clone();
        rows.into_iter()
            .map(|row| {
                let names =
                    ["location", "peer", "reference"].map(|name| row[name].as_str().map(str::to_owned));
                assert_eq!(row["partial"], false);
                (
                    names.into_iter().flatten().collect::<Vec<_>>().join("|"),
                    row["tx_bytes"].as_u64().unwrap(),
                )
            })
            .collect::<Vec<_>>()
    };
    let expected = |rows: &[(&str, u64)]| {
        rows.iter()
            .map(|(name, tx)| ((*name).to_owned(), *tx))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        show("peer"),
        expected(&[
            ("198.51.100.7:4000", 2000),
            ("198.51.100.7:4001", 500),
            ("203.0.113.9", 90_002)
        ])
    );
    assert_eq!(show("location"), expected(&[("edge-1", 92_500), ("edge-2", 2)]));
    assert_eq!(show("reference"), expected(&[("news", 2502), ("sports", 90_000)]));
    assert_eq!(
        show("key"),
        expected(&[
            ("edge-1|198.51.100.7:4000|news", 2000),
            ("edge-1|198.51.100.7:4001|news", 500),
            ("edge-1|203.0.113.9|sports", 90_000),
            ("edge-2|203.0.113.9|news", 2),
        ])
    );
}

#[test]
fn rows_are_a_table_and_csv_too() {
    let stored = Stored::viewers();
    let table = history(stored.path(), &["show", "--collector", "http"]).report();
    let line = |start: &str| {
        let line = table.lines().find(|line| line.trim().starts_with(start)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        line("location"),
        "location peer reference sessions packets bytes in bytes out bytes"
    );
    assert_eq!(line("edge-2"), "edge-2 203.0.113.9 news 1 6 4.00 kB 2 B 4.00 kB");
    assert_eq!(line("total"), "total 11 76 4.11 kB 92.5 kB 96.6 kB");
    let csv = history(stored.path(), &["show", "--by", "location", "--format", "csv"]).report();
    assert_eq!(
        csv,
        "location,sessions,rx_bytes,tx_bytes,rx_packets,tx_packets,partial\n\
                     edge-1,10,111,92500,5,65,false\nedge-2,1,4000,2,5,1,false\n"
    );
}

#[test]
fn reading_changes_nothing_and_goes_on_beside_a_running_program() {
    let stored = Stored::viewers();
    let _running = stored.lock();
    let before = stored.files();
    for arguments in [
        &["show"][..],
        &["show", "--by", "peer"],
        &["top"],
        &["export"],
        &["check"],
    ] {
        history(stored.path(), arguments).report();
        assert_eq!(stored.files(), before, "{arguments:?}");
    }
}

#[test]
fn numbers_as_large_as_they_come_are_shown() {
    let stored = Stored::empty();
    stored.save("http", &[(["a", "b", "c"], [u64::MAX; 5])], [u64::MAX; 5]);
    let table = history(stored.path(), &["show"]).report();
    assert!(table.contains("18.4 EB"), "{table}");
    history(stored.path(), &["top"]).report();
    let json = history(stored.path(), &["top", "--format", "json"]).json();
    assert_eq!(json["rows"][0]["rx_bytes"], u64::MAX);
    assert_eq!(json["totals"], tally([u64::MAX; 5]));
}

#[test]
fn an_empty_directory_has_nothing_to_show() {
    let stored = Stored::empty();
    let shown = history(stored.path(), &["show"]).report();
    assert!(shown.starts_with("no history in "), "{shown}");
    assert_eq!(
        history(stored.path(), &["show", "--format", "json"]).json()["collectors"],
        json!([])
    );
    assert_eq!(
        history(stored.path(), &["show", "--format", "csv"]).csv().len(),
        1
    );
    assert!(stored.files().is_empty());
}

#[test]
fn what_is_damaged_is_said_so_beside_what_can_be_read() {
    let stored = Stored::viewers();
    stored.save("rtmp", &VIEWERS[..1], [0; 5]);
    let damaged = stored.damage("http");
    let before = stored.files();
    let ran = history(stored.path(), &["show"]);
    assert_eq!(ran.status, 2);
    ran.complains(&[damaged.to_str().unwrap(), "is damaged at byte", "lost", "`check`"]);
    assert!(ran.stdout.contains("rtmp"));
    assert_eq!(history(stored.path(), &["top", "--collector", "http"]).status, 2);
    assert_eq!(
        history(stored.path(), &["export", "--collector", "http"]).status,
        2
    );
    assert_eq!(
        history(stored.path(), &["export", "--collector", "rtmp"]).status,
        0
    );
    assert_eq!(stored.files(), before);
}

#[test]
fn sessions_that_were_open_are_counted_as_ended_and_said_so() {
    let stored = crashed();
    let before = stored.files();
    let json = history(stored.path(), &["show", "--format", "json"]).json();
    let http = &json["collectors"][0];
    assert_eq!((&http["open_sessions"], &http["rows"]), (&json!(2), &json!(2)));
    assert_eq!(http["history"], tally([2, 107, 20, 3, 1]));
    assert_eq!(http["discarded"], tally(crashed::DISCARDED));
    let json = history(stored.path(), &["show", "--by", "peer", "--format", "json"]).json();
    for (row, (peer, numbers)) in json["rows"].as_array().unwrap().iter().zip(crashed::ROWS) {
        let mut expected = tally(numbers);
        expected["peer"] = peer.into();
        expected["partial"] = false.into();
        assert_eq!(*row, expected);
    }
    let report = history(stored.path(), &["check"]).report();
    assert!(
        report.contains("http: sound; 2 rows, 2 sessions found open"),
        "{report}"
    );
    assert!(report.contains("http.0.log: log 0: 2 saves"), "{report}");
    assert_eq!(stored.files(), before);
}

#[test]
fn partial_rows_are_marked() {
    let stored = Stored::with_partial_row();
    let table = history(stored.path(), &["show"]).report();
    assert!(table.contains("4 (1 partial)"), "{table}");
    let table = history(stored.path(), &["top"]).report();
    let line = table.lines().find(|line| line.contains("edge-2")).unwrap();
    assert!(
        line.ends_with("partial") && table.contains("\npartial: "),
        "{table}"
    );
    // A sum is partial where a part of it is.
    let csv = history(stored.path(), &["show", "--by", "peer", "--format", "csv"]).csv();
    let marks: Vec<_> = csv
        .iter()
        .map(|line| (line[0].as_str(), line[6].as_str()))
        .collect();
    assert_eq!(
        marks[1..],
        [
            ("198.51.100.7:4000", "false"),
            ("198.51.100.7:4001", "false"),
            ("203.0.113.9", "true")
        ]
    );
    let json = history(stored.path(), &["show", "--format", "json"]).json();
    assert_eq!(json["collectors"][0]["partial_rows"], 1);
    let table = history(stored.path(), &["top", "-n", "1"]).report();
    assert!(!table.contains("partial"), "{table}");
}
