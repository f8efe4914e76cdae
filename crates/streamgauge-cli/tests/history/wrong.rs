//! Directories and arguments that are not what they should be.

use std::fs;

use crate::command::history;
use crate::stored::{Stored, VIEWERS};

/// Each action with all that it needs beside the directory; `FILE` is a file that can be imported.
const ACTIONS: [&[&str]; 7] = [
    &["show"],
    &["top"],
    &["export"],
    &["check"],
    &["compact"],
    &["forget", "--peer", "p"],
    &["import", "FILE", "--collector", "http"],
];

/// The first that only read.
const READING: usize = 4;

fn file(stored: &Stored) -> String {
    let path = stored.path().join("file.json");
    fs::write(&path, r#"{"sessions": {"k": {"peer": "p"}}}"#).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_directory_that_is_not_there_is_named_and_not_made() {
    let stored = Stored::empty();
    let missing = stored.path().join("no").join("such");
    for arguments in &ACTIONS[..6] {
        let ran = history(&missing, arguments);
        ran.refuses(
            2,
            &[missing.to_str().unwrap(), "no such directory", "name the one"],
        );
        assert!(stored.files().is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_file_in_place_of_a_directory_is_refused() {
    let stored = Stored::empty();
    let file = file(&stored);
    for arguments in ACTIONS {
        let arguments: Vec<_> = arguments
            .iter()
            .map(|a| if *a == "FILE" { &file } else { *a })
            .collect();
        history(&file, &arguments).refuses(2, &[&file, "is not a directory"]);
    }
}

#[test]
fn an_empty_directory_stays_empty() {
    let stored = Stored::empty();
    for arguments in [
        &["top"][..],
        &["export"],
        &["compact"],
        &["forget", "--peer", "p"],
        &["show", "--by", "peer"],
    ] {
        history(stored.path(), arguments).refuses(2, &[stored.path().to_str().unwrap(), "holds no history"]);
        assert!(stored.files().is_empty(), "{arguments:?}");
    }
    for arguments in [
        &["show", "--collector", "http"][..],
        &["check", "--collector", "http"],
    ] {
        history(stored.path(), arguments).refuses(2, &["holds no history"]);
    }
}

#[test]
fn a_collector_that_is_not_there_is_refused_with_those_that_are() {
    let stored = Stored::viewers();
    stored.save("RTMP", &VIEWERS, [0; 5]);
    for arguments in &ACTIONS[..6] {
        let arguments = [arguments, &["--collector", "rtmp"][..]].concat();
        history(stored.path(), &arguments)
            .refuses(2, &["no collector \"rtmp\"", "RTMP, http", "--collector"]);
    }
    for arguments in [&["top"][..], &["export"], &["show", "--by", "peer"]] {
        history(stored.path(), arguments).refuses(2, &["more than one collector, RTMP, http", "--collector"]);
    }
    assert!(
        history(stored.path(), &["top", "--collector", "RTMP"])
            .report()
            .contains("sports")
    );
}

#[test]
fn a_directory_that_a_program_has_is_left_alone() {
    let stored = Stored::viewers();
    let elsewhere = Stored::empty();
    let file = file(&elsewhere);
    let _running = stored.lock();
    let before = stored.files();
    for arguments in &ACTIONS[READING..] {
        let arguments: Vec<_> = arguments
            .iter()
            .map(|a| if *a == "FILE" { &file } else { *a })
            .collect();
        history(stored.path(), &arguments).refuses(1, &[stored.path().to_str().unwrap(), "in use", "stop"]);
        assert_eq!(stored.files(), before);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let stored = Stored::viewers();
    // For whoever may read everything: a directory under a history's name.
    let unreadable = stored.snapshot("http");
    fs::remove_file(&unreadable).unwrap();
    fs::create_dir(&unreadable).unwrap();
    for arguments in &ACTIONS[..READING] {
        history(stored.path(), arguments).refuses(2, &[unreadable.to_str().unwrap(), "read"]);
    }
    assert!(unreadable.is_dir());
}

#[test]
fn a_file_to_import_that_is_none_is_refused() {
    let stored = Stored::empty();
    let directory = stored.path().join("kept");
    let import = |file: &str| history(&directory, &["import", file, "--collector", "http"]);
    import("/no/such/file").refuses(2, &["/no/such/file", "cannot be read"]);
    import(stored.path().to_str().unwrap()).refuses(2, &[stored.path().to_str().unwrap(), "is a directory"]);
    assert!(!directory.exists());
}

#[test]
fn arguments_that_are_wrong_are_refused_by_name() {
    let stored = Stored::viewers();
    let file = file(&stored);
    let before = stored.files();
    for (arguments, part) in [
        (&[][..], "Usage"),
        (&["list"], "list"),
        (&["show", "--by", "name"], "--by"),
        (&["top", "--rank", "rate"], "--rank"),
        (&["top", "-n", "-1"], "-1"),
        (&["top", "--format", "conversations"], "--format"),
        (&["check", "--format", "csv"], "--format"),
        (&["import", &file], "--collector"),
        (&["import", "--collector", "http"], "FILE"),
        (&["import", &file, "--collector", ""], "--collector"),
        (&["import", &file, "--collector", "a/b"], "0-9, A-Z, a-z"),
        (&["forget"], "--peer"),
        (&["forget", "--peer", "a", "--reference", "b"], "--reference"),
        (&["forget", "--peer", ""], "--peer"),
    ] {
        let ran = history(stored.path(), arguments);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.stderr.contains(part), "no {part:?} in {ran:?}");
    }
    assert_eq!(stored.files(), before);
}

#[test]
fn help_says_what_each_action_does_with_an_example_and_the_exit_status() {
    for action in ["show", "top", "export", "import", "check", "compact", "forget"] {
        let help = history("DIR", &[action, "--help"]).report();
        for part in [
            "Usage: streamgauge history",
            "streamgauge history DIR ",
            action,
            "Exit status: 0",
        ] {
            assert!(help.contains(part), "no {part:?} in\n{help}");
        }
    }
    let help = history("--help", &[]).report();
    assert!(
        help.contains("show") && help.contains("forget") && help.contains("Exit status"),
        "{help}"
    );
}

#[test]
fn a_history_that_cannot_be_written_stays_as_it_was() {
    let stored = Stored::viewers();
    let elsewhere = Stored::empty();
    let file = file(&elsewhere);
    let before = stored.load("http");
    // A directory stands where the next snapshot is to be written.
    let snapshot = stored.path().join("http.2.snapshot.new");
    fs::create_dir(&snapshot).unwrap();
    for arguments in [
        &["import", &*file, "--collector", "http", "--add"][..],
        &["compact"],
        &["forget", "--peer", "203.0.113.9"],
    ] {
        history(stored.path(), arguments).refuses(1, &[snapshot.to_str().unwrap(), "cannot"]);
        assert_eq!(stored.load("http"), before, "{arguments:?}");
    }
}
