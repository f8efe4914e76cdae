//! A directory of histories, as the library keeps it: looked into without a lock, or open for a change under one.
//!
//! The only file that names the library's store and snapshots; what the commands work on are plain rows.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use streamgauge::{FileStore, HistorySnapshot, HistoryStore, Loaded};
pub(super) use streamgauge::{HistoryKey, Label, Stats, StoreError};

/// What looking into a directory found of one collector.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) collector: String,
    /// As recovery would leave it.
    pub(super) history: History,
    /// Sessions that were open at the last save. They are part of the history, or of what was discarded.
    pub(super) open_sessions: u64,
    pub(super) files: Vec<StoredFile>,
    pub(super) damage: Vec<Damage>,
    /// Files that an earlier recovery set aside.
    pub(super) set_aside: Vec<PathBuf>,
}

/// A file that a history is in.
#[derive(Debug)]
pub(super) struct StoredFile {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    /// What is in it, in words.
    pub(super) content: String,
}

/// A place in a file that does not check out.
#[derive(Debug)]
pub(super) struct Damage {
    pub(super) path: PathBuf,
    /// The byte where it begins.
    pub(super) offset: u64,
    pub(super) cause: String,
    /// What recovery does without.
    pub(super) lost: String,
}

/// A history by its rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct History {
    pub(super) rows: BTreeMap<HistoryKey, Row>,
    pub(super) discarded: Stats,
    /// When it was saved; `None` where nobody knows.
    pub(super) taken_at: Option<SystemTime>,
}

/// A row of a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) stats: Stats,
    /// Whether sessions of this key may be missing in it, as they were counted under "(other)".
    pub(super) is_partial: bool,
}

/// A directory, locked for a change.
#[derive(Debug)]
pub(super) struct Archive {
    store: FileStore,
}

/// What a collector's history was when it was loaded for a change.
#[derive(Debug)]
pub(super) struct Recovered {
    /// `None` where there is none.
    pub(super) history: Option<History>,
    /// A line for each file that did not check out and was set aside.
    pub(super) warnings: Vec<String>,
}

impl Archive {
    /// Locks a directory, which is made if need be.
    pub(super) fn open(directory: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            store: FileStore::open(directory)?,
        })
    }

    /// Loads a history for a change, recovering it as a program does that starts.
    pub(super) fn load(&self, collector: &str) -> Result<Recovered, StoreError> {
        let (history, warnings) = match self.store.load(collector)? {
            Loaded::Nothing => (None, Vec::new()),
            Loaded::History(snapshot) => (Some(History::from(&snapshot)), Vec::new()),
            Loaded::SetAside(aside) => (
                None,
                vec![format!(
                    "was damaged ({}); it was set aside as {}",
                    aside.cause,
                    aside.path.display()
                )],
            ),
        };
        Ok(Recovered { history, warnings })
    }

    /// Writes a history whole, in place of all that was stored of it.
    pub(super) fn save(&self, collector: &str, history: &History) -> Result<(), StoreError> {
        self.store.save(collector, &HistorySnapshot::from(history))
    }
}

impl From<&HistorySnapshot> for History {
    fn from(snapshot: &HistorySnapshot) -> Self {
        let row = |(key, stats): (&HistoryKey, &Stats)| {
            (
                key.clone(),
                Row {
                    stats: *stats,
                    is_partial: false,
                },
            )
        };
        Self {
            rows: snapshot.rows().map(row).collect(),
            discarded: snapshot.discarded,
            taken_at: Some(snapshot.taken_at).filter(|at| *at != SystemTime::UNIX_EPOCH),
        }
    }
}

impl From<&History> for HistorySnapshot {
    fn from(history: &History) -> Self {
        let mut snapshot = Self::default();
        for (key, row) in &history.rows {
            snapshot.add(key, row.stats);
        }
        snapshot.discarded = history.discarded;
        snapshot.taken_at = history.taken_at.unwrap_or(SystemTime::UNIX_EPOCH);
        snapshot
    }
}

/// Looks into a directory: reads, and changes nothing. Collectors come in the order of their names.
pub(super) fn inspect(directory: &Path) -> Result<Vec<Found>, StoreError> {
    let failed = |action, path: &Path, source| StoreError::Io {
        action,
        path: path.to_owned(),
        source,
    };
    let entries = fs::read_dir(directory).map_err(|source| failed("list", directory, source))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(|source| failed("list", directory, source))?.path());
    }
    let mut found = Vec::new();
    for path in &paths {
        let name = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .and_then(collector_of);
        let (Some(collector), true) = (name, path.extension().is_some_and(|e| e == "history")) else {
            continue;
        };
        let bytes = fs::read(path).map_err(|source| failed("read", path, source))?;
        let (history, damage) = match decode(&collector, path, &bytes)? {
            Loaded::History(snapshot) => (History::from(&snapshot), Vec::new()),
            Loaded::Nothing => (History::default(), Vec::new()),
            Loaded::SetAside(aside) => (
                History::default(),
                vec![Damage {
                    path: path.clone(),
                    offset: 0,
                    cause: aside.cause,
                    lost: "all of it".to_owned(),
                }],
            ),
        };
        let mut set_aside: Vec<_> = paths
            .iter()
            .filter(|aside| aside.file_stem() == path.file_stem())
            .filter(|aside| {
                aside
                    .extension()
                    .is_some_and(|e| e.to_string_lossy().starts_with("corrupt-"))
            })
            .cloned()
            .collect();
        set_aside.sort_unstable();
        found.push(Found {
            collector,
            history,
            open_sessions: 0,
            files: vec![StoredFile {
                path: path.clone(),
                bytes: bytes.len() as u64,
                content: "snapshot".to_owned(),
            }],
            damage,
            set_aside,
        });
    }
    found.sort_unstable_by(|a, b| a.collector.cmp(&b.collector));
    Ok(found)
}

/// Until the library can look into a directory without a lock: a copy of the file is loaded elsewhere.
fn decode(collector: &str, path: &Path, bytes: &[u8]) -> Result<Loaded, StoreError> {
    let scratch = std::env::temp_dir().join(format!("streamgauge-inspect-{}", std::process::id()));
    let loaded = FileStore::open(&scratch).and_then(|store| {
        let name = path.file_name().unwrap_or_default();
        fs::write(scratch.join(name), bytes).map_err(|source| StoreError::Io {
            action: "write",
            path: scratch.clone(),
            source,
        })?;
        store.load(collector)
    });
    fs::remove_dir_all(&scratch).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(StoreError::Other(error.to_string())),
    })?;
    loaded
}

/// The collector's name that a file's name stands for.
fn collector_of(stem: &str) -> Option<String> {
    let mut name = String::new();
    let mut characters = stem.chars();
    while let Some(character) = characters.next() {
        match character {
            '_' => name.push(characters.next()?.to_ascii_uppercase()),
            '0'..='9' | 'a'..='z' => name.push(character),
            _ => return None,
        }
    }
    Some(name)
}
