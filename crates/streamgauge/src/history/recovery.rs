//! What a collector's files come to. Reads alone: nothing is mended here.
//!
//! A collector has a snapshot N, whole when it has its name, and logs N, N+1 and so on, of which each begins where the one
//! before ends. (In the beginning there is log 0 and no snapshot.) The history is the newest snapshot and the saves of the
//! logs from its number on, up to the first that does not check out: entries say what is and not what was added, so a save
//! is there whole or not at all, and none counts twice.
//!
//! Where the newest snapshot does not check out, an older one is taken whose logs lead up to it, if there is one; else
//! the entries of the newest that do check out. They are of one moment, and right; what is lost is said.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::format::{FileId, FileKind, FormatError, HEADER};
use super::replay::{Replayed, Salvaged};
use super::snapshot::HistorySnapshot;
use super::store::{StoreError, failed};

/// Something in a file that does not check out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// From which byte on.
    pub offset: u64,
    /// What is wrong there.
    pub cause: String,
    /// What is lost by it.
    pub lost: String,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            path,
            offset,
            cause,
            lost,
        } = self;
        write!(f, "{} at byte {offset}: {cause}; lost: {lost}", path.display())
    }
}

/// A file of a collector's, as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InspectedFile {
    /// The file.
    pub path: PathBuf,
    /// How long it is.
    pub bytes: u64,
    /// What it is, and whether it counts.
    pub content: String,
}

/// What a collector's files come to.
#[derive(Debug)]
pub(super) struct Recovery {
    pub(super) history: HistorySnapshot,
    pub(super) files: Vec<InspectedFile>,
    pub(super) damage: Vec<Damage>,
    /// A save at the end of the last log that was not finished: what a crash leaves, or a disk that was full.
    pub(super) tail: Option<Damage>,
    /// The snapshot that was taken, and its bytes.
    pub(super) base: Option<(u64, u64)>,
    /// The bytes of the logs before the last.
    pub(super) older_log_bytes: u64,
    /// The last log, and up to which byte it is right; none where there is no log to go on with.
    pub(super) log: Option<(u64, u64)>,
    /// The highest number of any file.
    pub(super) highest: u64,
    /// Files that are of no use any more.
    pub(super) leftovers: Vec<PathBuf>,
    /// Whether what is on disk does not lead to `history` by itself: it has to be written anew.
    pub(super) is_tainted: bool,
    /// In which log, and from which byte on, there is a save that does not count up and is in `history`.
    uncounted: Option<(u64, u64)>,
}

impl Recovery {
    fn new() -> Self {
        Self {
            history: HistorySnapshot::default(),
            files: Vec::new(),
            damage: Vec::new(),
            tail: None,
            base: None,
            older_log_bytes: 0,
            log: None,
            highest: 0,
            leftovers: Vec::new(),
            is_tainted: false,
            uncounted: None,
        }
    }

    /// Whether there was nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

/// The files of a collector in a directory.
#[derive(Debug)]
pub(super) struct Files<'a> {
    pub(super) disk: &'a dyn Disk,
    pub(super) directory: &'a Path,
    pub(super) stem: &'a str,
}

