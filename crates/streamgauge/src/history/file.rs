//! The store that comes with the crate: histories in one directory, each in a snapshot and a log behind it.
//!
//! A save appends what changed to the log and syncs it: after a crash there is what was saved last, or the save before. What
//! does not check out is kept under another name, never written over. A lock file keeps a second store out of the
//! directory. docs/persistence.md has the format, and what is promised when.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, SystemDisk};
use super::journal::{Journal, Limits};
use super::recovery::{Damage, Files, InspectedFile};
use super::snapshot::HistorySnapshot;
use super::store::{HistoryStore, Loaded, StoreError, failed};
use crate::sync::{Mutex, lock};

/// File names of more bytes than this are an error of most systems'.
const MAX_NAME: usize = 255;

/// What a file's name has behind its stem at most: a number of 20 digits, `.snapshot` and `.corrupt-` with a number.
const MAX_SUFFIX: usize = 52;

/// Histories in a directory.
#[derive(Debug)]
pub struct FileStore {
    directory: PathBuf,
    disk: Arc<dyn Disk>,
    limits: Limits,
    journals: Mutex<HashMap<String, Arc<Mutex<Journal>>, ahash::RandomState>>,
    _lock: Option<Lock>,
}

/// Holds the lock of a directory for as long as it lives.
#[derive(Debug)]
struct Lock {
    file: File,
    /// The process that took it. A fork shares it, and may not let go of it.
    process: u32,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file would do, but for a process that is being started meanwhile and has it open until it runs.
        if self.process == std::process::id() {
            drop(self.file.unlock());
        }
    }
}

/// What the files of one collector come to, as they were found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Inspection {
    /// The collector.
    pub collector: String,
    /// What a load would answer.
    pub history: HistorySnapshot,
    /// Its files.
    pub files: Vec<InspectedFile>,
    /// What does not check out. A load would set it aside.
    pub damage: Vec<Damage>,
    /// What was set aside by loads before.
    pub set_aside: Vec<PathBuf>,
}

impl FileStore {
    /// Opens a directory, which is made if it is not there, and locks it.
    ///
    /// # Errors
    ///
    /// When it cannot be made, or written to, or another store has it.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let directory = directory.into();
        fs::create_dir_all(&directory)
            .map_err(|source| failed("create the directory", &directory, source))?;
        let path = directory.join("lock");
        let file = File::create(&path).map_err(|source| failed("create the lock file", &path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(Self {
                directory,
                disk: Arc::new(SystemDisk),
                limits: Limits::default(),
                journals: Mutex::default(),
                _lock: Some(Lock {
                    file,
                    process: std::process::id(),
                }),
            }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: directory }),
            Err(TryLockError::Error(source)) => Err(failed("lock", &path, source)),
        }
    }

    /// A store on a disk that is not the system's.
    #[cfg(all(test, not(loom)))]
    pub(super) fn on(disk: Arc<dyn Disk>, directory: &Path, limits: Limits) -> Self {
        Self {
            directory: directory.to_owned(),
            disk,
            limits,
            journals: Mutex::default(),
            _lock: None,
        }
    }

    /// For how many collectors something is held.
    #[cfg(all(test, not(loom)))]
    pub(super) fn held(&self) -> usize {
        lock(&self.journals).len()
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The collectors that have files here, by name.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read.
    pub fn collectors(&self) -> Result<Vec<String>, StoreError> {
        collectors(&*self.disk, &self.directory)
    }

    /// Writes the whole history of a collector anew, as it was saved last, and removes what came before. Takes as long as
    /// writing all of it does.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or written.
    pub fn compact(&self, collector: &str) -> Result<(), StoreError> {
        match self.load(collector)? {
            Loaded::Nothing => Ok(()),
            Loaded::History(history) | Loaded::Damaged { history, .. } => {
                let journal = self.journal(collector)?;
                lock(&journal).rewrite(&history)
            }
        }
    }

    /// What the files of a directory come to, collector by collector. Takes no lock, changes nothing, and may run beside a
    /// program that saves there: a file that such a program removes meanwhile has it look again.
    ///
    /// # Errors
    ///
    /// When the directory or a file cannot be read.
    pub fn inspect(directory: &Path) -> Result<Vec<Inspection>, StoreError> {
        let disk = SystemDisk;
        let mut inspections = Vec::new();
        for collector in collectors(&disk, directory)? {
            inspections.push(inspect(&disk, directory, collector)?);
        }
        Ok(inspections)
    }

    /// The journal of a collector; as it was loaded, if it was.
    fn journal(&self, collector: &str) -> Result<Arc<Mutex<Journal>>, StoreError> {
        if let Some(journal) = lock(&self.journals).get(collector) {
            return Ok(Arc::clone(journal));
        }
        self.load(collector)?;
        let journals = lock(&self.journals);
        let journal = journals.get(collector);
        journal
            .map(Arc::clone)
            .ok_or_else(|| StoreError::Other(format!("{collector:?} has no journal")))
    }
}

/// How often files that vanish while they are read are looked for again.
const PATIENCE: u32 = 10;

