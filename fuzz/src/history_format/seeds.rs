//! Histories of several shapes, whole and damaged, as snapshots, logs and payloads.

use std::time::{Duration, SystemTime};

use streamgauge::{HistoryRow, Stats};

use super::kind::Kind;
use super::reading::{Content, Open};
use super::spelling::{self, HEADER, RECORD, lengthy, number, stats as numbers};
use super::{LOG, SNAPSHOT};
use crate::seed::Seed;

pub(super) fn all() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (name, content) in contents() {
        let payload = spelling::payload(&content);
        let log = spelling::framed(Kind::Log, LOG, &payload);
        seeds.push(Seed::new(format!("log-{name}"), log));
        seeds.push(Seed::new(
            format!("snapshot-{name}"),
            spelling::snapshot(SNAPSHOT, &content),
        ));
        seeds.push(Seed::new(format!("payload-{name}"), payload));
    }
    seeds.extend(damaged());
    seeds.extend(odd_payloads());
    seeds
}

fn contents() -> Vec<(&'static str, Content)> {
    let mut long = nothing();
    row(&mut long, [&"l".repeat(300), &"é".repeat(200), ""], stats(1));
    let mut many = nothing();
    for n in 0..100 {
        row(
            &mut many,
            ["here", &format!("192.0.2.{n}"), "stream"],
            stats(n * n),
        );
    }
    for n in 0..30 {
        open(&mut many, 3 * n, ["here", "192.0.2.7", "stream"], stats(n));
    }
    let mut full = nothing();
    full.taken_at += Duration::new(1_700_000_000, 999_999_999);
    full.discarded = stats(u64::MAX);
    row(&mut full, ["(late)"; 3], stats(u64::MAX));
    row(&mut full, ["(other)"; 3], stats(u64::MAX));
    for row in full.rows.values_mut() {
        row.is_partial = true;
        row.inherited = u64::MAX;
    }
    open(&mut full, (1 << 63) - 1, ["(other)"; 3], stats(u64::MAX));
    vec![
        ("empty", nothing()),
        ("two-rows", two_rows()),
        ("two-open", two_open()),
        ("long-labels", long),
        ("hundred-rows", many),
        ("full-counters", full),
    ]
}

fn nothing() -> Content {
    Content::of(&streamgauge::HistorySnapshot::default(), 0)
}

fn two_rows() -> Content {
    let mut content = nothing();
    row(&mut content, ["here", "there", "stream"], stats(1_000));
    row(&mut content, ["", "", ""], stats(0));
    content
}

fn two_open() -> Content {
    let mut content = two_rows();
    open(&mut content, 5, ["here", "there", "stream"], stats(7));
    open(&mut content, 700, ["", "", "new"], stats(9));
    content.taken_at += Duration::new(100, 1);
    content.next_serial = 1_000;
    content
}

fn row(content: &mut Content, labels: [&str; 3], stats: Stats) {
    let row = HistoryRow::of(stats);
    content.rows.insert(labels.map(str::to_owned), row);
}

