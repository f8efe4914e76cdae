//! The files of one collector, as they are written: saves go to a log, and now and then a snapshot takes the logs' place.
//!
//! * **A save** appends what changed to the last log and syncs it. One that fails is cut off by the next, which has its
//!   changes too.
//! * **A snapshot** is begun when the logs have outgrown the one before, right behind a save: the next log begins there, and
//!   what the snapshot has to hold is what was saved, in maps that do not change. It is written in steps, each with about
//!   twice as many bytes as the save before it; saves go on meanwhile. Once it is whole and synced it gets its name, and
//!   what came before is removed.
//!
//! So what is on disk is at most the old snapshot, as much again in logs, the new snapshot, and half as much in its log. All of
//! it runs on the worker, or in a stop.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::Disk;
use super::entry::{End, Entry};
use super::format::{FileId, HEADER, RecordWriter};
use super::recovery::{Damage, Files, Recovery};
use super::snapshot::{Base, Changes, HistorySnapshot, Mark};
use super::snapshot_writer::{SnapshotWriter, Step};
use super::store::{SetAside, StoreError, failed};

/// From how many bytes on what is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Logs of fewer bytes are no reason for a snapshot.
    pub(super) log: u64,
    /// A step of a snapshot writes so much at least, where there is so much left.
    pub(super) step: u64,
    /// So much is written at a time where all of it is written at once.
    pub(super) whole_step: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            log: 1 << 20,
            step: 1 << 18,
            whole_step: 1 << 23,
        }
    }
}

/// One collector's files.
#[derive(Debug)]
pub(super) struct Journal {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    stem: String,
    limits: Limits,
    /// The snapshot that the logs begin with; none as long as there is none.
    base: Option<u64>,
    base_bytes: u64,
    /// The bytes of the logs before the last.
    older_log_bytes: u64,
    /// The last log, and how long it is: what is behind that was not saved.
    log: u64,
    log_bytes: u64,
    /// The highest number of any file.
    highest: u64,
    /// What was saved last.
    saved: Base,
    /// Whether what is on disk has to be written anew.
    is_tainted: bool,
    /// What is behind the end of the last log and was not set aside yet.
    tail: Option<Damage>,
    /// The snapshot that is being written.
    writing: Option<SnapshotWriter>,
    last_save: u64,
    /// From how many bytes in logs on a snapshot is begun.
    due_at: u64,
    /// Why the last one could not be begun, or finished.
    failure: Option<String>,
}

impl Journal {
    /// Takes over what there is: sets aside what does not check out, and removes what is of no use. Answers what the
    /// files come to, too.
    pub(super) fn open(
        disk: &Arc<dyn Disk>,
        directory: &Path,
        stem: String,
        limits: Limits,
    ) -> Result<(Self, Recovery, Vec<SetAside>), StoreError> {
        let files = Files {
            disk: &**disk,
            directory,
            stem: &stem,
        };
        let mut recovery = files.recover()?;
        let mut set_aside = Vec::new();
        for damage in std::mem::take(&mut recovery.damage) {
            set_aside.push(keep(&files, damage)?);
        }
        let mut tail = recovery.tail.take();
        if let Some(damage) = &tail {
            // A disk that is full has no room for a copy, and that is no reason not to begin: what is there is whole. It is
            // kept before anything is written over it.
            let kept = keep(&files, damage.clone());
            let path = damage.path.clone();
            let damage = damage.clone();
            if kept.is_ok() {
                tail = None;
            }
            set_aside.push(kept.unwrap_or(SetAside { path, damage }));
        }
        for path in &recovery.leftovers {
            // What cannot be removed now is passed over as well the next time.
            drop(disk.remove(path));
        }
        let saved = if recovery.is_empty() {
            Base::Nothing
        } else {
            recovery.history.mark = Some(Mark::default());
            Base::of(&recovery.history)
        };
        let (base, base_bytes) = recovery.base.unzip();
        let (log, log_bytes) = recovery.log.unwrap_or((base.unwrap_or(0), 0));
        let mut journal = Self {
            disk: Arc::clone(disk),
            directory: directory.to_owned(),
            stem,
            limits,
            base,
            base_bytes: base_bytes.unwrap_or(0),
            older_log_bytes: recovery.older_log_bytes,
            log,
            log_bytes,
            highest: recovery.highest,
            saved,
            // Logs follow each other without a gap: behind a number that is passed over, none can.
            is_tainted: recovery.is_tainted || recovery.highest > log,
            tail,
            writing: None,
            last_save: 0,
            due_at: 0,
            failure: None,
        };
        journal.due_at = journal.next_due();
        Ok((journal, recovery, set_aside))
    }

