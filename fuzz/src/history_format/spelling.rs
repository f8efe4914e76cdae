//! The format of a history, spelt out once more from its description, sharing nothing with the code that is checked.

use std::time::SystemTime;

use streamgauge::Stats;

use super::kind::Kind;
use super::reading::Content;

/// The bytes before the first record, and those of a record before its payload.
pub(super) const HEADER: usize = 32;
pub(super) const RECORD_HEADER: usize = 16;

/// A record that has so many bytes, its header too, is ended.
const RECORD_BYTES: usize = 1 << 18;

/// What a record begins with. In a payload that is framed it parts records.
pub(super) const RECORD: &[u8; 4] = b"SGRC";

/// The header of a file.
pub(super) fn header(kind: Kind, number: u64) -> Vec<u8> {
    let mut header = b"SGHISTRY".to_vec();
    header.extend(2_u32.to_le_bytes());
    header.extend(kind.code().to_le_bytes());
    header.extend(number.to_le_bytes());
    header.extend([0; 4]);
    header.extend(crc32fast::hash(&header).to_le_bytes());
    header
}

/// Appends a record to a file.
pub(super) fn record(file: &mut Vec<u8>, kind: Kind, number: u64, is_last: bool, payload: &[u8]) {
    let mut head = RECORD.to_vec();
    head.extend([1, is_last.into(), 0, 0]);
    let length = u32::try_from(payload.len()).expect("inputs are small");
    head.extend(length.to_le_bytes());
    let mut covered = kind.code().to_le_bytes().to_vec();
    covered.extend(number.to_le_bytes());
    covered.extend((file.len() as u64).to_le_bytes());
    covered.extend(&head);
    covered.extend(payload);
    file.extend(head);
    file.extend(crc32fast::hash(&covered).to_le_bytes());
    file.extend(payload);
}

/// A file whose header and records are in order, with these payloads. Where an input has what a record begins with another
/// one begins, of which the byte behind says whether it is its save's last.
pub(super) fn framed(kind: Kind, number: u64, input: &[u8]) -> Vec<u8> {
    let mut file = header(kind, number);
    let mut rest = input;
    let mut is_last = true;
    loop {
        let end = rest.windows(RECORD.len()).position(|bytes| bytes == RECORD);
        record(
            &mut file,
            kind,
            number,
            is_last,
            &rest[..end.unwrap_or(rest.len())],
        );
        let Some(end) = end else { return file };
        rest = &rest[end + RECORD.len()..];
        if let Some((flag, payload)) = rest.split_first() {
            is_last = flag & 1 == 1;
            rest = payload;
        }
    }
}

/// The snapshot of a history.
pub(super) fn snapshot(number: u64, content: &Content) -> Vec<u8> {
    let mut file = header(Kind::Snapshot, number);
    let mut payload = Vec::new();
    for entry in entries(content) {
        payload.extend(entry);
        if RECORD_HEADER + payload.len() >= RECORD_BYTES {
            record(&mut file, Kind::Snapshot, number, false, &payload);
            payload.clear();
        }
    }
    payload.extend(end(content));
    record(&mut file, Kind::Snapshot, number, true, &payload);
    file
}

/// Rows and open sessions, each an entry.
fn entries(content: &Content) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    for (labels, row) in &content.rows {
        let mut entry = vec![0];
        labels
            .iter()
            .for_each(|label| lengthy(&mut entry, label.as_bytes()));
        stats(&mut entry, &row.stats);
        entry.push(row.is_partial.into());
        number(&mut entry, row.inherited);
        entries.push(entry);
    }
    for (serial, open) in &content.open {
        let mut entry = vec![2];
        number(&mut entry, *serial);
        lengthy(&mut entry, &open.id);
        open.labels
            .iter()
            .for_each(|label| lengthy(&mut entry, label.as_bytes()));
        time(&mut entry, open.created_at);
        entry.push(open.is_active.into());
        stats(&mut entry, &open.stats);
        entries.push(entry);
    }
    entries
}

/// What a save ends with.
pub(super) fn end(content: &Content) -> Vec<u8> {
    let mut entry = vec![5];
    time(&mut entry, content.taken_at);
    stats(&mut entry, &content.discarded);
    number(&mut entry, content.next_serial);
    number(&mut entry, content.rows.len() as u64);
    number(&mut entry, content.open.len() as u64);
    entry
}

/// All that a snapshot has, in one payload.
pub(super) fn payload(content: &Content) -> Vec<u8> {
    let mut payload = entries(content).concat();
    payload.extend(end(content));
    payload
}

fn time(out: &mut Vec<u8>, time: SystemTime) {
    let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    number(out, since_1970.as_secs());
    number(out, since_1970.subsec_nanos().into());
}

pub(super) fn stats(out: &mut Vec<u8>, stats: &Stats) {
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

/// Bytes behind their number.
pub(super) fn lengthy(out: &mut Vec<u8>, bytes: &[u8]) {
    number(out, bytes.len() as u64);
    out.extend(bytes);
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
