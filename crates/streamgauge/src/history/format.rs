//! The bytes of a history: a frame of ours around a bincode payload. The only file that names bincode.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | magic, `SGHISTRY` |
//! | 8 | 4 | format version, little-endian, 1 |
//! | 12 | 8 | length of the payload, little-endian |
//! | 20 | 4 | CRC-32 (IEEE) of bytes 8 to 19 and the payload, little-endian |
//! | 24 | .. | the payload: bincode 2, standard configuration |
//!
//! Nothing of the payload is decoded before the checksum agrees. It is decoded a row at a time, with the labels borrowed from
//! it, so a length in it that lies allocates nothing: what decoding allocates is at most the payload's length times a
//! constant.

use std::time::{Duration, SystemTime};

use bincode::config::{self, Configuration, Limit};
use bincode::{BorrowDecode, Decode, Encode};

use super::{HistoryKey, HistorySnapshot};
use crate::stats::Stats;

const MAGIC: [u8; 8] = *b"SGHISTRY";
const VERSION: u32 = 1;
const HEADER: usize = 24;

/// The longest payload that is written or read: 1 GiB.
const MAX_PAYLOAD: usize = 1 << 30;

fn configuration() -> Configuration<config::LittleEndian, config::Varint, Limit<MAX_PAYLOAD>> {
    config::standard().with_limit::<MAX_PAYLOAD>()
}

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormatError {
    #[error("it ends at byte {found}, within the header of {HEADER} bytes")]
    Short { found: usize },
    #[error("at byte 0: not a history file, which begins with {:?}", String::from_utf8_lossy(&MAGIC))]
    Magic,
    #[error("at byte 8: format version {found}, of which this program knows only {VERSION}")]
    Version { found: u32 },
    #[error("at byte 12: the payload is said to have {said} bytes, and {found} follow")]
    Length { said: u64, found: u64 },
    #[error("at byte 20: checksum {said:08x}, but the content has {found:08x}")]
    Checksum { said: u32, found: u32 },
    #[error("after byte {HEADER}: {0}")]
    Payload(String),
    #[error("the history does not fit in {MAX_PAYLOAD} bytes")]
    TooLarge,
}

#[derive(Encode)]
struct Payload {
    /// Since 1970; what is before counts as 1970.
    taken_at: Duration,
    discarded: Row,
    rows: Vec<(Key, Row, bool, u64)>,
}

/// What stands before the rows of a [`Payload`].
#[derive(Decode)]
struct Head {
    taken_at: Duration,
    discarded: Row,
    rows: u64,
}

/// One of the rows of a [`Payload`].
#[derive(BorrowDecode)]
struct Line<'a> {
    location: &'a str,
    peer: &'a str,
    reference: &'a str,
    row: Row,
    is_partial: bool,
    inherited: u64,
}

#[derive(Encode)]
struct Key {
    location: String,
    peer: String,
    reference: String,
}

#[derive(Encode, Decode)]
struct Row {
    sessions: u64,
    rx_bytes: u64,
    tx_bytes: u64,
    rx_packets: u64,
    tx_packets: u64,
}

impl From<&Stats> for Row {
    fn from(stats: &Stats) -> Self {
        Self {
            sessions: stats.total_sessions,
            rx_bytes: stats.total_rx_bytes,
            tx_bytes: stats.total_tx_bytes,
            rx_packets: stats.total_rx_packets,
            tx_packets: stats.total_tx_packets,
        }
    }
}

impl From<&Row> for Stats {
    fn from(row: &Row) -> Self {
        Self {
            total_sessions: row.sessions,
            total_rx_bytes: row.rx_bytes,
            total_tx_bytes: row.tx_bytes,
            total_rx_packets: row.rx_packets,
            total_tx_packets: row.tx_packets,
        }
    }
}

/// The bytes of a history.
pub(crate) fn encode(snapshot: &HistorySnapshot) -> Result<Vec<u8>, FormatError> {
    let payload = Payload {
        taken_at: snapshot
            .taken_at
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default(),
        discarded: Row::from(&snapshot.discarded),
        rows: snapshot
            .rows()
            .map(|(key, row)| {
                (
                    Key::from(key),
                    Row::from(&row.stats),
                    row.is_partial,
                    row.inherited,
                )
            })
            .collect(),
    };
    let mut file = vec![0; HEADER];
    let length = bincode::encode_into_std_write(&payload, &mut file, config::standard())
        .map_err(|error| FormatError::Payload(error.to_string()))?;
    if length >= MAX_PAYLOAD {
        return Err(FormatError::TooLarge);
    }
    file[0..8].copy_from_slice(&MAGIC);
    file[8..12].copy_from_slice(&VERSION.to_le_bytes());
    file[12..20].copy_from_slice(&(length as u64).to_le_bytes());
    let checksum = checksum(&file);
    file[20..24].copy_from_slice(&checksum.to_le_bytes());
    Ok(file)
}

