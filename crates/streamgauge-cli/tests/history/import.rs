//! `import`: what datarhei Core kept comes in whole, or not at all.

use std::fs;

use crate::command::{history, history_input};
use crate::crashed::crashed;
use crate::stored::{DISCARDED, INHERITED, Stored, VIEWERS, rows_of};

/// A file as datarhei Core writes it, with a key that says other than its fields do.
const FILE: &str = r#"{
    "sessions": {
        "edge-1:198.51.100.7:news": {
            "location": "edge-1",
            "peer": "198.51.100.7",
            "reference": "news",
            "total_sessions": 2,
            "total_rxbytes": 10,
            "total_txbytes": 300
        },
        "anything": {
            "location": "edge:1",
            "peer": "[2001:db8::1]:80",
            "reference": "rtmp://host/\u003capp\u003e",
            "total_sessions": 1,
            "total_rxbytes": 18446744073709551000,
            "total_txbytes": 0
        }
    }
}"#;

const HTTP: [&str; 4] = ["import", "-", "--collector", "http"];

#[test]
fn the_triple_is_taken_from_the_fields() {
    let stored = Stored::empty();
    let directory = stored.path().join("new").join("made");
    let file = stored.path().join("http.json");
    fs::write(&file, FILE).unwrap();
    let report = history(
        &directory,
        &["import", file.to_str().unwrap(), "--collector", "http"],
    )
    .report();
    assert!(
        report.contains("2 rows of 3 sessions in, 18.4 EB received, 300 B sent"),
        "{report}"
    );
    let csv = history(&directory, &["export", "--format", "csv"]).csv();
    assert_eq!(
        csv[1..3]
            .iter()
            .map(|line| line[1..7].join("|"))
            .collect::<Vec<_>>(),
        [
            "edge-1|198.51.100.7|news|2|10|300",
            "edge:1|[2001:db8::1]:80|rtmp://host/<app>|1|18446744073709551000|0",
        ]
    );
    // It is as old as the file.
    let modified = fs::metadata(&file).unwrap().modified().unwrap();
    let since_1970 = modified
        .duration_since(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    let json = history(&directory, &["export", "--format", "json"]).json();
    let saved_at: jiff::Timestamp = json["saved_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(saved_at.as_second(), i64::try_from(since_1970.as_secs()).unwrap());
}

#[test]
fn a_history_that_is_there_is_added_to_only_if_told_so() {
    let stored = Stored::viewers();
    let before = stored.files();
    let refused = history_input(stored.path(), &HTTP, FILE.as_bytes());
    refused.refuses(
        2,
        &[
            "standard input",
            "http",
            "4 rows in 11 sessions",
            "--add",
            "twice",
            "nothing was imported",
        ],
    );
    assert_eq!(stored.files(), before);

    let file = r#"{"sessions": {"": {"location": "edge-2", "peer": "203.0.113.9", "reference": "news",
        "total_sessions": 5, "total_rxbytes": 6, "total_txbytes": 7}, "x": {"location": "new"}}}"#;
    let mut expected = rows_of(&VIEWERS);
    for sessions in [6, 11] {
        history_input(stored.path(), &[&HTTP[..], &["--add"]].concat(), file.as_bytes()).report();
        let times = (sessions - 1) / 5;
        expected.insert(
            ["edge-2", "203.0.113.9", "news"].map(str::to_owned),
            [sessions, 4000 + 6 * times, 2 + 7 * times, 5, 1],
        );
        expected.insert(["new", "unknown", ""].map(str::to_owned), [0; 5]);
        assert_eq!(stored.load("http"), (expected.clone(), DISCARDED));
    }
    // Another collector's history is no hindrance, and stays.
    history_input(
        stored.path(),
        &["import", "-", "--collector", "RTMP"],
        file.as_bytes(),
    )
    .report();
    assert_eq!(stored.load("RTMP").0.len(), 2);
    assert_eq!(stored.load("http").0, expected);
}