fn open(content: &mut Content, serial: u64, labels: [&str; 3], stats: Stats) {
    let open = Open {
        id: serial.to_be_bytes().to_vec(),
        labels: labels.map(str::to_owned),
        created_at: SystemTime::UNIX_EPOCH + Duration::new(serial % 100, 5),
        is_active: serial % 2 == 1,
        stats,
    };
    content.open.insert(serial, open);
    content.next_serial = content.next_serial.max(serial + 1);
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

/// Several saves: rows come, change and go, sessions open, move and end; the last in three records.
fn saves() -> Vec<u8> {
    let here = ["here", "there", "stream"];
    let mut payload = spelling::payload(&two_open());
    let mut more = |is_last: u8, entries: &[&[u8]]| {
        payload.extend(RECORD);
        payload.push(is_last);
        payload.extend(entries.concat());
    };
    let mut after = two_open();
    after.open.remove(&5);
    after.rows.remove(&["", "", ""].map(str::to_owned));
    let gone = [&[1][..], &labels(["", "", ""])].concat();
    let moved = of(3, &[700], &[1], 12);
    more(
        1,
        &[&gone, &of(4, &[5], &[], 0)[..2], &moved, &spelling::end(&after)],
    );
    after.open.clear();
    let changed = [&[0][..], &labels(here), &numbers_of(20), &[0, 0]].concat();
    more(0, &[&changed]);
    more(0, &[]);
    let ended = of(4, &[700], &[], 0);
    more(1, &[&ended[..ended.len() - 5], &spelling::end(&after)]);
    payload
}

/// A tag, numbers, bytes, and five times a number.
fn of(tag: u8, values: &[u64], bytes: &[u8], n: u64) -> Vec<u8> {
    let mut entry = vec![tag];
    values.iter().for_each(|value| number(&mut entry, *value));
    entry.extend(bytes);
    entry.extend(numbers_of(n));
    entry
}

fn numbers_of(n: u64) -> Vec<u8> {
    let mut out = Vec::new();
    numbers(&mut out, &stats(n));
    out
}

fn labels(labels: [&str; 3]) -> Vec<u8> {
    let mut out = Vec::new();
    labels
        .iter()
        .for_each(|label| lengthy(&mut out, label.as_bytes()));
    out
}

/// Files that do not check out from somewhere on.
fn damaged() -> Vec<Seed> {
    let payload = saves();
    let [snapshot, log] = Kind::ALL.map(|kind| {
        let number = if kind == Kind::Log { LOG } else { SNAPSHOT };
        spelling::framed(kind, number, &payload)
    });
    let mut flipped = log.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let mut version = log.clone();
    version[8] = 1;
    let mut other = snapshot.clone();
    other[16] += 1;
    let mut pretending = snapshot.clone();
    let second = HEADER + 1 + find(&snapshot[HEADER + 1..]);
    pretending[second + 14] ^= 1;
    vec![
        Seed::new("payload-saves", payload),
        Seed::new("log-cut", &log[..log.len() - 3]),
        Seed::new("log-header-alone", &log[..HEADER]),
        Seed::new("log-flipped", flipped),
        Seed::new("log-of-version-1", version),
        Seed::new("snapshot-cut", &snapshot[..snapshot.len() - 3]),
        Seed::new("snapshot-header-alone", &snapshot[..HEADER]),
        Seed::new("snapshot-of-another-number", other),
        Seed::new("snapshot-without-its-second-record", pretending),
        Seed::new("nothing", []),
    ]
}

/// Where the next record begins.
fn find(bytes: &[u8]) -> usize {
    let at = bytes.windows(RECORD.len()).position(|bytes| bytes == RECORD);
    at.unwrap_or_default()
}

/// Payloads that no encoder writes.
fn odd_payloads() -> Vec<Seed> {
    // Taken at 0, nothing discarded, no serial; rows and open sessions follow.
    let end = |rows: u8, open: u8| [&[5][..], &[0; 8], &[rows, open]].concat();
    let row = |label: &[u8]| [&[0, 0, 0, 1][..], label, &[1, 1, 1, 1, 1, 0, 7]].concat();
    let opened = |serial: u64| {
        let mut entry = vec![2];
        number(&mut entry, serial);
        [
            &entry[..],
            &[1, b'i'],
            &labels(["a", "b", "c"]),
            &[0, 0, 1, 1, 2, 3, 4, 5],
        ]
        .concat()
    };
    let time = |seconds: u64, nanoseconds: u64| {
        let mut entry = vec![5];
        number(&mut entry, seconds);
        number(&mut entry, nanoseconds);
        [&entry[..], &[0; 8]].concat()
    };
    vec![
        Seed::new("payload-nanoseconds-above-a-second", time(1, u64::from(u32::MAX))),
        Seed::new("payload-after-all-calendars", time(u64::MAX, 0)),
        Seed::new(
            "payload-after-all-calendars-by-nanoseconds",
            time(u64::MAX, 1_000_000_000),
        ),
        Seed::new("payload-rows-that-are-not-there", end(9, 0)),
        Seed::new("payload-a-label-that-is-not-there", [0, 0, 0, 250]),
        Seed::new("payload-a-row-twice", [row(b"a"), row(b"a"), end(1, 0)].concat()),
        Seed::new(
            "payload-rows-in-another-order",
            [row(b"b"), row(b"a"), end(2, 0)].concat(),
        ),
        Seed::new(
            "payload-a-label-that-is-no-text",
            [row(&[0xff]), end(1, 0)].concat(),
        ),
        Seed::new(
            "payload-a-number-in-too-many-bytes",
            [&[4, 253, 7][..], &[0; 7], &end(0, 0)].concat(),
        ),
        Seed::new(
            "payload-a-number-of-sixteen-bytes",
            [&[4, 254][..], &[1; 16], &end(0, 0)].concat(),
        ),
        Seed::new(
            "payload-an-entry-of-another-kind",
            [&[6][..], &end(0, 0)].concat(),
        ),
        Seed::new("payload-an-entry-behind-the-end", [end(1, 0), row(b"a")].concat()),
        Seed::new(
            "payload-of-more-rows-than-it-says",
            [row(b"a"), row(b"b"), end(1, 0)].concat(),
        ),
        Seed::new("payload-without-an-end", row(b"a")),
        Seed::new("payload-of-two-ends", [end(0, 0), end(0, 0)].concat()),
        Seed::new(
            "payload-the-highest-serial",
            [opened(u64::MAX), end(0, 1)].concat(),
        ),
        Seed::new(
            "payload-a-session-twice",
            [opened(4), opened(4), end(0, 1)].concat(),
        ),
        Seed::new(
            "payload-of-who-was-never-open",
            [of(3, &[8], &[1], 2), end(0, 0)].concat(),
        ),
    ]
}
