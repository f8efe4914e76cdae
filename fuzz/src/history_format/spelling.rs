//! The format of a history, spelt out once more from its description, sharing nothing with the code that is checked.

use std::time::{Duration, SystemTime};

use streamgauge::{HistorySnapshot, Stats};

/// Magic, version, length, checksum.
pub(super) const HEADER: usize = 24;

const MAGIC: &[u8; 8] = b"SGHISTRY";

/// A payload in a frame that is in order.
pub(super) fn framed(payload: &[u8]) -> Vec<u8> {
    let mut covered = 1_u32.to_le_bytes().to_vec();
    covered.extend((payload.len() as u64).to_le_bytes());
    let checksum = crc32fast::hash(&[&covered, payload].concat());
    [&MAGIC[..], &covered, &checksum.to_le_bytes(), payload].concat()
}

/// The payload of a file whose frame is in order.
pub(super) fn unframed(file: &[u8]) -> Option<&[u8]> {
    let payload = file.get(HEADER..)?;
    (framed(payload) == file).then_some(payload)
}

/// The file of a history.
pub(super) fn file(snapshot: &HistorySnapshot) -> Vec<u8> {
    let since_1970 = snapshot.taken_at.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    framed(&payload(since_1970, &snapshot.discarded, snapshot))
}

fn payload(taken_at: Duration, discarded: &Stats, rows: &HistorySnapshot) -> Vec<u8> {
    let mut out = Vec::new();
    number(&mut out, taken_at.as_secs());
    number(&mut out, taken_at.subsec_nanos().into());
    stats(&mut out, discarded);
    number(&mut out, rows.len() as u64);
    for (key, row) in rows.rows() {
        for label in [&key.location, &key.peer, &key.reference] {
            number(&mut out, label.len() as u64);
            out.extend(label.as_bytes());
        }
        stats(&mut out, &row.stats);
        out.push(row.is_partial.into());
        number(&mut out, row.inherited);
    }
    out
}

fn stats(out: &mut Vec<u8>, stats: &Stats) {
    for value in [
        stats.total_sessions,
        stats.total_rx_bytes,
        stats.total_tx_bytes,
        stats.total_rx_packets,
        stats.total_tx_packets,
    ] {
        number(out, value);
    }
}

/// A number in as few bytes as it needs: up to 250 one, else a mark and two, four or eight, little-endian.
pub(super) fn number(out: &mut Vec<u8>, value: u64) {
    let bytes = value.to_le_bytes();
    let (mark, length) = match value {
        0..=250 => (None, 1),
        251..=0xffff => (Some(251), 2),
        0x1_0000..=0xffff_ffff => (Some(252), 4),
        _ => (Some(253), 8),
    };
    out.extend(mark);
    out.extend(&bytes[..length]);
}
