//! What only a meter with a clock can tell: rates, idle sessions, histories; all in captured time.

use serde_json::Value;

use std::path::Path;

use crate::capture_writer::{Endian, MICROSECONDS, Pcap, answer, query};
use crate::command::{Scratch, replay, replay_input};

fn json(options: &[&str], capture: &[u8]) -> Value {
    let ran = replay_input(&[options, &["--format", "json", "-"]].concat(), capture);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:?}");
    ran.json()
}

/// A query of 1000 bytes at each of these seconds, with an answer of 3000 bytes.
fn exchanges(seconds: &[u32]) -> Vec<u8> {
    let mut file = Pcap::new(Endian::Little, MICROSECONDS);
    for second in seconds {
        file.packet(*second, 100, 1000, &query())
            .packet(*second, 200, 3000, &answer());
    }
    file.bytes
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn rates_are_those_of_captured_time() {
    let seconds: Vec<u32> = (0..20).collect();
    let json = json(&[], &exchanges(&seconds));
    let session = &json["sessions"][0];
    // 1000 and 3000 bytes each second.
    for (figure, rate) in [("rx_bitrate", 8000.0), ("tx_bitrate", 24_000.0)] {
        for shown in [&session[figure], &json["summary"][figure]] {
            assert!((number(shown) - rate).abs() < 1.0, "{figure}: {shown}");
        }
    }
    assert!(number(&session["top_tx_bitrate"]) >= 24_000.0);
}

#[test]
fn a_top_outlives_its_traffic_and_decays() {
    // Traffic for 5 seconds, then a lone exchange after a quiet minute, in which the window empties and the gap is jumped.
    let json = json(&[], &exchanges(&[0, 1, 2, 3, 4, 64]));
    let session = &json["sessions"][0];
    assert!(
        (number(&session["rx_bitrate"]) - 800.0).abs() < 1.0,
        "1000 bytes in a window of 10 s: {session}"
    );
    let top = number(&session["top_rx_bitrate"]);
    assert!(top < 8000.0, "{top}");
}

#[test]
fn an_idle_timeout_splits_a_conversation_into_sessions_and_loses_nothing() {
    let capture = exchanges(&[0, 1, 30, 31, 200]);
    let whole = json(&[], &capture);
    assert_eq!(
        (
            &whole["sessions"][0]["sessions"],
            &whole["summary"]["history"]["sessions"]
        ),
        (&1.into(), &0.into())
    );
    let split = json(&["--idle-timeout", "10s"], &capture);
    let session = &split["sessions"][0];
    assert_eq!(
        (&session["sessions"], &session["live"]),
        (&3.into(), &true.into())
    );
    assert_eq!(split["summary"]["history"]["sessions"], 2);
    assert_eq!(split["summary"]["live"]["rx_bytes"], 1000);
    for figure in ["rx_bytes", "tx_bytes", "rx_packets", "tx_packets"] {
        assert_eq!(session[figure], whole["sessions"][0][figure], "{figure}");
        assert_eq!(split["summary"]["totals"][figure], session[figure], "{figure}");
    }
    let long = json(&["--idle-timeout", "1m"], &capture);
    assert_eq!(long["sessions"][0]["sessions"], 2);
}

#[test]
fn a_session_that_ended_before_the_capture_did_is_not_live() {
    let mut file = Pcap::new(Endian::Little, MICROSECONDS);
    file.packet(0, 0, 1000, &query()).packet(60, 0, 60, &[0x55; 20]);
    let json = json(&["--idle-timeout", "5"], &file.bytes);
    let sessions = json["sessions"].as_array().unwrap();
    assert_eq!(sessions[0]["live"], false);
    assert_eq!(
        (&sessions[0]["rx_bytes"], &sessions[0]["rx_bitrate"]),
        (&1000.into(), &0.0.into())
    );
    assert_eq!(sessions[1]["live"], true);
}

#[test]
fn times_that_go_back_or_centuries_ahead_are_metered_all_the_same() {
    let json = json(
        &["--idle-timeout", "30"],
        &exchanges(&[5000, 4000, 5001, u32::MAX, 1, 0]),
    );
    assert_eq!(json["summary"]["totals"]["rx_bytes"], 6000);
    assert_eq!(json["summary"]["totals"]["tx_packets"], 6);
    assert_eq!(json["sessions"][0]["sessions"], 2, "the jump ended one");
}

#[test]
fn empty_packets_are_packets() {
    let mut file = Pcap::new(Endian::Little, MICROSECONDS);
    file.packet(0, 0, 0, &query()).packet(9, 0, 0, &query());
    let json = json(&[], &file.bytes);
    assert_eq!(
        (
            &json["sessions"][0]["rx_packets"],
            &json["sessions"][0]["rx_bytes"]
        ),
        (&2.into(), &0.into())
    );
}

#[test]
fn a_history_adds_up_from_replay_to_replay() {
    let scratch = Scratch::new("history");
    let (history, capture) = (scratch.path("kept"), scratch.file("a.pcap", &exchanges(&[0, 1])));
    let run = || {
        let ran = replay(&["--history", &history, "--format", "json", &capture]);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:?}");
        ran.json()
    };
    for runs in 0..3_u64 {
        let json = run();
        let summary = &json["summary"];
        assert_eq!(summary["earlier"]["rx_bytes"], 2000 * runs);
        assert_eq!(summary["earlier"]["sessions"], runs);
        assert_eq!(summary["totals"]["rx_bytes"], 2000 * (runs + 1));
        assert_eq!(json["sessions"][0]["rx_bytes"], 2000, "rows are of this replay");
    }
    let table = replay(&["--history", &history, &capture]);
    assert!(
        table.stdout.contains("4 packets, 8.00 kB"),
        "the table is of this replay: {}",
        table.stdout
    );
}

#[test]
fn a_history_that_cannot_be_saved_costs_no_report() {
    let scratch = Scratch::new("unsaved-history");
    let (history, capture) = (scratch.path("kept"), scratch.file("a.pcap", &exchanges(&[0])));
    // What is there is no log, so all is to be written anew; and a directory stands where that is to be written.
    std::fs::create_dir_all(Path::new(&history).join("replay.1.snapshot.new")).unwrap();
    std::fs::write(Path::new(&history).join("replay.0.log"), "no log").unwrap();
    let ran = replay(&["--history", &history, "--format", "conversations", &capture]);
    let without = replay(&["--format", "conversations", &capture]);
    assert_eq!((ran.status, ran.stdout), (1, without.stdout));
    assert!(
        ran.stderr.contains("history could not be written"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_damaged_history_is_set_aside_and_said_so() {
    let scratch = Scratch::new("damaged-history");
    let (history, capture) = (scratch.path("kept"), scratch.file("a.pcap", &exchanges(&[0])));
    replay(&["--history", &history, &capture]);
    let file = std::fs::read_dir(&history)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let file = file.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    std::fs::write(&file, bytes).unwrap();
    let ran = replay(&["--history", &history, "--format", "json", &capture]);
    ran.complains(&["history", "set aside"]);
    assert_eq!(ran.status, 0);
    assert_eq!(ran.json()["summary"]["earlier"]["sessions"], 0);
}

#[test]
fn a_history_that_cannot_be_used_is_said_so() {
    let scratch = Scratch::new("no-history");
    let capture = scratch.file("a.pcap", &exchanges(&[0]));
    let ran = replay(&["--history", &format!("{capture}/below-a-file"), &capture]);
    ran.complains(&["history", "below-a-file"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (1, ""));
}
