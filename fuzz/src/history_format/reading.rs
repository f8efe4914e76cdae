//! Reads the files of a history byte by byte, from the format's description, sharing nothing with the code that is checked:
//! says up to where a file is right, and what it holds.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use streamgauge::{HistoryRow, HistorySnapshot, Stats};

use super::kind::Kind;

/// Serials are below this.
const SERIALS: u64 = 1 << 63;

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Content {
    /// By location, peer, reference.
    pub(super) rows: BTreeMap<[String; 3], HistoryRow>,
    /// By serial.
    pub(super) open: BTreeMap<u64, Open>,
    pub(super) discarded: Stats,
    pub(super) taken_at: SystemTime,
    pub(super) next_serial: u64,
}

/// A session that was open.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Open {
    pub(super) id: Vec<u8>,
    pub(super) labels: [String; 3],
    pub(super) created_at: SystemTime,
    pub(super) is_active: bool,
    pub(super) stats: Stats,
}

/// What is right of a file.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) content: Content,
    /// From which byte on something has to be kept elsewhere: of a log from where it is not right, of a snapshot all of it.
    pub(super) aside: Option<usize>,
}

enum Entry {
    Row([String; 3], HistoryRow),
    Gone([String; 3]),
    Opened(u64, Open),
    Moved(u64, bool, Stats),
    Ended(u64),
    End {
        taken_at: SystemTime,
        discarded: Stats,
        next_serial: u64,
        rows: u64,
        open: u64,
    },
}

/// The saves of a log up to the first that is not right.
pub(super) fn log(file: &[u8], number: u64) -> Reading {
    let mut records = Records::of(file, Kind::Log, number);
    let mut content = Content::nothing();
    if !records.has_header() {
        return Reading {
            content,
            aside: Some(0),
        };
    }
    let (mut at, mut right) = (32, 32);
    let mut save = Some(Vec::new());
    while let Some((is_last, payload)) = records.at(at) {
        at += 16 + payload.len();
        if let (Some(save), Some(more)) = (&mut save, entries(payload)) {
            save.extend(more);
        } else {
            save = None;
        }
        if is_last {
            let mut after = content.clone();
            if !save.take().is_some_and(|entries| after.is_saved(entries)) {
                break;
            }
            content = after;
            right = at;
            save = Some(Vec::new());
        }
    }
    Reading {
        content,
        aside: (right < file.len()).then_some(right),
    }
}

/// All records of a snapshot that are right.
pub(super) fn snapshot(file: &[u8], number: u64) -> Reading {
    let mut records = Records::of(file, Kind::Snapshot, number);
    let mut content = Content::nothing();
    let mut is_right = records.has_header();
    let mut said = None;
    let mut at = if is_right { Some(32) } else { records.behind(0) };
    while let Some(place) = at.filter(|place| *place < file.len()) {
        let Some((_, payload)) = records.at(place) else {
            is_right = false;
            at = records.behind(place);
            continue;
        };
        at = Some(place + 16 + payload.len());
        match entries(payload).filter(|entries| nothing_is_behind_an_end(entries)) {
            Some(entries) => {
                for entry in entries {
                    said = content.enter(entry).or(said);
                }
            }
            None => is_right = false,
        }
    }
    let is_counted = said == Some(content.counts());
    Reading {
        content,
        aside: (!is_right || !is_counted).then_some(0),
    }
}

fn nothing_is_behind_an_end(entries: &[Entry]) -> bool {
    let end = entries
        .iter()
        .position(|entry| matches!(entry, Entry::End { .. }));
    end.is_none_or(|end| end + 1 == entries.len())
}

impl Content {
    fn nothing() -> Self {
        Self {
            rows: BTreeMap::new(),
            open: BTreeMap::new(),
            discarded: Stats::default(),
            taken_at: SystemTime::UNIX_EPOCH,
            next_serial: 0,
        }
    }

