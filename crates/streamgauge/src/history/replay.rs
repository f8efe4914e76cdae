//! What one file comes to: the records of a snapshot that check out, or the saves of a log up to the first that does not.
//!
//! A save is entered as soon as its records are read, and counted behind that. Where the counts are others than it says, the
//! history has it already: whoever reads then begins anew, and says where to end.

use super::entry::{self, End, Entry};
use super::format::{FileId, FormatError, Record, RecordReader};
use super::row::HistoryRow;
use super::snapshot::HistorySnapshot;
use crate::stats::Stats;

/// Where something does not check out, why, and what is lost by it.
pub(super) type Fault = Option<(u64, FormatError, String)>;

/// A snapshot that was read: all of it, or what checks out.
pub(super) struct Salvaged {
    pub(super) history: HistorySnapshot,
    pub(super) damage: Fault,
}

impl Salvaged {
    pub(super) fn read(id: FileId, file: &[u8]) -> Self {
        let mut history = HistorySnapshot::default();
        let mut first: Option<(u64, FormatError)> = None;
        let mut end = None;
        let mut reader = RecordReader::new(id, file).unwrap_or_else(|error| {
            first = Some((0, error));
            RecordReader::from(id, file, 0)
        });
        if first.is_some() && !reader.skip_damage() {
            reader.give_up();
        }
        loop {
            let at = reader.at();
            let fault = match reader.next() {
                None => break,
                Some(Ok(record)) => match apply(&[record], &mut history) {
                    Ok(ended) => {
                        end = ended.or(end);
                        continue;
                    }
                    // Its checksum agrees: whoever wrote it wrote that.
                    Err(fault) => fault,
                },
                Some(Err(error)) => {
                    if !reader.skip_damage() {
                        reader.give_up();
                    }
                    error
                }
            };
            first.get_or_insert((at, fault));
        }
        let missing = |end: &End| {
            let rows = end.rows.saturating_sub(history.len() as u64);
            let open = end.open.saturating_sub(history.open.len());
            (rows, open)
        };
        let damage = match (&end, first) {
            (Some(end), None) if end.agrees_with(&history) => None,
            (Some(end), first) => {
                let (rows, open) = missing(end);
                let lost = format!(
                    "{rows} of {} rows, {open} of {} open sessions",
                    end.rows, end.open
                );
                let (at, error) = first.unwrap_or((file.len() as u64, FormatError::Count));
                Some((at, error, lost))
            }
            (None, first) => {
                let lost = format!(
                    "what was discarded, and all but {} rows and {} open sessions",
                    history.len(),
                    history.open.len()
                );
                let (at, error) = first.unwrap_or((file.len() as u64, FormatError::Short));
                Some((at, error, lost))
            }
        };
        Self { history, damage }
    }
}

/// A log that was read.
pub(super) struct Replayed {
    pub(super) saves: u64,
    /// Up to which byte it is right.
    pub(super) right: u64,
    pub(super) damage: Fault,
    /// Whether saves check out behind the damage.
    pub(super) is_followed: bool,
}

impl Replayed {
    /// Reads on from a history that is whole, or not; up to byte `end`, where that is known to be the beginning of a save
    /// that does not count up. One that is found here to be so has changed the history.
    pub(super) fn read(
        id: FileId,
        file: &[u8],
        is_whole: bool,
        end: Option<u64>,
        history: &mut HistorySnapshot,
    ) -> Self {
        let mut this = Self {
            saves: 0,
            right: 0,
            damage: None,
            is_followed: false,
        };
        let mut reader = match RecordReader::new(id, file) {
            Ok(reader) => reader,
            Err(error) => {
                let lost = format!("its saves, in {} bytes", file.len());
                this.damage = Some((0, error, lost));
                return this;
            }
        };
        this.right = reader.at();
        let mut save: Vec<Record<'_>> = Vec::new();
        let fault = loop {
            if save.is_empty() && Some(reader.at()) == end {
                break FormatError::Count;
            }
            match reader.next() {
                None if save.is_empty() => return this,
                None => break FormatError::Short,
                Some(Err(error)) => break error,
                Some(Ok(record)) => {
                    save.push(record);
                    if !record.is_last {
                        continue;
                    }
                    match apply(&save, history) {
                        Err(error) => break error,
                        Ok(Some(end)) if !is_whole || end.agrees_with(history) => save.clear(),
                        Ok(_) => break FormatError::Count,
                    }
                    this.saves += 1;
                    this.right = reader.at();
                }
            }
        };
        let bytes = file.len() as u64 - this.right;
        let (mut later, mut last) = (0_u64, None);
        while reader.skip_damage() {
            while let Some(Ok(record)) = reader.next() {
                later += u64::from(record.is_last);
                last = ended_at(&record).or(last);
            }
        }
        let lost = match last {
            None => format!("the save that these {bytes} bytes were to be"),
            Some(last) => {
                let since = |time: std::time::SystemTime| {
                    time.duration_since(std::time::SystemTime::UNIX_EPOCH)
                        .map_or(0, |time| time.as_secs())
                };
                format!(
                    "{bytes} bytes, in which {later} later saves check out: what was saved from {} to {} s after 1970",
                    since(history.taken_at),
                    since(last)
                )
            }
        };
        this.damage = Some((this.right, fault, lost));
        this.is_followed = later > 0;
        this
    }
}

