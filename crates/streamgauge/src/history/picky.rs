//! A disk that refuses calls of one kind on some files.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::{Disk, DiskFile};
use super::simulated::SimulatedDisk;

/// What is asked of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Read,
    /// To be opened from byte 0 on, and made if it is not there.
    Make,
    /// To be opened further on.
    GoOn,
}

/// The disk. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct Picky {
    pub(super) disk: SimulatedDisk,
    refusal: Arc<Mutex<Refusal>>,
}

#[derive(Debug, Default)]
struct Refusal {
    /// Which calls, and how the names end of the files.
    of: Option<(Call, &'static str)>,
    /// So many are let through first.
    not_yet: u32,
    times: u32,
}

impl Picky {
    fn refusal(&self) -> MutexGuard<'_, Refusal> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses such a call on files whose names end so, from now on, but for the first few.
    pub(super) fn refuse(&self, call: Call, ending: &'static str, not_yet: u32) {
        let mut refusal = self.refusal();
        (refusal.of, refusal.not_yet) = (Some((call, ending)), not_yet);
    }

    pub(super) fn refuse_nothing(&self) {
        self.refusal().of = None;
    }

    /// How often it refused.
    pub(super) fn times(&self) -> u32 {
        self.refusal().times
    }

    fn ask(&self, call: Call, path: &Path) -> io::Result<()> {
        let mut refusal = self.refusal();
        let name = path.to_string_lossy();
        if !refusal
            .of
            .is_some_and(|(refused, ending)| refused == call && name.ends_with(ending))
        {
            return Ok(());
        }
        if refusal.not_yet > 0 {
            refusal.not_yet -= 1;
            return Ok(());
        }
        refusal.times += 1;
        Err(io::Error::other("not this one"))
    }
}

impl Disk for Picky {
    fn names(&self, directory: &Path) -> io::Result<Vec<String>> {
        self.disk.names(directory)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.ask(Call::Read, path)?;
        self.disk.read(path)
    }

    fn open(&self, path: &Path, at: u64) -> io::Result<Box<dyn DiskFile>> {
        self.ask(if at == 0 { Call::Make } else { Call::GoOn }, path)?;
        self.disk.open(path, at)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        self.disk.sync_directory(directory)
    }
}