    fn files(&self) -> Files<'_> {
        Files {
            disk: &*self.disk,
            directory: &self.directory,
            stem: &self.stem,
        }
    }

    /// The number of the next snapshot, and of its log.
    fn next_number(&self) -> Result<u64, StoreError> {
        self.highest.checked_add(1).ok_or_else(|| {
            let path = self.files().path(FileId::log(self.highest));
            StoreError::Other(format!("{} leaves no number for the next file", path.display()))
        })
    }

    fn next_due(&self) -> u64 {
        self.limits.log.max(self.base_bytes)
    }

    fn logged(&self) -> u64 {
        self.older_log_bytes + self.log_bytes
    }

    /// Saves what changed, or all of it where that is not known.
    pub(super) fn save(&mut self, snapshot: &HistorySnapshot) -> Result<(), StoreError> {
        self.keep_tail()?;
        let changes = snapshot.changes_since(&self.saved).filter(|_| !self.is_tainted);
        let Some(changes) = changes else {
            return self.rewrite(snapshot);
        };
        self.append(snapshot, changes)?;
        if self.writing.is_none() && self.logged() >= self.due_at {
            self.failure = self.begin(snapshot).err().map(|error| error.to_string());
        }
        Ok(())
    }

    /// Sets aside what could not be yet, before anything is written over it or it is removed.
    fn keep_tail(&mut self) -> Result<(), StoreError> {
        if let Some(damage) = &self.tail {
            keep(&self.files(), damage.clone())?;
            self.tail = None;
        }
        Ok(())
    }

    fn append(&mut self, snapshot: &HistorySnapshot, changes: &Changes) -> Result<(), StoreError> {
        let log = FileId::log(self.log);
        let path = self.files().path(log);
        let is_new = self.log_bytes < HEADER as u64;
        let at = if is_new { 0 } else { self.log_bytes };
        let bytes = save_bytes(log, at.max(HEADER as u64), snapshot, changes)
            .map_err(|error| StoreError::Other(format!("{}: {error}", path.display())))?;
        let header = is_new.then(|| log.header());
        let written = write(
            &*self.disk,
            &path,
            at,
            &[header.as_ref().map_or(&[], |header| &header[..]), &bytes],
        );
        // What was saved may not be there any more: then all of it is written anew.
        let written = written.inspect_err(|error| self.is_tainted |= at > 0 && error.is_missing())?;
        if is_new {
            self.sync_directory()?;
        }
        // Where that failed the caller has the changes still, and the next save writes over these.
        self.saved = Base::of(snapshot);
        self.log_bytes = written;
        self.last_save = bytes.len() as u64;
        Ok(())
    }

    /// Writes everything at once: a snapshot, and an empty log behind it.
    pub(super) fn rewrite(&mut self, snapshot: &HistorySnapshot) -> Result<(), StoreError> {
        self.keep_tail()?;
        self.writing = None;
        // Tainted until it is done: what a failure leaves is not known.
        self.is_tainted = true;
        let number = self.next_number()?;
        let mut writer = SnapshotWriter::new(number, snapshot.clone());
        while writer.step(&self.files(), self.limits.whole_step)? == Step::Written {}
        self.write_header(number)?;
        // A snapshot that has its name has its log, too.
        self.sync_directory()?;
        let base_bytes = writer.bytes();
        self.publish(number, base_bytes)?;
        self.log = number;
        self.log_bytes = HEADER as u64;
        self.saved = Base::of(snapshot);
        self.failure = None;
        self.is_tainted = false;
        Ok(())
    }

    /// Begins a snapshot of what was saved just now, and the log behind it.
    fn begin(&mut self, snapshot: &HistorySnapshot) -> Result<(), StoreError> {
        // Where it fails, tried again when there is more to gain by it.
        self.due_at = self.logged() + self.next_due() / 4;
        let number = self.next_number()?;
        self.write_header(number)?;
        self.sync_directory()?;
        self.highest = number;
        self.older_log_bytes += self.log_bytes;
        self.log = number;
        self.log_bytes = HEADER as u64;
        self.writing = Some(SnapshotWriter::new(number, snapshot.clone()));
        Ok(())
    }

    fn write_header(&self, number: u64) -> Result<(), StoreError> {
        let log = FileId::log(number);
        let path = self.files().path(log);
        write(&*self.disk, &path, 0, &[&log.header()]).map(|_| ())
    }

    /// One step towards a smaller log. Answers whether there is more to do.
    pub(super) fn maintain(&mut self) -> Result<bool, StoreError> {
        let Some(mut writer) = self.writing.take() else {
            // The last one failed, and until another is begun that is so.
            return match &self.failure {
                Some(failure) => Err(StoreError::Other(failure.clone())),
                None => Ok(false),
            };
        };
        let budget = self.limits.step.max(self.last_save.saturating_mul(2));
        self.last_save = 0;
        let step = writer.step(&self.files(), budget);
        let finished = match step {
            Ok(Step::Written) => {
                self.writing = Some(writer);
                return Ok(true);
            }
            Ok(Step::Whole) => self.publish(writer.number(), writer.bytes()),
            Err(error) => Err(error),
        };
        if let Err(error) = &finished {
            self.failure = Some(error.to_string());
            // Gives back the room that it took. The logs have everything.
            drop(self.disk.remove(&self.files().unfinished(writer.number())));
            self.due_at = self.logged() + self.next_due() / 4;
        }
        finished.map(|()| false)
    }

    /// Gives a snapshot that is whole its name, and removes what came before it.
    fn publish(&mut self, number: u64, bytes: u64) -> Result<(), StoreError> {
        let files = self.files();
        let path = files.path(FileId::snapshot(number));
        self.disk
            .rename(&files.unfinished(number), &path)
            .map_err(|source| failed("rename to", &path, source))?;
        self.sync_directory()?;
        self.base = Some(number);
        self.base_bytes = bytes;
        self.older_log_bytes = 0;
        self.highest = self.highest.max(number);
        self.due_at = self.next_due();
        self.remove_before(number);
        Ok(())
    }

    /// Removes the files of lower numbers. One that cannot be removed is passed over by whoever reads, and tried again
    /// behind the next snapshot.
    fn remove_before(&self, number: u64) {
        let files = self.files();
        let Ok(old) = files.before(number) else { return };
        for path in old {
            drop(self.disk.remove(&path));
        }
        drop(self.sync_directory());
    }

    fn sync_directory(&self) -> Result<(), StoreError> {
        sync_directory(&*self.disk, &self.directory)
    }
}