impl Files<'_> {
    pub(super) fn path(&self, id: FileId) -> PathBuf {
        let FileId { number, kind } = id;
        self.directory
            .join(format!("{}.{number}.{}", self.stem, kind.name()))
    }

    /// A snapshot that is not whole yet.
    pub(super) fn unfinished(&self, number: u64) -> PathBuf {
        self.directory
            .join(format!("{}.{number}.snapshot.new", self.stem))
    }

    /// Whether a file is one of the logs.
    pub(super) fn is_log(&self, path: &Path) -> bool {
        path.extension().is_some_and(|extension| extension == "log")
    }

    /// The files of lower numbers than `number`.
    pub(super) fn before(&self, number: u64) -> Result<Vec<PathBuf>, StoreError> {
        let (ids, unfinished) = self.list()?;
        let older = ids.into_iter().filter(|(id, _)| id.number < number);
        Ok(older.map(|(_, path)| path).chain(unfinished).collect())
    }

    /// What was set aside.
    pub(super) fn set_aside(&self) -> Result<Vec<PathBuf>, StoreError> {
        let names = self.names()?;
        let is_aside = |name: &String| self.rest(name).is_some_and(|rest| rest.contains(".corrupt-"));
        let mut paths: Vec<_> = names
            .iter()
            .filter(|name| is_aside(name))
            .map(|name| self.directory.join(name))
            .collect();
        paths.sort();
        Ok(paths)
    }

    fn names(&self) -> Result<Vec<String>, StoreError> {
        self.disk
            .names(self.directory)
            .map_err(|source| failed("list", self.directory, source))
    }

    /// What comes behind the stem in a name.
    fn rest<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(self.stem)?.strip_prefix('.')
    }

    /// The files, by number; and leftovers of a snapshot that was not finished.
    fn list(&self) -> Result<(BTreeMap<FileId, PathBuf>, Vec<PathBuf>), StoreError> {
        let (mut ids, mut unfinished) = (BTreeMap::new(), Vec::new());
        for name in self.names()? {
            let Some(rest) = self.rest(&name) else {
                continue;
            };
            let path = self.directory.join(&name);
            match parse(rest) {
                Some((number, "snapshot")) => drop(ids.insert(FileId::snapshot(number), path)),
                Some((number, "log")) => drop(ids.insert(FileId::log(number), path)),
                Some((_, "snapshot.new")) => unfinished.push(path),
                _ => {}
            }
        }
        Ok((ids, unfinished))
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, StoreError> {
        self.disk
            .read(path)
            .map_err(|source| failed("read", path, source))
    }

    /// Finds out what the files come to.
    pub(super) fn recover(&self) -> Result<Recovery, StoreError> {
        let found = self.recover_up_to(None)?;
        match found.uncounted {
            // Once more without that save. It is rare, and what is kept to take a save back would be kept for each.
            Some(_) => self.recover_up_to(found.uncounted),
            None => Ok(found),
        }
    }

    /// Finds that out, up to a byte of a log.
    fn recover_up_to(&self, end: Option<(u64, u64)>) -> Result<Recovery, StoreError> {
        let (ids, unfinished) = self.list()?;
        let mut found = Recovery::new();
        found.highest = ids.keys().map(|id| id.number).max().unwrap_or(0);
        let snapshots = ids.iter().filter(|(id, _)| id.kind == FileKind::Snapshot);
        let snapshots: Vec<_> = snapshots.map(|(id, path)| (*id, path)).rev().collect();
        let newest = snapshots.first().map_or(0, |(id, _)| id.number);
        let leads_up = |from: u64| (from..newest).all(|number| ids.contains_key(&FileId::log(number)));
        self.find_base(&snapshots, leads_up, &mut found)?;
        let base = found.base.map_or(0, |(number, _)| number);
        let mut logs: BTreeMap<u64, &PathBuf> = BTreeMap::new();
        for (id, path) in &ids {
            if id.number < base {
                found.leftovers.push(path.clone());
            } else if id.kind == FileKind::Log {
                logs.insert(id.number, path);
            }
        }
        found.leftovers.extend(unfinished);
        self.replay(base, &logs, end, &mut found)?;
        found.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// Begins with the newest snapshot that checks out, of those from which the logs lead up to the newest of all; with
    /// nothing, if they lead up from there; or else with what can be had of the newest.
    fn find_base(
        &self,
        snapshots: &[(FileId, &PathBuf)],
        leads_up: impl Fn(u64) -> bool,
        found: &mut Recovery,
    ) -> Result<(), StoreError> {
        let mut salvaged = None;
        for (id, path) in snapshots {
            if !leads_up(id.number) {
                // What was left behind once, and would take the history back to then.
                continue;
            }
            let file = self.read(path)?;
            let bytes = file.len() as u64;
            let read = Salvaged::read(*id, &file);
            let content = match &read.damage {
                None => format!("snapshot {}: {} rows", id.number, read.history.len()),
                Some(_) => format!("snapshot {}: damaged", id.number),
            };
            found.files.push(InspectedFile {
                path: (*path).clone(),
                bytes,
                content,
            });
            let Some((offset, cause, lost)) = read.damage else {
                found.base = Some((id.number, bytes));
                found.history = read.history;
                return Ok(());
            };
            found.is_tainted = true;
            found.damage.push(Damage {
                path: (*path).clone(),
                offset,
                cause: cause.to_string(),
                lost,
            });
            salvaged.get_or_insert((id.number, bytes, read.history));
        }
        if let Some((number, bytes, history)) = salvaged
            && !leads_up(0)
        {
            found.base = Some((number, bytes));
            found.history = history;
        }
        Ok(())
    }

    /// Goes on with the logs from number `base` on.
    fn replay(
        &self,
        base: u64,
        logs: &BTreeMap<u64, &PathBuf>,
        end: Option<(u64, u64)>,
        found: &mut Recovery,
    ) -> Result<(), StoreError> {
        let mut expected = base;
        let mut is_cut = false;
        for (number, path) in logs {
            let file = self.read(path)?;
            let bytes = file.len() as u64;
            let mut note = |content: String| {
                found.files.push(InspectedFile {
                    path: (*path).clone(),
                    bytes,
                    content,
                });
            };
            if !is_cut && *number != expected && bytes <= HEADER as u64 {
                // Made for a snapshot that never got its name: there was no save yet.
                note(format!("log {number}: not begun"));
                found.leftovers.push((*path).clone());
                continue;
            }
            if is_cut || *number != expected {
                note(format!("log {number}: out of reach"));
                let cause = if is_cut {
                    "what comes before it does not check out".to_owned()
                } else {
                    format!("log {expected}, which comes before it, is missing")
                };
                let lost = format!("its saves, in {bytes} bytes");
                found.damage.push(Damage {
                    path: (*path).clone(),
                    offset: 0,
                    cause,
                    lost,
                });
                found.is_tainted = true;
                is_cut = true;
                continue;
            }
            let is_whole = found.damage.is_empty() || found.base.is_none();
            let end = end.filter(|(log, _)| log == number).map(|(_, end)| end);
            let replayed = Replayed::read(FileId::log(*number), &file, is_whole, end, &mut found.history);
            note(format!("log {number}: {} saves", replayed.saves));
            found.older_log_bytes += found.log.map_or(0, |(_, bytes)| bytes);
            found.log = Some((*number, replayed.right));
            expected = number.saturating_add(1);
            let Some((offset, cause, lost)) = replayed.damage else {
                continue;
            };
            let damage = Damage {
                path: (*path).clone(),
                offset,
                cause: cause.to_string(),
                lost,
            };
            is_cut = true;
            if cause == FormatError::Count && end.is_none() {
                found.uncounted = Some((*number, replayed.right));
            }
            // Without a header there is nothing to go on with.
            let can_go_on = replayed.right >= HEADER as u64 && cause != FormatError::Count;
            if can_go_on && !replayed.is_followed && logs.keys().next_back() == Some(number) {
                found.tail = Some(damage);
            } else {
                found.damage.push(damage);
                found.is_tainted |= !can_go_on;
            }
        }
        if found.base.is_some() && found.log.is_none() {
            // Its log is made before a snapshot has its name.
            let path = self.path(FileId::log(base));
            found.is_tainted = true;
            if !is_cut {
                found.damage.push(Damage {
                    path,
                    offset: 0,
                    cause: "the file is missing".to_owned(),
                    lost: "its saves".to_owned(),
                });
            }
        }
        Ok(())
    }
}

/// No store numbers its files that high: behind each there is room for all that will ever be written.
const NUMBERS: u64 = 1 << 63;

/// A number and what comes behind it.
fn parse(rest: &str) -> Option<(u64, &str)> {
    let (number, kind) = rest.split_once('.')?;
    let is_plain = number == "0" || !number.starts_with('0');
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    (is_plain && is_number)
        .then(|| Some((number.parse().ok()?, kind)))?
        .filter(|(number, _)| *number < NUMBERS)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::parse;
    use crate::history::HistoryKey;
    use crate::history::disk::Disk;
    use crate::history::file::FileStore;
    use crate::history::journal::Limits;
    use crate::history::simulated::SimulatedDisk;
    use crate::history::snapshot::HistorySnapshot;
    use crate::history::store::{HistoryStore, Loaded};
    use crate::stats::Stats;

    #[test]
    fn what_is_numbered_as_no_store_does_is_none_of_its_files() {
        assert_eq!(parse("0.log"), Some((0, "log")));
        assert_eq!(
            parse("9223372036854775807.snapshot"),
            Some(((1 << 63) - 1, "snapshot"))
        );
        for rest in [
            "9223372036854775808.log",
            "18446744073709551615.snapshot",
            "18446744073709551616.log",
            "00.log",
            "+1.log",
            ".log",
            "log",
        ] {
            assert_eq!(parse(rest), None, "{rest}");
        }
    }

    #[test]
    fn p6_a_file_of_the_highest_number_there_is_keeps_nobody_from_saving() {
        let disk = SimulatedDisk::default();
        let directory = Path::new("kept");
        let odd = directory.join(format!("hls.{}.log", u64::MAX));
        disk.open(&odd, 0)
            .and_then(|mut file| file.write(b"odd"))
            .unwrap();
        let store = || FileStore::on(Arc::new(disk.clone()), directory, Limits::default());
        assert_eq!(store().load("hls").unwrap(), Loaded::Nothing);
        let mut snapshot = HistorySnapshot::default();
        snapshot.add(&HistoryKey::new("here", "there", "stream"), Stats::default());
        store().save("hls", &snapshot).unwrap();
        assert_eq!(store().load("hls").unwrap(), Loaded::History(snapshot));
        assert_eq!(disk.read(&odd).unwrap(), b"odd");
    }
}
