//! Where a history survives a restart.

use std::io;
use std::path::PathBuf;

use super::HistorySnapshot;

/// Keeps the histories of collectors.
///
/// A registry loads a collector's history when it is registered, and saves it every `persist_interval` and at stop, on
/// its worker thread (`stop`: on the caller's). [`FileStore`](crate::FileStore) is the one that comes with the crate.
pub trait HistoryStore: Send + Sync {
    /// Loads the history of a collector.
    ///
    /// # Errors
    ///
    /// When what is stored can be neither read nor set aside. The collector is not registered then, so that nothing is
    /// written over what could not be read.
    fn load(&self, collector: &str) -> Result<Loaded, StoreError>;

    /// Saves the history of a collector, in place of what was saved before: all of it, or nothing.
    ///
    /// # Errors
    ///
    /// When it could not be saved. What was saved before is whole then, and the next interval tries again.
    fn save(&self, collector: &str, snapshot: &HistorySnapshot) -> Result<(), StoreError>;
}

/// What [`HistoryStore::load`] found.
#[derive(Debug, Clone, PartialEq)]
pub enum Loaded {
    /// Nothing was saved under this name.
    Nothing,
    /// What was saved last.
    History(HistorySnapshot),
    /// Something that does not check out. It was kept, under another name.
    SetAside(SetAside),
}

/// A file that did not check out and was renamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Its new name.
    pub path: PathBuf,
    /// What was wrong with it, and where.
    pub cause: String,
}

/// A store that could not do as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file operation failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Another store, of this process or another, uses the directory.
    #[error("{} is in use by another process: stop that one, or choose another directory", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// What a store of another make has to say.
    #[error("{0}")]
    Other(String),
}