fn sync_directory(disk: &dyn Disk, directory: &Path) -> Result<(), StoreError> {
    disk.sync_directory(directory)
        .map_err(|source| failed("sync the directory", directory, source))
}

/// Writes these at byte `at` of a file, one behind the other, and syncs it. Answers how long it is then.
pub(super) fn write(disk: &dyn Disk, path: &Path, at: u64, parts: &[&[u8]]) -> Result<u64, StoreError> {
    let open = if at == 0 { "create" } else { "open" };
    let mut file = disk.open(path, at).map_err(|source| failed(open, path, source))?;
    let mut length = at;
    for part in parts {
        file.write(part).map_err(|source| failed("write", path, source))?;
        length += part.len() as u64;
    }
    file.sync().map_err(|source| failed("sync", path, source))?;
    Ok(length)
}

/// A save, as it goes to byte `at` of a log.
fn save_bytes(
    log: FileId,
    at: u64,
    snapshot: &HistorySnapshot,
    changes: &Changes,
) -> Result<Vec<u8>, super::format::FormatError> {
    let mut records = RecordWriter::new(log, at);
    for (key, row) in &changes.rows {
        records.push(&Entry::row(key, row.as_ref()))?;
    }
    for change in &changes.open {
        records.push(&Entry::change(change))?;
    }
    records.push(&Entry::End(End::of(snapshot)))?;
    records.end_record(true)?;
    Ok(records.into_bytes())
}

/// Keeps a copy of what does not check out under a name of its own, once however often it is found.
fn keep(files: &Files<'_>, damage: Damage) -> Result<SetAside, StoreError> {
    let set_aside = |source| failed("set aside", &damage.path, source);
    let bytes = match files.disk.read(&damage.path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let path = damage.path.clone();
            return Ok(SetAside { path, damage });
        }
        Err(source) => return Err(set_aside(source)),
    };
    // Of a log what is right stays where it is.
    let from = match files.is_log(&damage.path) {
        true => usize::try_from(damage.offset)
            .unwrap_or(usize::MAX)
            .min(bytes.len()),
        false => 0,
    };
    let bytes = &bytes[from..];
    for n in 1..=u32::MAX {
        let mut name = damage.path.clone().into_os_string();
        name.push(format!(".corrupt-{n}"));
        let path = PathBuf::from(name);
        match files.disk.read(&path) {
            Ok(there) if there == bytes => return Ok(SetAside { path, damage }),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let copied = files.disk.open(&path, 0).and_then(|mut file| {
                    file.write(bytes)?;
                    file.sync()
                });
                copied
                    .and_then(|()| files.disk.sync_directory(files.directory))
                    // Each try would leave another part of a copy, on a disk that is full as it is.
                    .inspect_err(|_| drop(files.disk.remove(&path)))
                    .map_err(set_aside)?;
                return Ok(SetAside { path, damage });
            }
            Err(source) => return Err(set_aside(source)),
        }
    }
    Err(StoreError::Other(format!(
        "no name is left to set {} aside under",
        damage.path.display()
    )))
}