    /// What a store answered. It does not say which serial comes next.
    pub(super) fn of(snapshot: &HistorySnapshot, next_serial: u64) -> Self {
        let text = |label: &streamgauge::Label| label.as_str().to_owned();
        let labels = |key: &streamgauge::HistoryKey| [&key.location, &key.peer, &key.reference].map(text);
        let open = snapshot.open().map(|session| {
            let open = Open {
                id: session.id.as_bytes().to_vec(),
                labels: labels(&session.key),
                created_at: session.created_at,
                is_active: session.is_active,
                stats: session.stats,
            };
            (session.serial, open)
        });
        Self {
            rows: snapshot.rows().map(|(key, row)| (labels(key), *row)).collect(),
            open: open.collect(),
            discarded: snapshot.discarded,
            taken_at: snapshot.taken_at,
            next_serial,
        }
    }

    fn counts(&self) -> (u64, u64) {
        (self.rows.len() as u64, self.open.len() as u64)
    }

    /// Enters the entries of a save; `false` if they are none.
    fn is_saved(&mut self, entries: Vec<Entry>) -> bool {
        let is_in_order = nothing_is_behind_an_end(&entries);
        let mut said = None;
        for entry in entries {
            said = self.enter(entry);
        }
        is_in_order && said == Some(self.counts())
    }

    /// Enters an entry. An end answers how many rows and how many open sessions there are to be.
    fn enter(&mut self, entry: Entry) -> Option<(u64, u64)> {
        match entry {
            Entry::Row(labels, row) => drop(self.rows.insert(labels, row)),
            Entry::Gone(labels) => drop(self.rows.remove(&labels)),
            Entry::Opened(serial, open) => {
                self.open.insert(serial, open);
                self.next_serial = self.next_serial.max(serial + 1);
            }
            Entry::Moved(serial, is_active, stats) => {
                if let Some(open) = self.open.get_mut(&serial) {
                    open.is_active = is_active;
                    open.stats = stats;
                }
            }
            Entry::Ended(serial) => drop(self.open.remove(&serial)),
            Entry::End {
                taken_at,
                discarded,
                next_serial,
                rows,
                open,
            } => {
                self.taken_at = taken_at;
                self.discarded = discarded;
                self.next_serial = self.next_serial.max(next_serial);
                return Some((rows, open));
            }
        }
        None
    }
}

/// The records of a file.
struct Records<'a> {
    file: &'a [u8],
    kind: Kind,
    number: u64,
    /// How many bytes of payloads may still be read in vain before what is right is looked for no more.
    patience: usize,
}

impl<'a> Records<'a> {
    fn of(file: &'a [u8], kind: Kind, number: u64) -> Self {
        Self {
            file,
            kind,
            number,
            patience: 8 * file.len(),
        }
    }

    fn whole(&self, at: usize, bytes: usize) -> Option<u64> {
        let bytes = self.file.get(at..)?.get(..bytes)?;
        Some(little_endian(bytes))
    }

    fn has_header(&self) -> bool {
        let is = |at, bytes, value: u64| self.whole(at, bytes) == Some(value);
        self.file.starts_with(b"SGHISTRY")
            && is(8, 4, 2)
            && is(12, 4, self.kind.code().into())
            && is(16, 8, self.number)
            && is(24, 4, 0)
            && is(28, 4, crc32fast::hash(&self.file[..28]).into())
    }

    /// The record at a place, if it is right: whether it is its save's last, and its payload.
    fn at(&mut self, at: usize) -> Option<(bool, &'a [u8])> {
        let head = self.file.get(at..)?.get(..16)?;
        let length = usize::try_from(little_endian(&head[8..12])).ok()?;
        let payload = self.file[at + 16..].get(..length)?;
        if !head.starts_with(b"SGRC") {
            return None;
        }
        let mut covered = Vec::new();
        covered.extend(self.kind.code().to_le_bytes());
        covered.extend(self.number.to_le_bytes());
        covered.extend((at as u64).to_le_bytes());
        covered.extend(&head[..12]);
        covered.extend(payload);
        let is_right = little_endian(&head[12..]) == u64::from(crc32fast::hash(&covered));
        if !is_right || head[4] != 1 {
            self.patience = self.patience.saturating_sub(length);
            return None;
        }
        Some((head[5] == 1, payload))
    }

