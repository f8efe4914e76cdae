//! The frame of a history's files: a header, and records of which each checks out by itself. docs/persistence.md has it
//! byte by byte.
//!
//! | offset | bytes | header of a file |
//! |---|---|---|
//! | 0 | 8 | magic, `SGHISTRY` |
//! | 8 | 4 | format version, 2 |
//! | 12 | 4 | 1: a snapshot, 2: a log |
//! | 16 | 8 | its number |
//! | 24 | 4 | 0 |
//! | 28 | 4 | CRC-32 (IEEE) of bytes 0 to 27 |
//!
//! | offset | bytes | record |
//! |---|---|---|
//! | 0 | 4 | magic, `SGRC` |
//! | 4 | 1 | what it holds, 1: entries |
//! | 5 | 1 | 1: the last of its save, 0: another follows |
//! | 6 | 2 | 0 |
//! | 8 | 4 | length of the payload |
//! | 12 | 4 | CRC-32 of the file's bytes 12 to 23, the record's offset in the file as 8 bytes, its bytes 0 to 11 and the payload |
//! | 16 | .. | the payload: entries, one after the other |
//!
//! Numbers are little-endian. Nothing of a payload is decoded before its checksum agrees, and a record checks out at its own
//! place in its own file alone: what is left of an older file is none.

use super::entry::{Entry, EntryError};

const MAGIC: [u8; 8] = *b"SGHISTRY";
const VERSION: u32 = 2;
/// The bytes before the first record.
pub(crate) const HEADER: usize = 32;

const RECORD_MAGIC: [u8; 4] = *b"SGRC";
const RECORD_HEADER: usize = 16;

/// A record that has so many bytes is ended. One entry may make it longer.
const RECORD_BYTES: usize = 1 << 18;

/// A record that holds entries. Kept for what comes later: 16 for a log of sessions, 17 for buckets of time, 18 for
/// percentiles. A kind that is not known ends the reading: what follows may depend on it.
const ENTRIES: u8 = 1;

/// How often over all bytes of a file are read, in records that do not check out, before what is intact behind a damage is
/// looked for no more.
const SEARCH: usize = 8;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum FileKind {
    /// All there was at one moment.
    Snapshot,
    /// What changed since, save by save.
    Log,
}

impl FileKind {
    fn code(self) -> u32 {
        match self {
            Self::Snapshot => 1,
            Self::Log => 2,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Log => "log",
        }
    }
}

/// Which file of a collector's: a log begins where the snapshot of its number ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileId {
    pub(crate) number: u64,
    pub(crate) kind: FileKind,
}

impl FileId {
    pub(crate) fn snapshot(number: u64) -> Self {
        let kind = FileKind::Snapshot;
        Self { number, kind }
    }

    pub(crate) fn log(number: u64) -> Self {
        let kind = FileKind::Log;
        Self { number, kind }
    }

    /// The header of the file.
    pub(crate) fn header(self) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[0..8].copy_from_slice(&MAGIC);
        header[8..12].copy_from_slice(&VERSION.to_le_bytes());
        header[12..16].copy_from_slice(&self.kind.code().to_le_bytes());
        header[16..24].copy_from_slice(&self.number.to_le_bytes());
        let checksum = crc32fast::hash(&header[..28]);
        header[28..].copy_from_slice(&checksum.to_le_bytes());
        header
    }

    /// The checksum of a record at `at`.
    fn checksum(self, at: u64, head: &[u8], payload: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.kind.code().to_le_bytes());
        hasher.update(&self.number.to_le_bytes());
        hasher.update(&at.to_le_bytes());
        hasher.update(head);
        hasher.update(payload);
        hasher.finalize()
    }
}

/// What is wrong at a place in a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormatError {
    #[error("it ends within a header")]
    Short,
    #[error("not a history file, which begins with {:?}", String::from_utf8_lossy(&MAGIC))]
    Magic,
    #[error("format version {found}, of which this program knows only {VERSION}")]
    Version { found: u32 },
    #[error("it is another file than its name says")]
    Misplaced,
    #[error("checksum {said:08x}, but the content has {found:08x}")]
    Checksum { said: u32, found: u32 },
    #[error("no record begins here")]
    RecordMagic,
    #[error("a record of {said} bytes, of which {found} are there")]
    Length { said: u64, found: u64 },
    #[error("a record of kind {found}, which a later version of this program writes")]
    Kind { found: u8 },
    #[error("a save that ends with another number of rows or open sessions than it says")]
    Count,
    #[error("an entry behind the end of its save")]
    Behind,
    #[error(transparent)]
    Entry(#[from] EntryError),
}