fn inspect(disk: &dyn Disk, directory: &Path, collector: String) -> Result<Inspection, StoreError> {
    let stem = file_stem(&collector);
    let files = Files {
        disk,
        directory,
        stem: &stem,
    };
    let mut tries = 1;
    let recovery = loop {
        match files.recover() {
            Err(error) if error.is_missing() && tries < PATIENCE => tries += 1,
            // It may be a save that is being written.
            Ok(recovery) if recovery.tail.is_some() && tries < PATIENCE => tries += 1,
            recovered => break recovered?,
        }
    };
    Ok(Inspection {
        collector,
        set_aside: files.set_aside()?,
        history: recovery.history,
        files: recovery.files,
        damage: recovery.damage.into_iter().chain(recovery.tail).collect(),
    })
}

fn collectors(disk: &dyn Disk, directory: &Path) -> Result<Vec<String>, StoreError> {
    let names = disk
        .names(directory)
        .map_err(|source| failed("list", directory, source))?;
    let stems = names.iter().filter_map(|name| {
        let (stem, rest) = name.split_once('.')?;
        let is_history = rest.ends_with(".snapshot") || rest.ends_with(".log");
        is_history.then(|| collector_of(stem))?
    });
    let collectors: BTreeSet<String> = stems.collect();
    Ok(collectors.into_iter().collect())
}

impl HistoryStore for FileStore {
    fn load(&self, collector: &str) -> Result<Loaded, StoreError> {
        let stem = file_stem(collector);
        if stem.len() + MAX_SUFFIX > MAX_NAME {
            return Err(StoreError::Other(format!(
                "{collector:?} is too long for the name of a file: choose a shorter one"
            )));
        }
        let (journal, recovery, set_aside) = Journal::open(&self.disk, &self.directory, stem, self.limits)?;
        lock(&self.journals).insert(collector.to_owned(), Arc::new(Mutex::new(journal)));
        if recovery.is_empty() {
            return Ok(Loaded::Nothing);
        }
        let history = recovery.history;
        Ok(if set_aside.is_empty() {
            Loaded::History(history)
        } else {
            Loaded::Damaged { history, set_aside }
        })
    }

    fn save(&self, collector: &str, snapshot: &HistorySnapshot) -> Result<(), StoreError> {
        let journal = self.journal(collector)?;
        lock(&journal).save(snapshot)
    }

    fn maintain(&self, collector: &str) -> Result<bool, StoreError> {
        let journal = self.journal(collector)?;
        lock(&journal).maintain()
    }

    fn release(&self, collector: &str) {
        // A snapshot under way is given up: the logs have everything.
        drop(lock(&self.journals).remove(collector));
    }
}

/// A file name for a collector's name, such that two names never meet, also where file names ignore case: digits and
/// lower-case letters stand for themselves, an upper-case letter is marked, any other byte is spelt out.
fn file_stem(collector: &str) -> String {
    let mut stem = String::with_capacity(collector.len());
    for byte in collector.bytes() {
        match byte {
            b'0'..=b'9' | b'a'..=b'z' => stem.push(char::from(byte)),
            b'A'..=b'Z' => {
                stem.push('_');
                stem.push(char::from(byte.to_ascii_lowercase()));
            }
            _ => {
                stem.push('%');
                stem.push_str(&format!("{byte:02x}"));
            }
        }
    }
    stem
}

