//! What the options change in the report.

use std::fs;

use crate::capture_writer::{CLIENT, Endian, MICROSECONDS, Pcap, SERVER, answer, query, udp};
use crate::command::{Scratch, replay, replay_input};

/// Three clients of one server, each with a packet of its own size; the second's comes last.
fn three_clients() -> Vec<u8> {
    let mut file = Pcap::new(Endian::Little, MICROSECONDS);
    for (second, client, bytes) in [(0, 1, 5000), (30, 3, 100), (60, 2, 700)] {
        file.packet(second, 0, bytes, &udp(([10, 0, 0, client], 4000), SERVER));
    }
    file.bytes
}

fn peers(options: &[&str], capture: &[u8]) -> Vec<String> {
    let ran = replay_input(&[options, &["--format", "json", "-"]].concat(), capture);
    let json = ran.json();
    let sessions = json["sessions"].as_array().unwrap();
    sessions
        .iter()
        .map(|session| session["peer"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn top_names_the_largest_first() {
    let file = three_clients();
    assert_eq!(peers(&[], &file), ["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    assert_eq!(peers(&["--top", "2"], &file), ["10.0.0.1", "10.0.0.2"]);
    let ran = replay_input(&["--top", "2", "--format", "json", "-"], &file);
    assert_eq!(ran.json()["omitted"], 1);
    assert_eq!(
        ran.json()["summary"]["totals"]["rx_bytes"],
        5800,
        "totals are of all"
    );
}

#[test]
fn a_table_shows_twenty_rows_unless_told_otherwise() {
    let mut file = Pcap::new(Endian::Little, MICROSECONDS);
    for port in 1..=25 {
        file.packet(0, 0, 1000 + u32::from(port), &udp(([10, 0, 0, 1], port), SERVER));
    }
    let rows = |options: &[&str]| {
        let ran = replay_input(&[options, &["-"]].concat(), &file.bytes);
        assert!(ran.stdout.contains("25 conversations"), "{}", ran.stdout);
        ran.stdout.matches("10.0.0.2:53").count()
    };
    assert_eq!(rows(&[]), 20);
    assert_eq!(rows(&["--top", "7"]), 7);
    assert_eq!(rows(&["--top", "0"]), 25);
}

#[test]
fn a_table_names_ends_service_and_human_units() {
    let mut file = Pcap::new(Endian::Little, MICROSECONDS);
    file.packet(1_600_000_000, 0, 1500, &query())
        .packet(1_600_000_061, 0, 2_000_000, &answer());
    let ran = replay_input(&["-"], &file.bytes);
    for part in [
        "10.0.0.1",
        "10.0.0.2:53",
        "udp/53",
        "1.50 kB",
        "2.00 MB",
        "2020-09-13T12:26:40Z",
        "1m 1s captured",
        "2 packets",
        "2,001,500 bytes",
    ] {
        assert!(ran.stdout.contains(part), "no {part:?} in\n{}", ran.stdout);
    }
}

#[test]
fn the_parts_of_the_summary_add_up() {
    let json = replay_input(&["--format", "json", "-"], &three_clients()).json();
    let summary = &json["summary"];
    for figure in ["sessions", "rx_bytes", "tx_bytes", "rx_packets", "tx_packets"] {
        let part = |name: &str| summary[name][figure].as_u64().unwrap();
        assert_eq!(
            part("totals"),
            part("history") + part("live") + part("pending") + part("discarded"),
            "{figure}"
        );
    }
    assert_eq!(summary["totals"]["rx_packets"], 3);
    assert_eq!(json["inputs"][0]["bytes"], 5800);
}

#[test]
fn a_chart_is_drawn_into_the_file() {
    let scratch = Scratch::new("chart");
    let path = scratch.path("chart.svg");
    let ran = replay_input(&["--svg", &path, "-"], &three_clients());
    assert_eq!(ran.status, 0, "{ran:?}");
    let svg = fs::read_to_string(&path).unwrap();
    assert!(
        svg.starts_with("<svg") && svg.contains("standard input") && svg.contains("ingress"),
        "{svg}"
    );
}

#[test]
fn a_chart_that_cannot_be_written_is_said_so_after_the_report() {
    let scratch = Scratch::new("no-chart");
    let path = scratch.path("no/such/folder/chart.svg");
    let ran = replay_input(&["--svg", &path, "-"], &three_clients());
    ran.complains(&[&path]);
    assert_eq!(ran.status, 1);
    assert!(ran.stdout.contains("3 conversations"));
}

#[test]
fn wrong_arguments_are_refused() {
    for arguments in [
        &["--idle-timeout", "soon", "-"][..],
        &["--by", "name", "-"],
        &["--top", "-1", "-"],
        &[],
    ] {
        let ran = replay(arguments);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(!ran.stderr.is_empty());
    }
}

#[test]
fn a_packet_to_itself_goes_in() {
    let mut file = Pcap::new(Endian::Little, MICROSECONDS);
    file.packet(0, 0, 50, &udp(CLIENT, CLIENT))
        .packet(0, 0, 50, &udp(CLIENT, CLIENT));
    let json = replay_input(&["--format", "json", "-"], &file.bytes).json();
    assert_eq!(json["sessions"][0]["rx_bytes"], 100);
    assert_eq!(json["sessions"][0]["tx_bytes"], 0);
}
