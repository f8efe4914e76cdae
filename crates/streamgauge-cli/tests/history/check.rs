//! `check`: what it finds, and that it changes nothing.

use serde_json::json;

use crate::command::history;
use crate::stored::{Stored, VIEWERS};

#[test]
fn sound_histories_are_called_sound() {
    let stored = Stored::viewers();
    let report = history(stored.path(), &["check"]).report();
    for part in [
        "http: sound; 4 rows, 0 sessions found open",
        "http.1.snapshot: snapshot 1: 4 rows, 219 B\n",
        "http.1.log: log 1: 0 saves, 32 B\n",
        " B\n",
    ] {
        assert!(report.contains(part), "no {part:?} in\n{report}");
    }
    let json = history(stored.path(), &["check", "--format", "json"]).json();
    assert_eq!(json["sound"], true);
    assert_eq!(json["collectors"][0]["damage"], json!([]));
    assert_eq!(json["collectors"][0]["rows"], 4);
    assert!(
        history(Stored::empty().path(), &["check"])
            .report()
            .starts_with("no history in")
    );
}

#[test]
fn damage_is_told_with_its_place_and_what_recovery_would_do() {
    let stored = Stored::viewers();
    stored.save("rtmp", &VIEWERS, [0; 5]);
    let damaged = stored.damage("http");
    let before = stored.files();
    let ran = history(stored.path(), &["check"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (1, ""));
    for part in [
        "http: damaged, in 1 place",
        "rtmp: sound",
        "checksum",
        "at byte",
        "recovery would set it aside",
        damaged.to_str().unwrap(),
    ] {
        assert!(ran.stdout.contains(part), "no {part:?} in\n{}", ran.stdout);
    }
    let ran = history(stored.path(), &["check", "--format", "json"]);
    assert_eq!(ran.status, 1);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&json["sound"], &json["collectors"][1]["sound"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(json["collectors"][0]["sound"], false);
    assert_eq!(
        json["collectors"][0]["damage"][0]["path"],
        damaged.to_str().unwrap()
    );
    // Only the collector that is asked for.
    history(stored.path(), &["check", "--collector", "rtmp"]).report();
    assert_eq!(
        history(stored.path(), &["check", "--collector", "http"]).status,
        1
    );
    assert_eq!(stored.files(), before);
}

#[test]
fn what_an_earlier_recovery_set_aside_is_listed_and_no_damage() {
    let stored = Stored::viewers();
    stored.damage("http");
    let ran = history(stored.path(), &["compact"]);
    assert_eq!(ran.status, 0);
    ran.complains(&["collector http", "was damaged", "set aside as"]);
    stored.save("http", &VIEWERS, [0; 5]);
    let report = history(stored.path(), &["check"]).report();
    assert!(
        report.contains("corrupt-1: set aside by an earlier recovery"),
        "{report}"
    );
    let json = history(stored.path(), &["check", "--format", "json"]).json();
    assert!(
        json["collectors"][0]["set_aside"][0]
            .as_str()
            .unwrap()
            .ends_with("corrupt-1")
    );
    assert!(
        history(stored.path(), &["show"])
            .report()
            .contains("set aside as damaged")
    );
}
