//! Where a history survives a restart.

use std::io;
use std::path::{Path, PathBuf};

use super::recovery::Damage;
use super::snapshot::HistorySnapshot;

/// Keeps the histories of collectors.
///
/// A registry loads a collector's history when it is registered, and saves it every `persist_interval` and at stop, on
/// its worker thread (`stop`: on the caller's). [`FileStore`](crate::FileStore) is the one that comes with the crate.
pub trait HistoryStore: Send + Sync {
    /// Loads the history of a collector. The sessions that were open when it was saved are folded into it by who loads it.
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

    /// Does a part of what keeps the store small, and answers whether there is more to do. Called behind each save, and at
    /// each `persist_interval` as long as there is more. By default there is nothing to do.
    ///
    /// # Errors
    ///
    /// When it could not be done. What was saved is saved all the same; it shows in
    /// [`Health::compaction_error`](crate::Health::compaction_error).
    fn maintain(&self, collector: &str) -> Result<bool, StoreError> {
        let _ = collector;
        Ok(false)
    }

    /// A collector was unregistered: until its history is loaded again nothing is saved. What the store holds for it in memory
    /// may go. By default there is nothing to do.
    fn release(&self, collector: &str) {
        let _ = collector;
    }
}

/// What [`HistoryStore::load`] found.
#[derive(Debug, Clone, PartialEq)]
pub enum Loaded {
    /// Nothing was saved under this name.
    Nothing,
    /// What was saved last.
    History(HistorySnapshot),
    /// Something does not check out. It was kept, under another name.
    Damaged {
        /// What could be read all the same: an earlier save, or the part that checks out of the last.
        history: HistorySnapshot,
        /// What was set aside.
        set_aside: Vec<SetAside>,
    },
}

/// What did not check out, and where it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// The file that has a copy of it. The damaged file itself where it is missing, or where there was no room for a copy of
    /// its end: then nothing is saved until there is.
    pub path: PathBuf,
    /// What is wrong, where, and what is lost.
    pub damage: Damage,
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

impl StoreError {
    /// Whether a file was not there, or shorter than it was.
    pub(super) fn is_missing(&self) -> bool {
        let kinds = [io::ErrorKind::NotFound, io::ErrorKind::UnexpectedEof];
        matches!(self, Self::Io { source, .. } if kinds.contains(&source.kind()))
    }
}

pub(super) fn failed(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}