/// Entries on their way into a file.
#[derive(Debug)]
pub(crate) struct RecordWriter {
    file: FileId,
    /// Where in the file `bytes` begins.
    at: u64,
    bytes: Vec<u8>,
    /// Where in `bytes` the record begins that is being filled.
    record: Option<usize>,
}

impl RecordWriter {
    /// Records that go to byte `at` of a file.
    pub(crate) fn new(file: FileId, at: u64) -> Self {
        Self {
            file,
            at,
            bytes: Vec::new(),
            record: None,
        }
    }

    /// How many bytes there are so far.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn push(&mut self, entry: &Entry<'_>) -> Result<(), FormatError> {
        let record = *self.record.get_or_insert_with(|| {
            let record = self.bytes.len();
            self.bytes.resize(record + RECORD_HEADER, 0);
            record
        });
        entry.encode(&mut self.bytes)?;
        if self.bytes.len() - record >= RECORD_BYTES {
            self.end_record(false)?;
        }
        Ok(())
    }

    /// Ends the record that is being filled, if one is. With `is_last` the save is complete.
    pub(crate) fn end_record(&mut self, is_last: bool) -> Result<(), FormatError> {
        let Some(record) = self.record.take() else {
            return Ok(());
        };
        let (head, payload) = self.bytes[record..].split_at_mut(RECORD_HEADER);
        let length = u32::try_from(payload.len()).map_err(|_| EntryError::TooLarge)?;
        head[0..4].copy_from_slice(&RECORD_MAGIC);
        head[4] = ENTRIES;
        head[5] = u8::from(is_last);
        head[8..12].copy_from_slice(&length.to_le_bytes());
        let checksum = self.file.checksum(self.at + record as u64, &head[..12], payload);
        head[12..16].copy_from_slice(&checksum.to_le_bytes());
        Ok(())
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// A record that checks out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) is_last: bool,
    pub(crate) payload: &'a [u8],
}

/// Walks through the records of a file.
#[derive(Debug)]
pub(crate) struct RecordReader<'a> {
    id: FileId,
    file: &'a [u8],
    at: usize,
    /// How many bytes may still be read of records that do not check out.
    patience: usize,
}

impl<'a> RecordReader<'a> {
    /// At the first record of a file, whose header has to say that it is this one.
    pub(crate) fn new(id: FileId, file: &'a [u8]) -> Result<Self, FormatError> {
        let header = file.get(..HEADER).ok_or(FormatError::Short)?;
        if header[..8] != MAGIC {
            return Err(FormatError::Magic);
        }
        // Before the checksum, which another version may have elsewhere.
        let version = little_endian_u32(&header[8..12]);
        if version != VERSION {
            return Err(FormatError::Version { found: version });
        }
        let (said, found) = (little_endian_u32(&header[28..32]), crc32fast::hash(&header[..28]));
        if said != found {
            return Err(FormatError::Checksum { said, found });
        }
        if header != id.header() {
            return Err(FormatError::Misplaced);
        }
        Ok(Self::from(id, file, HEADER))
    }

    /// At byte `at`, whatever the header says.
    pub(crate) fn from(id: FileId, file: &'a [u8], at: usize) -> Self {
        Self {
            id,
            file,
            at,
            patience: file.len().saturating_mul(SEARCH),
        }
    }

    /// Passes over all that is left.
    pub(crate) fn give_up(&mut self) {
        self.at = self.file.len();
    }

    /// Where the next record begins.
    pub(crate) fn at(&self) -> u64 {
        self.at as u64
    }

    /// The next record; none at the end. Where one does not check out the reader stays in front of it.
    pub(crate) fn next(&mut self) -> Option<Result<Record<'a>, FormatError>> {
        let rest = self.file.get(self.at..).filter(|rest| !rest.is_empty())?;
        let record = self.record(rest);
        if let Ok(record) = &record {
            self.at += RECORD_HEADER + record.payload.len();
        }
        Some(record)
    }

    /// The record that `rest` begins with. One whose payload was read in vain takes from the patience.
    fn record(&mut self, rest: &'a [u8]) -> Result<Record<'a>, FormatError> {
        let (head, rest) = rest.split_at_checked(RECORD_HEADER).ok_or(FormatError::Short)?;
        if head[..4] != RECORD_MAGIC {
            return Err(FormatError::RecordMagic);
        }
        let said = little_endian_u32(&head[8..12]) as usize;
        let payload = rest.get(..said).ok_or(FormatError::Length {
            said: said as u64,
            found: rest.len() as u64,
        })?;
        let at = self.at as u64;
        let (said, found) = (
            little_endian_u32(&head[12..16]),
            self.id.checksum(at, &head[..12], payload),
        );
        if said != found || head[4] != ENTRIES {
            self.patience = self.patience.saturating_sub(payload.len());
        }
        if said != found {
            return Err(FormatError::Checksum { said, found });
        }
        if head[4] != ENTRIES {
            return Err(FormatError::Kind { found: head[4] });
        }
        let is_last = head[5] == 1;
        Ok(Record { is_last, payload })
    }

    /// Goes on to the next record that checks out, behind the one in front of which the reader stands; `false` if there is
    /// none, or the patience is at its end. A file may be made to look like nothing but records, each of which has all of the
    /// rest: the patience is that of the whole file, not of one search, so that reading it stays linear.
    pub(crate) fn skip_damage(&mut self) -> bool {
        let from = self.at;
        for at in from + 1..self.file.len().saturating_sub(RECORD_HEADER - 1) {
            let rest = &self.file[at..];
            if !rest.starts_with(&RECORD_MAGIC) {
                continue;
            }
            if self.patience == 0 {
                break;
            }
            self.at = at;
            if self.record(rest).is_ok() {
                return true;
            }
        }
        self.at = from;
        false
    }
}

