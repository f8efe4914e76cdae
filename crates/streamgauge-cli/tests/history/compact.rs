//! `compact`: one snapshot of each history, and the same history.

use crate::command::history;
use crate::crashed::crashed;
use crate::stored::{DISCARDED, INHERITED, Stored, VIEWERS, rows_of};

#[test]
fn a_compacted_history_is_the_same_history() {
    let stored = Stored::viewers();
    stored.save("rtmp", &VIEWERS[..2], [0; 5]);
    let shown = |collector: &str| {
        history(
            stored.path(),
            &["export", "--format", "json", "--collector", collector],
        )
        .report()
    };
    let before = ["http", "rtmp"].map(shown);
    let report = history(stored.path(), &["compact"]).report();
    assert!(
        report.contains("http: 2 files of ") && report.contains("rtmp: "),
        "{report}"
    );
    assert_eq!(["http", "rtmp"].map(shown), before);
    assert_eq!(stored.load("http"), (rows_of(&VIEWERS), DISCARDED));
    let report = history(stored.path(), &["compact", "--collector", "rtmp"]).report();
    assert!(!report.contains("http"), "{report}");
}

#[test]
fn a_log_of_saves_becomes_a_snapshot_and_open_sessions_stay_open() {
    let stored = crashed();
    let shown = || history(stored.path(), &["export", "--format", "json"]).report();
    let before = shown();
    let report = history(stored.path(), &["compact"]).report();
    assert!(
        report.contains("http: 1 file of ") && report.contains(" before, 2 files of "),
        "{report}"
    );
    let names: Vec<_> = stored
        .files()
        .into_keys()
        .map(|path| path.file_name().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["http.1.log", "http.1.snapshot", "lock"]);
    assert_eq!(shown(), before);
    // The program that comes back ends them itself, and tells its observer.
    assert_eq!(stored.open_sessions("http"), 2);
}

#[test]
fn what_is_partial_stays_so() {
    let stored = Stored::with_partial_row();
    history(stored.path(), &["compact"]).report();
    assert_eq!(
        stored.partial_rows("http"),
        [("203.0.113.9".to_owned(), INHERITED)]
    );
}

#[test]
fn what_is_damaged_is_set_aside_first() {
    let stored = crashed();
    let log = stored.log("http");
    let mut bytes = std::fs::read(&log).unwrap();
    bytes.pop();
    std::fs::write(&log, bytes).unwrap();
    let found = history(stored.path(), &["check"]);
    assert_eq!(found.status, 1);
    assert!(
        found.stdout.contains("log 0: 1 saves") && found.stdout.contains("the save that these"),
        "{found:?}"
    );
    let ran = history(stored.path(), &["compact"]);
    assert_eq!(ran.status, 0);
    ran.complains(&[
        log.to_str().unwrap(),
        "collector http",
        "was damaged",
        "set aside as",
        "http.0.log.corrupt-1",
    ]);
    history(stored.path(), &["check"]).report();
    // What the first of two saves has.
    assert_eq!(stored.open_sessions("http"), 2);
    assert_eq!(stored.load("http").0, rows_of(&[]));
}