/// The collector whose files have this stem; none where no collector has.
fn collector_of(stem: &str) -> Option<String> {
    let mut bytes = stem.bytes();
    let mut collector = Vec::with_capacity(stem.len());
    while let Some(byte) = bytes.next() {
        collector.push(match byte {
            b'_' => bytes.next()?.to_ascii_uppercase(),
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    let collector = String::from_utf8(collector).ok()?;
    (file_stem(&collector) == stem).then_some(collector)
}

#[cfg(all(test, not(loom)))]
#[expect(clippy::unwrap_used, reason = "the set-up of tests")]
mod tests {
    use std::io;
    use std::path::{Path, PathBuf};
    use std::sync::{Arc, Mutex};

    use super::{FileStore, Inspection, PATIENCE, collector_of, file_stem, inspect};
    use crate::history::HistoryKey;
    use crate::history::disk::{Disk, DiskFile};
    use crate::history::journal::Limits;
    use crate::history::simulated::SimulatedDisk;
    use crate::history::snapshot::HistorySnapshot;
    use crate::history::store::{HistoryStore, StoreError};
    use crate::stats::Stats;

    /// What a read of a log is turned into.
    type Show = fn(Vec<u8>) -> io::Result<Vec<u8>>;

    /// A disk with a history on it, whose log is seen as it is only after some looks: another program saves there.
    #[derive(Debug)]
    struct Busy {
        disk: SimulatedDisk,
        show: Show,
        looks_at_most: u32,
        looks: Mutex<u32>,
    }

    impl Busy {
        fn new(show: Show, looks_at_most: u32) -> Self {
            let disk = SimulatedDisk::default();
            let store = FileStore::on(Arc::new(disk.clone()), Path::new("kept"), Limits::default());
            store.save("hls", &history()).unwrap();
            Self {
                disk,
                show,
                looks_at_most,
                looks: Mutex::default(),
            }
        }

        /// What an inspection says, and how often it looked.
        fn inspected(&self) -> (Result<Inspection, StoreError>, u32) {
            let inspected = inspect(self, Path::new("kept"), "hls".to_owned());
            (inspected, *self.looks.lock().unwrap())
        }
    }

    impl Disk for Busy {
        fn names(&self, directory: &Path) -> io::Result<Vec<String>> {
            self.disk.names(directory)
        }

        fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
            let content = self.disk.read(path)?;
            if path.extension().is_none_or(|extension| extension != "log") {
                return Ok(content);
            }
            let mut looks = self.looks.lock().unwrap();
            *looks += 1;
            if *looks <= self.looks_at_most {
                (self.show)(content)
            } else {
                Ok(content)
            }
        }

        fn open(&self, _: &Path, _: u64) -> io::Result<Box<dyn DiskFile>> {
            unreachable!("an inspection writes nothing")
        }

        fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
            unreachable!("an inspection renames nothing")
        }

        fn remove(&self, _: &Path) -> io::Result<()> {
            unreachable!("an inspection removes nothing")
        }

        fn sync_directory(&self, _: &Path) -> io::Result<()> {
            unreachable!("an inspection has nothing to sync")
        }
    }

    fn history() -> HistorySnapshot {
        let mut history = HistorySnapshot::default();
        let stats = Stats {
            total_rx_bytes: 7,
            ..Stats::default()
        };
        history.add(&HistoryKey::new("here", "there", "stream"), stats);
        history
    }

    fn vanished(_: Vec<u8>) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn torn(content: Vec<u8>) -> io::Result<Vec<u8>> {
        Ok([&content[..], b"torn"].concat())
    }

    #[test]
    fn what_another_program_is_at_is_looked_at_again_until_it_is_done() {
        for show in [vanished, torn] {
            let (inspected, looks) = Busy::new(show, PATIENCE - 1).inspected();
            let inspection = inspected.unwrap();
            assert_eq!((inspection.history, inspection.damage), (history(), Vec::new()));
            assert_eq!(looks, PATIENCE);
        }
        let (inspected, looks) = Busy::new(torn, 0).inspected();
        assert_eq!((inspected.unwrap().history, looks), (history(), 1));
    }

    #[test]
    fn what_stays_wrong_is_told_after_a_few_looks() {
        let log = PathBuf::from("kept/hls.1.log");
        let (inspected, looks) = Busy::new(vanished, u32::MAX).inspected();
        assert!(
            matches!(&inspected, Err(StoreError::Io { path, .. }) if *path == log),
            "{inspected:?}"
        );
        assert_eq!(looks, PATIENCE);
        let (inspected, looks) = Busy::new(torn, u32::MAX).inspected();
        let inspection = inspected.unwrap();
        let damage: Vec<_> = inspection
            .damage
            .iter()
            .map(|one| (&one.path, one.offset))
            .collect();
        assert_eq!((inspection.history, damage), (history(), vec![(&log, 32)]));
        assert_eq!(looks, PATIENCE);
        // No other program makes a disk unreadable.
        let (inspected, looks) =
            Busy::new(|_| Err(io::ErrorKind::PermissionDenied.into()), u32::MAX).inspected();
        assert!(inspected.is_err());
        assert_eq!(looks, 1);
    }

    #[test]
    fn a_directory_is_free_once_its_store_is_gone_also_while_a_process_is_being_started() {
        let directory = tempfile::tempdir().unwrap();
        let store = FileStore::open(directory.path()).unwrap();
        // As a child has it from the fork on until it runs a program.
        let inherited = store._lock.as_ref().map(|lock| lock.file.try_clone().unwrap());
        drop(store);
        FileStore::open(directory.path()).unwrap();
        drop(inherited);
    }

    #[test]
    fn what_a_fork_drops_frees_no_directory() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = FileStore::open(directory.path()).unwrap();
        let of_the_parent = store._lock.as_ref().map(|lock| lock.file.try_clone().unwrap());
        // Another process than the one that is running.
        store._lock.as_mut().unwrap().process ^= 1;
        drop(store);
        let refused = FileStore::open(directory.path());
        assert!(matches!(refused, Err(StoreError::InUse { .. })), "{refused:?}");
        drop(of_the_parent);
        FileStore::open(directory.path()).unwrap();
    }

    #[test]
    fn names_that_differ_in_case_do_not_meet() {
        assert_eq!(file_stem("abc"), "abc");
        assert_eq!(file_stem("aBC"), "a_b_c");
        assert_eq!(file_stem("../x"), "%2e%2e%2fx");
    }

    #[test]
    fn a_stem_tells_whose_it_is() {
        for name in ["", "abc", "aBC", "../x", "ü", "%", "_a"] {
            assert_eq!(collector_of(&file_stem(name)).as_deref(), Some(name));
        }
        for stem in ["A", "_", "_1", "%4", "%zz", "%ff", "%61", "lock ", "a-b"] {
            assert_eq!(collector_of(stem), None, "{stem}");
        }
    }
}
