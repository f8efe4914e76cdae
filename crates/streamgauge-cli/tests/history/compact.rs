//! `compact`: one snapshot of each history, and the same history.

use crate::command::history;
use crate::stored::{DISCARDED, Stored, VIEWERS, rows_of};

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
        report.contains("http: 1 file of ") && report.contains("rtmp: "),
        "{report}"
    );
    assert_eq!(["http", "rtmp"].map(shown), before);
    assert_eq!(stored.load("http"), (rows_of(&VIEWERS), DISCARDED));
    let report = history(stored.path(), &["compact", "--collector", "rtmp"]).report();
    assert!(!report.contains("http"), "{report}");
}
