//! A snapshot on its way to the disk, a step at a time.
//!
//! What it holds does not change meanwhile: its rows are a persistent map, its open sessions a summary's. Both stay in
//! memory until it is whole.

use std::ops::Bound;

use super::HistoryKey;
use super::entry::{End, Entry};
use super::format::{FileId, FormatError, HEADER, RecordWriter};
use super::journal::write;
use super::recovery::Files;
use super::snapshot::HistorySnapshot;
use super::store::StoreError;

/// What a step led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// There is more to write.
    Written,
    /// It is whole, and synced.
    Whole,
}

/// Up to where it is written.
#[derive(Debug)]
enum Place {
    Rows { after: Option<HistoryKey> },
    Open { after: Option<u64> },
    End,
}

/// A snapshot that is being written.
#[derive(Debug)]
pub(super) struct SnapshotWriter {
    file: FileId,
    snapshot: HistorySnapshot,
    place: Place,
    bytes: u64,
}

impl SnapshotWriter {
    pub(super) fn new(number: u64, snapshot: HistorySnapshot) -> Self {
        Self {
            file: FileId::snapshot(number),
            // All of it is written: what changed in its last save need not stay in memory for that.
            snapshot: HistorySnapshot {
                changes: None,
                ..snapshot
            },
            place: Place::Rows { after: None },
            bytes: 0,
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.file.number
    }

    /// How many bytes it has so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes at least `budget` bytes more, or what is left, and syncs them.
    ///
    /// # Errors
    ///
    /// When they could not be written. The step can be tried again.
    pub(super) fn step(&mut self, files: &Files<'_>, budget: u64) -> Result<Step, StoreError> {
        let path = files.unfinished(self.file.number);
        let is_new = self.bytes == 0;
        let at = if is_new { HEADER as u64 } else { self.bytes };
        let (bytes, place) = self
            .next(at, budget)
            .map_err(|error| StoreError::Other(format!("{}: {error}", path.display())))?;
        let header = self.file.header();
        let header = if is_new { &header[..] } else { &[] };
        self.bytes = write(files.disk, &path, self.bytes, &[header, &bytes])?;
        self.place = place;
        Ok(match self.place {
            Place::End => Step::Whole,
            _ => Step::Written,
        })
    }

    /// The next bytes, which go to `at`, and up to where that is.
    fn next(&self, at: u64, budget: u64) -> Result<(Vec<u8>, Place), FormatError> {
        let mut records = RecordWriter::new(self.file, at);
        let is_enough = |records: &RecordWriter| records.len() as u64 >= budget;
        if let Place::Rows { after } = &self.place {
            let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
            for (key, row) in self.snapshot.rows.range((from, Bound::Unbounded)) {
                records.push(&Entry::row(key, Some(row)))?;
                if is_enough(&records) {
                    records.end_record(false)?;
                    let after = Some(key.clone());
                    return Ok((records.into_bytes(), Place::Rows { after }));
                }
            }
        }
        let after = match &self.place {
            Place::Open { after } => *after,
            _ => None,
        };
        for session in self.snapshot.open.after(after) {
            records.push(&Entry::opened(&session))?;
            if is_enough(&records) {
                records.end_record(false)?;
                let after = Some(session.serial);
                return Ok((records.into_bytes(), Place::Open { after }));
            }
        }
        records.push(&Entry::End(End::of(&self.snapshot)))?;
        records.end_record(true)?;
        Ok((records.into_bytes(), Place::End))
    }
}