/// The history that these bytes hold.
pub(crate) fn decode(file: &[u8]) -> Result<HistorySnapshot, FormatError> {
    let Some((header, content)) = file.split_at_checked(HEADER) else {
        return Err(FormatError::Short { found: file.len() });
    };
    if header[0..8] != MAGIC {
        return Err(FormatError::Magic);
    }
    let version = little_endian(&header[8..12]);
    if version != u64::from(VERSION) {
        return Err(FormatError::Version {
            found: u32::try_from(version).unwrap_or(u32::MAX),
        });
    }
    let (said, found) = (little_endian(&header[12..20]), content.len() as u64);
    if said != found {
        return Err(FormatError::Length { said, found });
    }
    let (said, found) = (
        u32::try_from(little_endian(&header[20..24])).unwrap_or(u32::MAX),
        checksum(file),
    );
    if said != found {
        return Err(FormatError::Checksum { said, found });
    }
    let mut rest = content;
    let head: Head = take(&mut rest)?;
    let mut snapshot = HistorySnapshot {
        taken_at: SystemTime::UNIX_EPOCH
            .checked_add(head.taken_at)
            .unwrap_or(SystemTime::UNIX_EPOCH),
        discarded: Stats::from(&head.discarded),
        ..HistorySnapshot::default()
    };
    for _ in 0..head.rows {
        let line: Line<'_> = take(&mut rest)?;
        let key = HistoryKey::new(line.location, line.peer, line.reference);
        let mut row = snapshot.row(&key).copied().unwrap_or_default();
        row.stats.add(Stats::from(&line.row));
        row.is_partial |= line.is_partial;
        row.inherited = row.inherited.max(line.inherited);
        snapshot.insert(&key, row);
    }
    if !rest.is_empty() {
        return Err(FormatError::Payload(format!("{} bytes too many", rest.len())));
    }
    Ok(snapshot)
}

/// Decodes what `rest` begins with, and moves it on behind that.
fn take<'a, T: BorrowDecode<'a, ()>>(rest: &mut &'a [u8]) -> Result<T, FormatError> {
    let (value, read) = bincode::borrow_decode_from_slice(rest, configuration())
        .map_err(|error| FormatError::Payload(error.to_string()))?;
    *rest = &rest[read..];
    Ok(value)
}

impl From<&HistoryKey> for Key {
    fn from(key: &HistoryKey) -> Self {
        Self {
            location: (*key.location).to_owned(),
            peer: (*key.peer).to_owned(),
            reference: (*key.reference).to_owned(),
        }
    }
}

/// Of everything that is not the magic and not the checksum itself. `file` has a header.
fn checksum(file: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&file[8..20]);
    hasher.update(&file[HEADER..]);
    hasher.finalize()
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::{FormatError, HEADER, decode, encode};
    use crate::history::{HistoryKey, HistoryRow, HistorySnapshot};
    use crate::stats::Stats;
    use std::time::{Duration, SystemTime};

    fn sample() -> HistorySnapshot {
        let mut snapshot = HistorySnapshot {
            taken_at: SystemTime::UNIX_EPOCH + Duration::from_nanos(1_700_000_000_123_456_789),
            discarded: Stats {
                total_rx_bytes: 3,
                ..Stats::default()
            },
            ..HistorySnapshot::default()
        };
        for n in 0..5u64 {
            let key = HistoryKey::new("here", &format!("peer {n}"), "ré:f");
            let stats = Stats {
                total_sessions: n,
                total_tx_bytes: u64::MAX - n,
                ..Stats::default()
            };
            let row = HistoryRow {
                is_partial: n % 2 == 1,
                inherited: n * 1_000,
                ..HistoryRow::of(stats)
            };
            snapshot.insert(&key, row);
        }
        snapshot
    }

    #[test]
    fn what_is_encoded_decodes_the_same() {
        for snapshot in [HistorySnapshot::default(), sample()] {
            assert_eq!(decode(&encode(&snapshot).unwrap()).unwrap(), snapshot);
        }
    }

    #[test]
    fn p6_a_flipped_bit_anywhere_is_found() {
        let file = encode(&sample()).unwrap();
        for bit in 0..file.len() * 8 {
            let mut torn = file.clone();
            torn[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&torn).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn p6_a_file_cut_or_grown_anywhere_is_found() {
        let file = encode(&sample()).unwrap();
        for length in 0..file.len() {
            assert!(decode(&file[..length]).is_err(), "cut at {length}");
        }
        assert_eq!(decode(&file[..7]), Err(FormatError::Short { found: 7 }));
        let grown = [&file[..], &[0]].concat();
        let length = (file.len() - HEADER) as u64;
        assert_eq!(
            decode(&grown),
            Err(FormatError::Length {
                said: length,
                found: length + 1
            })
        );
    }

    #[test]
    fn other_versions_are_named() {
        let mut file = encode(&sample()).unwrap();
        file[8] = 9;
        assert_eq!(decode(&file), Err(FormatError::Version { found: 9 }));
        assert!(
            FormatError::Version { found: 9 }
                .to_string()
                .contains("at byte 8")
        );
    }
}