fn little_endian_u32(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u32::from(*byte))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{ENTRIES, FileId, RECORD_MAGIC, RecordReader, RecordWriter, SEARCH};
    use crate::history::HistoryKey;
    use crate::history::entry::Entry;

    /// A log of so many pairs: a record that says it has all of the rest, which does not check out, and an empty one that does.
    fn pretending(pairs: usize, kind: u8) -> Vec<u8> {
        let id = FileId::log(0);
        let mut file = id.header().to_vec();
        let length = file.len() + pairs * 32;
        file.resize(length, 0);
        // From the back, since a checksum is over what is behind it.
        for pair in (0..pairs).rev() {
            for (at, kind, is_right) in [
                (32 + pair * 32 + 16, ENTRIES, true),
                (32 + pair * 32, kind, kind != ENTRIES),
            ] {
                let (head, rest) = file[at..].split_at_mut(16);
                let said = if at % 32 == 0 { rest.len() } else { 0 };
                head[..4].copy_from_slice(&RECORD_MAGIC);
                head[4] = kind;
                head[8..12].copy_from_slice(&u32::try_from(said).unwrap_or(u32::MAX).to_le_bytes());
                let checksum = id.checksum(at as u64, &head[..12], &rest[..said]);
                let checksum = if is_right { checksum } else { !checksum };
                head[12..].copy_from_slice(&checksum.to_le_bytes());
            }
        }
        file
    }

    #[test]
    fn p5_a_file_that_looks_like_nothing_but_records_is_read_a_few_times_over_and_not_once_for_each() {
        // With a checksum that is wrong; and with one that is right, over a kind that is not known.
        for kind in [ENTRIES, 99] {
            let file = pretending(1_000, kind);
            let mut reader = RecordReader::new(FileId::log(0), &file).unwrap();
            let mut found = 0;
            while reader.skip_damage() {
                while let Some(Ok(_)) = reader.next() {
                    found += 1;
                }
            }
            // Each that is found costs a look at one that has all of the rest, and no more than one.
            assert!(
                (SEARCH + 1..=SEARCH + 2).contains(&found),
                "kind {kind}: {found} of 1000 were looked for"
            );
            // A few are all found.
            let file = pretending(5, kind);
            let mut reader = RecordReader::new(FileId::log(0), &file).unwrap();
            let mut found = 0;
            while reader.skip_damage() {
                found += 1;
                assert!(matches!(reader.next(), Some(Ok(_))));
            }
            assert_eq!(found, 5, "kind {kind}");
        }
    }

    #[test]
    fn a_save_is_in_records_of_a_quarter_of_a_mebibyte_each() {
        let (id, label) = (FileId::log(0), "a label ".repeat(16));
        let key = HistoryKey::new(&label, &label, &label);
        // Behind what is there already.
        let mut records = RecordWriter::new(id, 1_000);
        while records.len() < 1 << 20 {
            records.push(&Entry::row(&key, None)).unwrap();
        }
        records.end_record(true).unwrap();
        let file = [vec![0; 1_000], records.into_bytes()].concat();
        let mut reader = RecordReader::from(id, &file, 1_000);
        let mut found = Vec::new();
        while let Some(record) = reader.next() {
            let record = record.unwrap();
            found.push((16 + record.payload.len(), record.is_last));
        }
        let (last, full) = found.split_last().unwrap();
        let entry = 3 * label.len() + 8;
        assert!(full.len() >= 3 && last.1, "{found:?}");
        let quarter = 1 << 18;
        assert!(
            full.iter()
                .all(|(bytes, is_last)| !is_last && (quarter..quarter + entry).contains(bytes)),
            "{found:?}"
        );
    }
}
