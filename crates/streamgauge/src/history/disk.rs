//! What the store asks of a file system.
//!
//! A trait, so that tests can put a disk in its place that loses, reorders and tears what was not synced.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// A file system, as far as the store needs one.
pub(crate) trait Disk: fmt::Debug + Send + Sync {
    /// The names of the files in a directory, in any order.
    fn names(&self, directory: &Path) -> io::Result<Vec<String>>;

    /// All of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Opens a file to write from byte `at` on, and cuts what is behind that. At 0 it is made if it is not there; beyond, it
    /// is an error that it is shorter, or missing.
    fn open(&self, path: &Path, at: u64) -> io::Result<Box<dyn DiskFile>>;

    /// Renames a file, over another one if need be.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes what was made, renamed and removed in a directory outlast a power cut.
    fn sync_directory(&self, directory: &Path) -> io::Result<()>;
}

/// A file that is open to write.
pub(crate) trait DiskFile {
    /// Writes all of this behind what was written before.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes what was written outlast a power cut.
    fn sync(&mut self) -> io::Result<()>;
}

/// The operating system's.
#[derive(Debug)]
pub(crate) struct SystemDisk;

impl Disk for SystemDisk {
    fn names(&self, directory: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(directory)? {
            // What is no text is none of the store's.
            names.extend(entry?.file_name().into_string().ok());
        }
        Ok(names)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn open(&self, path: &Path, at: u64) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.write(true);
        if at == 0 {
            options.create(true).truncate(true);
        }
        let mut file = options.open(path)?;
        if at > 0 {
            let found = file.metadata()?.len();
            if found < at {
                return Err(shorter(found, at));
            }
            if found > at {
                // Before anything is written there: else a crash could leave old bytes behind new ones.
                file.set_len(at)?;
                file.sync_data()?;
            }
            file.seek(SeekFrom::Start(at))?;
        }
        Ok(Box::new(SystemFile(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        File::open(directory)?.sync_all()
    }
}

struct SystemFile(File);

impl DiskFile for SystemFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// A file does not have what was written to it.
pub(crate) fn shorter(found: u64, expected: u64) -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        format!("it has {found} bytes, and {expected} were written"),
    )
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Disk, SystemDisk};
    use std::io::ErrorKind;

    #[test]
    fn a_file_is_written_from_where_it_is_opened_and_has_nothing_behind_that() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let write = |at, bytes: &[u8]| {
            let mut file = SystemDisk.open(&path, at)?;
            file.write(bytes)?;
            file.sync()
        };
        assert_eq!(write(1, b"x").unwrap_err().kind(), ErrorKind::NotFound);
        write(0, b"abcdef").unwrap();
        write(3, b"X").unwrap();
        assert_eq!(SystemDisk.read(&path).unwrap(), b"abcX");
        write(4, b"Y").unwrap();
        assert_eq!(SystemDisk.read(&path).unwrap(), b"abcXY");
        let shorter = write(6, b"Z").unwrap_err();
        assert_eq!(shorter.kind(), ErrorKind::UnexpectedEof);
        assert!(shorter.to_string().contains("it has 5 bytes, and 6"), "{shorter}");
        write(0, b"").unwrap();
        assert_eq!(SystemDisk.read(&path).unwrap(), b"");
        assert_eq!(SystemDisk.names(directory.path()).unwrap(), ["a"]);
    }

    #[test]
    fn what_cannot_be_synced_says_so() {
        assert!(
            SystemDisk
                .sync_directory(std::path::Path::new("/nowhere"))
                .is_err()
        );
        let file = SystemDisk.open(std::path::Path::new("/dev/null"), 0);
        assert!(file.unwrap().sync().is_err());
    }
}
