//! The store that comes with the crate: one file per collector in one directory.
//!
//! A save writes a temporary file, syncs it, renames it over the old one and syncs the directory: after a crash there is
//! the old history or the new one. A file that does not check out is renamed, never written over. A lock file keeps a
//! second store out of the directory.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::HistorySnapshot;
use super::format::{decode, encode};
use super::store::{HistoryStore, Loaded, SetAside, StoreError};

/// Histories in a directory, one file per collector.
#[derive(Debug)]
pub struct FileStore {
    directory: PathBuf,
    /// Holds the lock for as long as the store lives.
    _lock: File,
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
        let lock = File::create(&path).map_err(|source| failed("create the lock file", &path, source))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                directory,
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: directory }),
            Err(TryLockError::Error(source)) => Err(failed("lock", &path, source)),
        }
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where the history of a collector is.
    fn path(&self, collector: &str) -> PathBuf {
        self.directory.join(format!("{}.history", file_stem(collector)))
    }

    /// Makes a rename in the directory outlast a power cut.
    fn sync_directory(&self) -> Result<(), StoreError> {
        File::open(&self.directory)
            .and_then(|directory| directory.sync_all())
            .map_err(|source| failed("sync the directory", &self.directory, source))
    }

    fn set_aside(&self, path: &Path, cause: String) -> Result<SetAside, StoreError> {
        for n in 1..=u32::MAX {
            let aside = path.with_extension(format!("corrupt-{n}"));
            let is_taken = aside
                .try_exists()
                .map_err(|source| failed("look for a free name at", &aside, source))?;
            if is_taken {
                continue;
            }
            fs::rename(path, &aside).map_err(|source| failed("set aside", path, source))?;
            self.sync_directory()?;
            return Ok(SetAside { path: aside, cause });
        }
        Err(StoreError::Other(format!(
            "no name is left to set {} aside under",
            path.display()
        )))
    }
}

impl HistoryStore for FileStore {
    fn load(&self, collector: &str) -> Result<Loaded, StoreError> {
        let path = self.path(collector);
        let file = match fs::read(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Loaded::Nothing),
            Err(source) => return Err(failed("read", &path, source)),
        };
        match decode(&file) {
            Ok(snapshot) => Ok(Loaded::History(snapshot)),
            Err(error) => Ok(Loaded::SetAside(self.set_aside(&path, error.to_string())?)),
        }
    }

    fn save(&self, collector: &str, snapshot: &HistorySnapshot) -> Result<(), StoreError> {
        let path = self.path(collector);
        let bytes =
            encode(snapshot).map_err(|error| StoreError::Other(format!("{}: {error}", path.display())))?;
        // Shorter than the name itself: where that is not too long for the file system, this is not.
        let temporary = path.with_extension("new");
        let mut file = File::create(&temporary).map_err(|source| failed("create", &temporary, source))?;
        file.write_all(&bytes)
            .map_err(|source| failed("write", &temporary, source))?;
        file.sync_all()
            .map_err(|source| failed("sync", &temporary, source))?;
        fs::rename(&temporary, &path).map_err(|source| failed("rename to", &path, source))?;
        self.sync_directory()
    }
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io {
        action,
        path: path.to_owned(),
        source,
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

#[cfg(test)]
mod tests {
    use super::file_stem;

    #[test]
    fn names_that_differ_in_case_do_not_meet() {
        assert_eq!(file_stem("abc"), "abc");
        assert_eq!(file_stem("aBC"), "a_b_c");
        assert_eq!(file_stem("../x"), "%2e%2e%2fx");
    }
}