    /// Where the next one is that is right, behind a place.
    fn behind(&mut self, place: usize) -> Option<usize> {
        for at in place + 1..self.file.len() {
            if self.file[at..].starts_with(b"SGRC") {
                if self.patience == 0 {
                    return None;
                }
                if self.at(at).is_some() {
                    return Some(at);
                }
            }
        }
        None
    }
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// The entries of a payload, if it has nothing else.
fn entries(payload: &[u8]) -> Option<Vec<Entry>> {
    let mut bytes = Bytes(payload);
    let mut entries = Vec::new();
    while !bytes.0.is_empty() {
        entries.push(bytes.entry()?);
    }
    Some(entries)
}

/// What is left to read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn entry(&mut self) -> Option<Entry> {
        Some(match self.number(u32::MAX.into())? {
            0 => Entry::Row(
                self.labels()?,
                HistoryRow {
                    stats: self.stats()?,
                    is_partial: self.flag()?,
                    inherited: self.number(u64::MAX)?,
                },
            ),
            1 => Entry::Gone(self.labels()?),
            2 => Entry::Opened(
                self.serial()?,
                Open {
                    id: self.lengthy()?.to_vec(),
                    labels: self.labels()?,
                    created_at: self.time()?,
                    is_active: self.flag()?,
                    stats: self.stats()?,
                },
            ),
            3 => Entry::Moved(self.serial()?, self.flag()?, self.stats()?),
            4 => Entry::Ended(self.serial()?),
            5 => Entry::End {
                taken_at: self.time()?,
                discarded: self.stats()?,
                next_serial: self.number(u64::MAX).filter(|next| *next <= SERIALS)?,
                rows: self.number(u64::MAX)?,
                open: self.number(u64::MAX)?,
            },
            _ => return None,
        })
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number in any of the lengths that one up to `most` may have; it need not be the shortest.
    fn number(&mut self, most: u64) -> Option<u64> {
        let length = match self.take(1)?[0] {
            small @ 0..=250 => return Some(small.into()),
            251 => 2,
            252 => 4,
            253 if most > u32::MAX.into() => 8,
            _ => return None,
        };
        self.take(length).map(little_endian)
    }

    fn serial(&mut self) -> Option<u64> {
        self.number(u64::MAX).filter(|serial| *serial < SERIALS)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.take(1)?[0] {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    /// Bytes behind their number.
    fn lengthy(&mut self) -> Option<&'a [u8]> {
        let length = self.number(u64::MAX)?;
        self.take(usize::try_from(length).ok()?)
    }

    fn label(&mut self) -> Option<String> {
        String::from_utf8(self.lengthy()?.to_vec()).ok()
    }

    fn labels(&mut self) -> Option<[String; 3]> {
        Some([self.label()?, self.label()?, self.label()?])
    }

    /// Seconds and nanoseconds since 1970. What no calendar shows counts as 1970.
    fn time(&mut self) -> Option<SystemTime> {
        let seconds = Duration::from_secs(self.number(u64::MAX)?);
        let nanoseconds = Duration::from_nanos(self.number(u32::MAX.into())?);
        let time = SystemTime::UNIX_EPOCH.checked_add(seconds.checked_add(nanoseconds)?);
        Some(time.unwrap_or(SystemTime::UNIX_EPOCH))
    }

    fn stats(&mut self) -> Option<Stats> {
        Some(Stats {
            total_sessions: self.number(u64::MAX)?,
            total_rx_bytes: self.number(u64::MAX)?,
            total_tx_bytes: self.number(u64::MAX)?,
            total_rx_packets: self.number(u64::MAX)?,
            total_tx_packets: self.number(u64::MAX)?,
        })
    }
}