/// When a save was taken that ends with this record.
fn ended_at(record: &Record<'_>) -> Option<std::time::SystemTime> {
    let mut payload = record.payload;
    let mut at = None;
    while let Some(Ok(entry)) = Entry::decode(&mut payload) {
        if let Entry::End(end) = entry {
            at = Some(end.taken_at());
        }
    }
    at
}

/// Brings a history up to what the records say: all of it, or, where they cannot be read, nothing.
fn apply(records: &[Record<'_>], history: &mut HistorySnapshot) -> Result<Option<End>, FormatError> {
    // Read once before anything is changed, so that an entry that cannot be read leaves the history as it was.
    let mut is_ended = false;
    for record in records {
        let mut payload = record.payload;
        while let Some(entry) = Entry::decode(&mut payload) {
            if is_ended {
                return Err(FormatError::Behind);
            }
            is_ended = matches!(entry?, Entry::End(_));
        }
    }
    let mut end = None;
    for record in records {
        let mut payload = record.payload;
        while let Some(Ok(entry)) = Entry::decode(&mut payload) {
            if let Entry::End(ended) = entry {
                end = Some(ended);
            }
            take_over(&entry, history);
        }
    }
    Ok(end)
}

fn take_over(entry: &Entry<'_>, history: &mut HistorySnapshot) {
    match *entry {
        Entry::Row {
            key,
            totals,
            is_partial,
            inherited,
        } => {
            let stats = Stats::from(totals);
            let row = HistoryRow {
                stats,
                is_partial,
                inherited,
            };
            history.insert(&key.to_key(), row);
        }
        Entry::Gone { key } => drop(history.remove(&key.to_key())),
        Entry::Opened {
            serial,
            id,
            key,
            created_at,
            is_active,
            totals,
        } => {
            let session = entry::open_session(serial, id, key, created_at, is_active, totals);
            history.open.kept.insert(serial, session);
            history.next_serial = history.next_serial.max(serial.saturating_add(1));
        }
        Entry::Moved {
            serial,
            is_active,
            totals,
        } => {
            // Not there only where a damaged snapshot has lost it.
            if let Some(session) = history.open.kept.get_mut(&serial) {
                session.is_active = is_active;
                session.stats = Stats::from(totals);
            }
        }
        Entry::Ended { serial } => drop(history.open.kept.remove(&serial)),
        Entry::End(end) => {
            history.discarded = end.discarded();
            history.taken_at = end.taken_at();
            history.next_serial = history.next_serial.max(end.next_serial);
        }
    }
}

impl End {
    /// Whether there are as many rows and open sessions as the save says.
    fn agrees_with(&self, history: &HistorySnapshot) -> bool {
        self.rows == history.len() as u64 && self.open == history.open.len()
    }
}

#[cfg(all(test, not(loom)))]
#[expect(clippy::unwrap_used, clippy::panic, reason = "the set-up of tests")]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::{Replayed, Salvaged};
    use crate::history::HistoryKey;
    use crate::history::disk::Disk;
    use crate::history::entry::{End, Entry};
    use crate::history::file::FileStore;
    use crate::history::format::{FileId, FormatError, RecordWriter};
    use crate::history::journal::Limits;
    use crate::history::open::{OpenChange, OpenSession};
    use crate::history::row::HistoryRow;
    use crate::history::simulated::SimulatedDisk;
    use crate::history::snapshot::HistorySnapshot;
    use crate::history::store::{HistoryStore, Loaded};
    use crate::session::id::SessionId;
    use crate::stats::Stats;

    fn key(name: &str) -> HistoryKey {
        HistoryKey::new("here", name, "stream")
    }

    fn with_rows(names: &[&str]) -> HistorySnapshot {
        let mut history = HistorySnapshot::default();
        for name in names {
            history.insert(&key(name), HistoryRow::default());
        }
        history
    }

    /// A file of these saves, each a record.
    fn file(id: FileId, saves: &[&[Entry<'_>]]) -> Vec<u8> {
        let mut file = id.header().to_vec();
        let mut records = RecordWriter::new(id, file.len() as u64);
        for save in saves {
            save.iter().for_each(|entry| records.push(entry).unwrap());
            records.end_record(true).unwrap();
        }
        file.extend(records.into_bytes());
        file
    }

    /// What a log comes to; and where, and by what, it ends.
    fn replayed(saves: &[&[Entry<'_>]]) -> (HistorySnapshot, Option<(u64, String)>) {
        let disk = SimulatedDisk::default();
        let directory = Path::new("kept");
        let path = directory.join("hls.0.log");
        let bytes = file(FileId::log(0), saves);
        disk.open(&path, 0)
            .and_then(|mut file| file.write(&bytes))
            .unwrap();
        let store = FileStore::on(Arc::new(disk), directory, Limits::default());
        match store.load("hls").unwrap() {
            Loaded::Nothing => panic!("there is a file"),
            Loaded::History(history) => (history, None),
            Loaded::Damaged { history, set_aside } => {
                let damage = &set_aside[0].damage;
                (history, Some((damage.offset, damage.cause.clone())))
            }
        }
    }

    #[test]
    fn p6_a_save_that_does_not_count_up_leaves_what_was_saved_before_as_it_was() {
        let (one, two) = (key("one"), key("two"));
        let row = HistoryRow::default();
        let first = [
            Entry::row(&one, Some(&row)),
            Entry::End(End::of(&with_rows(&["one"]))),
        ];
        let end = file(FileId::log(0), &[&first]).len() as u64;
        // It takes one row out and puts another in, and says that there are two; or nothing at all.
        let of_two = Entry::End(End::of(&with_rows(&["one", "two"])));
        let bad = [Entry::row(&one, None), Entry::row(&two, Some(&row)), of_two];
        for bad in [&bad[..], &bad[..2]] {
            let (history, damage) = replayed(&[&first, bad, &first]);
            assert_eq!(history, with_rows(&["one"]));
            assert_eq!(damage, Some((end, FormatError::Count.to_string())));
        }
        // The end comes first, and says what is right behind it.
        let early = [bad[2], bad[1]];
        let (history, damage) = replayed(&[&first, &early]);
        assert_eq!(history, with_rows(&["one"]));
        assert_eq!(damage, Some((end, FormatError::Behind.to_string())));
        // The same that says that there is one.
        let good = [bad[0], bad[1], Entry::End(End::of(&with_rows(&["two"])))];
        assert_eq!(replayed(&[&first, &good]), (with_rows(&["two"]), None));
    }

    #[test]
    fn p6_a_snapshot_that_has_more_than_it_says_is_damaged() {
        let (one, two) = (key("one"), key("two"));
        let row = HistoryRow::default();
        let rows = [Entry::row(&one, Some(&row)), Entry::row(&two, Some(&row))];
        let id = FileId::snapshot(3);
        for (said, is_damaged) in [(&["one"][..], true), (&["one", "two"], false)] {
            let end = Entry::End(End::of(&with_rows(said)));
            let read = Salvaged::read(id, &file(id, &[&[rows[0], rows[1], end]]));
            assert_eq!(read.damage.is_some(), is_damaged);
            assert_eq!(read.history, with_rows(&["one", "two"]));
        }
    }

    #[test]
    fn p6_a_serial_that_nobody_could_count_on_from_is_damage() {
        let opened = |serial| {
            OpenChange::Opened(OpenSession {
                serial,
                id: SessionId::from("id"),
                key: key("one"),
                created_at: std::time::SystemTime::UNIX_EPOCH,
                is_active: true,
                stats: Stats::default(),
            })
        };
        let highest = (1 << 63) - 1;
        for (serial, is_damaged) in [(highest, false), (highest + 1, true), (u64::MAX, true)] {
            let (opened, ended) = (opened(serial), OpenChange::Ended { serial });
            let end = Entry::End(End::of(&HistorySnapshot::default()));
            let (history, damage) = replayed(&[&[Entry::change(&opened), Entry::change(&ended), end]]);
            assert_eq!(damage.is_some(), is_damaged, "{serial}");
            assert_eq!(history.next_serial(), if is_damaged { 0 } else { serial + 1 });
            let mut end = End::of(&HistorySnapshot::default());
            end.next_serial = serial + u64::from(serial < u64::MAX);
            let (history, damage) = replayed(&[&[Entry::End(end)]]);
            assert_eq!(damage.is_some(), is_damaged, "{serial}");
            assert_eq!(history.next_serial(), if is_damaged { 0 } else { serial + 1 });
        }
    }

    #[test]
    fn p6_a_save_of_several_records_is_none_without_its_last() {
        let (one, two) = (key("one"), key("two"));
        let row = HistoryRow::default();
        let id = FileId::log(0);
        let end = Entry::End(End::of(&with_rows(&["one"])));
        let mut log = file(id, &[&[Entry::row(&one, Some(&row)), end], &[end]]);
        let right = log.len() as u64;
        let read = |log: &[u8]| {
            let mut history = HistorySnapshot::default();
            let read = Replayed::read(id, log, true, None, &mut history);
            assert_eq!((read.saves, read.right, history), (2, right, with_rows(&["one"])));
            read.damage
        };
        assert_eq!(read(&log), None);
        let mut records = RecordWriter::new(id, right);
        records.push(&Entry::row(&two, Some(&row))).unwrap();
        records.end_record(false).unwrap();
        log.extend(records.into_bytes());
        let bytes = log.len() as u64 - right;
        let lost = format!("the save that these {bytes} bytes were to be");
        assert_eq!(read(&log), Some((right, FormatError::Short, lost)));
    }
}
