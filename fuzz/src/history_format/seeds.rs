//! Histories of several shapes, whole and damaged, as files and as payloads.

use std::time::{Duration, SystemTime};

use streamgauge::{HistoryKey, HistorySnapshot, Stats};

use super::spelling::{self, HEADER, number};
use crate::seed::Seed;

pub(super) fn all() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (name, snapshot) in histories() {
        let file = spelling::file(&snapshot);
        seeds.push(Seed::new(format!("payload-{name}"), &file[HEADER..]));
        seeds.push(Seed::new(format!("file-{name}"), file));
    }
    let file = spelling::file(&two_rows());
    seeds.push(Seed::new("file-cut", &file[..file.len() - 3]));
    seeds.push(Seed::new("file-header-alone", &file[..HEADER]));
    let mut version = file.clone();
    version[8] = 2;
    seeds.push(Seed::new("file-of-version-2", version));
    seeds.extend(odd_payloads());
    seeds
}

fn histories() -> Vec<(&'static str, HistorySnapshot)> {
    let mut long = HistorySnapshot::default();
    long.add(&HistoryKey::new(&"l".repeat(300), &"é".repeat(200), ""), stats(1));
    let mut many = HistorySnapshot::default();
    for n in 0..100 {
        many.add(
            &HistoryKey::new("here", &format!("192.0.2.{n}"), "stream"),
            stats(n * n),
        );
    }
    let mut full = HistorySnapshot::default();
    full.taken_at = SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 999_999_999);
    full.discarded = stats(u64::MAX);
    full.add(&HistoryKey::new("(other)", "(other)", "(other)"), stats(u64::MAX));
    full.add(&HistoryKey::new("(late)", "(late)", "(late)"), stats(u64::MAX));
    vec![
        ("empty", HistorySnapshot::default()),
        ("two-rows", two_rows()),
        ("long-labels", long),
        ("hundred-rows", many),
        ("full-counters", full),
    ]
}

fn two_rows() -> HistorySnapshot {
    let mut snapshot = HistorySnapshot::default();
    snapshot.add(&HistoryKey::new("here", "there", "stream"), stats(1_000));
    snapshot.add(&HistoryKey::new("", "", ""), stats(0));
    snapshot
}

fn stats(n: u64) -> Stats {
    Stats {
        total_sessions: n,
        total_rx_bytes: n.saturating_mul(1_000),
        total_tx_bytes: n.saturating_mul(100_000),
        total_rx_packets: n.saturating_mul(10),
        total_tx_packets: n,
    }
}

/// Payloads that no encoder writes.
fn odd_payloads() -> Vec<Seed> {
    let of = |numbers: &[u64]| {
        let mut out = Vec::new();
        numbers.iter().for_each(|value| number(&mut out, *value));
        out
    };
    // Taken at 0, nothing discarded.
    let head = [0; 7];
    let row = |label: &[u8]| [&[0, 0, 1][..], label, &[1, 1, 1, 1, 1, 1, 7]].concat();
    vec![
        Seed::new(
            "payload-nanoseconds-above-a-second",
            of(&[1, u64::from(u32::MAX), 0, 0, 0, 0, 0, 0]),
        ),
        Seed::new(
            "payload-after-all-calendars",
            of(&[u64::MAX, 0, 0, 0, 0, 0, 0, 0]),
        ),
        Seed::new(
            "payload-rows-that-are-not-there",
            [&of(&head), &of(&[u64::MAX])[..]].concat(),
        ),
        Seed::new(
            "payload-a-label-that-is-not-there",
            [&of(&head), &of(&[1, u64::MAX])[..]].concat(),
        ),
        Seed::new(
            "payload-a-row-twice",
            [&of(&head), &[2][..], &row(b"a"), &row(b"a")].concat(),
        ),
        Seed::new(
            "payload-rows-in-another-order",
            [&of(&head), &[2][..], &row(b"b"), &row(b"a")].concat(),
        ),
        Seed::new(
            "payload-a-label-that-is-no-text",
            [&of(&head), &[1][..], &row(&[0xff])].concat(),
        ),
        Seed::new(
            "payload-a-number-in-too-many-bytes",
            [&[253, 7, 0, 0, 0, 0, 0, 0, 0][..], &[0; 7]].concat(),
        ),
        Seed::new(
            "payload-a-number-of-sixteen-bytes",
            [&[254][..], &[1; 16], &[0; 7]].concat(),
        ),
        Seed::new("payload-bytes-too-many", [&of(&head), &[0, 0][..]].concat()),
    ]
}
