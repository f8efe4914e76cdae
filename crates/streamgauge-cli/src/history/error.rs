//! What keeps a command on histories from its work: what, where, and how to mend it.

use std::io;
use std::path::PathBuf;

use super::archive::StoreError;
use super::document::DocumentError;
use crate::outcome::Outcome;

/// Why a command on histories gave up. The message stands after the name of what it is about.
#[derive(Debug, thiserror::Error)]
pub(super) enum HistoryError {
    #[error("there is no such directory: name the one in which the program keeps its histories")]
    NoDirectory,
    #[error("is not a directory: name the one that it is in")]
    NotADirectory,
    #[error("is a directory: name a file that datarhei Core keeps a session history in")]
    NotAFile,
    #[error("holds no history: name the directory in which the program keeps its histories")]
    Empty,
    #[error("has no collector {name:?}, but {known}: name one of them with --collector")]
    UnknownCollector { name: String, known: String },
    #[error("has more than one collector, {known}: choose one with --collector")]
    SeveralCollectors { known: String },
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    #[error("{0}")]
    Reading(StoreError),
    #[error("{0}")]
    Changing(StoreError),
    #[error("{0}")]
    Document(DocumentError),
    #[error(
        "collector {collector:?} of {} has a history already, of {rows} in {sessions}: add to it with --add, unless this \
         file is in it, which would count twice; nothing was imported", directory.display()
    )]
    HasHistory {
        collector: String,
        directory: PathBuf,
        rows: String,
        sessions: String,
    },
    #[error(
        "added to what collector {collector:?} has, the {sum} would exceed {most}: import it into a collector of another name; \
         nothing was imported", most = u64::MAX
    )]
    TooLarge { collector: String, sum: String },
    #[error("is where forgotten names are counted: it cannot be forgotten itself")]
    Other,
}

impl HistoryError {
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Changing(_) => Outcome::OutputFailed,
            _ => Outcome::InputFailed,
        }
    }
}