#[test]
fn entries_of_one_triple_are_added_up_and_said_so() {
    let stored = Stored::empty();
    let file =
        r#"{"sessions": {"a": {"peer": "p", "total_rxbytes": 1}, "b": {"peer": "p", "total_rxbytes": 2}}}"#;
    let report = history_input(stored.path(), &HTTP, file.as_bytes()).report();
    assert!(
        report.contains("1 row of") && report.contains("1 entry had the labels of another"),
        "{report}"
    );
    assert_eq!(
        stored.load("http").0[&["unknown", "p", ""].map(str::to_owned)],
        [0, 3, 0, 0, 0]
    );
}

#[test]
fn a_file_without_sessions_changes_nothing() {
    for file in ["null", "{}", "{\"sessions\": null}", "{\"sessions\": {}}"] {
        let stored = Stored::viewers();
        let before = stored.files();
        let report = history_input(stored.path(), &HTTP, file.as_bytes()).report();
        assert!(report.contains("no session in it"), "{report}");
        assert_eq!(stored.files(), before);
        let directory = stored.path().join("none");
        history_input(&directory, &HTTP, file.as_bytes()).report();
        assert!(!directory.exists());
    }
}

#[test]
fn what_is_wrong_with_a_file_is_named_and_nothing_is_imported() {
    let good = r#""a:b:c": {"location": "a", "total_rxbytes": 1}"#;
    let cases = [
        (
            r#""k": {"total_rxbytes": -1}"#,
            &[
                "line 1, column",
                "entry \"k\", total_rxbytes",
                "-1 is not",
                "mend this entry",
            ][..],
        ),
        (
            r#""k": {"total_sessions": 18446744073709551616}"#,
            &["entry \"k\", total_sessions", "not written as a whole number"],
        ),
        (
            r#""k": {"total_sessions": "1"}"#,
            &["entry \"k\", total_sessions", "invalid type: string"],
        ),
        (
            r#""k": {"peer": ["p"]}"#,
            &["entry \"k\", peer", "invalid type: sequence, expected a string"],
        ),
        (
            r#""k": 5"#,
            &[
                "entry \"k\"",
                "invalid type: integer `5`, expected an object with location",
            ],
        ),
        (r#""k": {"peer": "p""#, &["line 1", "EOF", "copy the file anew"]),
        (
            r#""k": {"total_rxbytes": 18446744073709551615}"#,
            &["entry \"k\"", "exceeds 18446744073709551615"],
        ),
        ("\"\u{1b}[2J\n\": 5", &["line 1", "control character"]),
        ("\"\\u001b[2J\": 5", &["entry \"\\u{1b}[2J\""]),
    ];
    for (entry, parts) in cases {
        let file = format!("{{\"sessions\": {{{good}, {entry}}}}}");
        let stored = Stored::empty();
        let path = stored.path().join("broken.json");
        fs::write(&path, file).unwrap();
        let directory = stored.path().join("kept");
        let ran = history(
            &directory,
            &["import", path.to_str().unwrap(), "--collector", "http"],
        );
        ran.refuses(2, &[parts, &["broken.json", "nothing was imported"]].concat());
        assert!(!directory.exists(), "{ran:?}");
    }
}

#[test]
fn a_sum_that_no_number_holds_is_refused() {
    let stored = Stored::viewers();
    let before = stored.load("http");
    // The row would hold it, and all rows together would not.
    let file = format!(
        "{{\"sessions\": {{\"k\": {{\"total_txbytes\": {}}}}}}}",
        u64::MAX - 92_501
    );
    let ran = history_input(stored.path(), &[&HTTP[..], &["--add"]].concat(), file.as_bytes());
    ran.refuses(
        2,
        &[
            "standard input",
            "http",
            "exceed 18446744073709551615",
            "nothing was imported",
        ],
    );
    assert_eq!(stored.load("http"), before);
    let file = file.replace(&(u64::MAX - 92_501).to_string(), &(u64::MAX - 92_502).to_string());
    history_input(stored.path(), &[&HTTP[..], &["--add"]].concat(), file.as_bytes()).report();
    assert_eq!(stored.load("http").0.len(), 5);
}

#[test]
fn fields_that_mean_nothing_are_passed_over_and_named() {
    let stored = Stored::empty();
    let file = r#"{"version": 1, "sessions": {"k": {"peer": "p", "total_frames": 7}}}"#;
    let ran = history_input(stored.path(), &HTTP, file.as_bytes());
    assert_eq!(ran.status, 0);
    ran.complains(&["standard input", "\"total_frames\", \"version\""]);
}

#[test]
fn what_was_exported_comes_in_again() {
    let stored = Stored::viewers();
    let rows = [
        (["a:b", "c", "\u{1b}[2J\n\"',;=1+1"], [1, 2, 3, 0, 0]),
        (["a", "b:c", "日本\u{202e}"], [4, 5, u64::MAX / 2, 0, 0]),
        (["a", "b", "c:"], [0; 5]),
        (["a", "b:c", ""], [0; 5]),
    ];
    stored.save("odd", &rows, [0; 5]);
    for collector in ["http", "odd"] {
        let exported = history(stored.path(), &["export", "--collector", collector]);
        let copy = Stored::empty();
        history_input(
            copy.path(),
            &["import", "-", "--collector", "copy"],
            exported.stdout.as_bytes(),
        )
        .report();
        let again = history(copy.path(), &["export"]);
        assert_eq!((again.status, &again.stdout), (0, &exported.stdout));
        let (mut expected, _) = stored.load(collector);
        // The form has no packets, and nothing of what was discarded.
        expected.values_mut().for_each(|numbers| numbers[3..].fill(0));
        assert_eq!(copy.load("copy"), (expected, [0; 5]));
    }
}

#[test]
fn what_is_no_row_stays_as_it_was() {
    let file = r#"{"sessions": {"k": {"location": "edge-2", "peer": "203.0.113.9", "reference": "news", "total_sessions": 1}}}"#;
    let add = [&HTTP[..], &["--add"]].concat();
    let stored = crashed();
    history_input(stored.path(), &HTTP, file.as_bytes()).refuses(2, &["2 rows in 2 sessions", "--add"]);
    history_input(stored.path(), &add, file.as_bytes()).report();
    assert_eq!(stored.open_sessions("http"), 2);
    assert_eq!(stored.load("http").0.len(), 2);
    let stored = Stored::with_partial_row();
    history_input(stored.path(), &add, file.as_bytes()).report();
    assert_eq!(
        stored.partial_rows("http"),
        [("203.0.113.9".to_owned(), INHERITED)]
    );
    assert_eq!(
        stored.load("http").0[&["edge-2", "203.0.113.9", "news"].map(str::to_owned)],
        [2, 4000, 2, 5, 1]
    );
}

#[test]
fn what_open_sessions_moved_counts_against_what_a_number_holds() {
    let stored = crashed();
    // In rows, open sessions and what is discarded there are 110 bytes.
    let file = |bytes: u64| format!("{{\"sessions\": {{\"k\": {{\"total_rxbytes\": {bytes}}}}}}}");
    let add = [&HTTP[..], &["--add"]].concat();
    history_input(stored.path(), &add, file(u64::MAX - 109).as_bytes()).refuses(2, &["exceed"]);
    history_input(stored.path(), &add, file(u64::MAX - 110).as_bytes()).report();
    let json = history(stored.path(), &["show", "--format", "json"]).json();
    assert_eq!(json["collectors"][0]["totals"]["rx_bytes"], u64::MAX);
}

#[test]
fn a_row_that_is_new_where_keys_were_folded_is_partial() {
    let stored = Stored::with_folded_row();
    let file = r#"{"sessions": {"k": {"location": "new", "peer": "p", "total_rxbytes": 5}}}"#;
    history_input(stored.path(), &[&HTTP[..], &["--add"]].concat(), file.as_bytes()).report();
    assert!(stored.partial_rows("http").contains(&("p".to_owned(), INHERITED)));
    assert_eq!(
        stored.load("http").0[&["new", "p", ""].map(str::to_owned)],
        [0, 5, 0, 0, 0]
    );
}
