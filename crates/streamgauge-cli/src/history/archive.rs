//! A directory of histories, as the library keeps it: looked into without a lock, or open for a change under one.
//!
//! The only file that names the library's store and snapshots; what the commands work on are plain rows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub(super) use streamgauge::{Damage, HistoryKey, HistoryRow as Row, Label, Stats, StoreError, peer_address};
use streamgauge::{FileStore, HistorySnapshot, HistoryStore, InspectedFile, Inspection, Loaded, SetAside};

/// What looking into a directory found of one collector.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) collector: String,
    /// As recovery would leave it.
    pub(super) history: History,
    /// Sessions that were open at the last save. They are part of the history, or of what was discarded.
    pub(super) open_sessions: u64,
    pub(super) files: Vec<InspectedFile>,
    pub(super) damage: Vec<Damage>,
    /// Files that an earlier recovery set aside.
    pub(super) set_aside: Vec<PathBuf>,
}

/// A history by its rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct History {
    pub(super) rows: BTreeMap<HistoryKey, Row>,
    pub(super) discarded: Stats,
    /// When it was saved; `None` where nobody knows.
    pub(super) taken_at: Option<SystemTime>,
    /// What it was loaded from: what is not rows is written as it is there.
    origin: HistorySnapshot,
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

    /// Loads a history for a change, setting aside what is damaged, as a program does that starts. Sessions that were open
    /// stay so.
    pub(super) fn load(&self, collector: &str) -> Result<Recovered, StoreError> {
        let (history, set_aside) = match self.store.load(collector)? {
            Loaded::Nothing => (None, Vec::new()),
            Loaded::History(snapshot) => (Some(snapshot), Vec::new()),
            Loaded::Damaged { history, set_aside } => (Some(history), set_aside),
        };
        Ok(Recovered {
            history: history.map(History::from),
            warnings: set_aside.iter().map(warning).collect(),
        })
    }

    /// Writes a history whole, in place of all that was stored of it.
    pub(super) fn save(&self, collector: &str, history: &History) -> Result<(), StoreError> {
        self.store.save(collector, &history.to_snapshot())
    }
}

/// What was set aside and why, for a line.
fn warning(aside: &SetAside) -> String {
    let SetAside { path, damage, .. } = aside;
    if *path == damage.path {
        format!("was damaged: {damage}")
    } else {
        format!("was damaged: {damage}; set aside as {}", path.display())
    }
}

impl History {
    /// As it was loaded, with the sessions that were open counted as ended.
    pub(super) fn folded(self) -> Self {
        Self::from(self.origin.recovered())
    }

    /// What all of it comes to: rows, open sessions, and what was discarded.
    pub(super) fn parts(&self) -> impl Iterator<Item = Stats> {
        let rows = self.rows.values().map(|row| row.stats);
        let open = self.origin.open().map(|session| session.stats);
        rows.chain(open).chain([self.discarded])
    }

    /// Adds to a row. One that is new is as partial as that of a session would be that ends now.
    pub(super) fn add(&mut self, key: &HistoryKey, stats: Stats) {
        self.origin.add(key, stats);
        if let Some(row) = self.origin.row(key) {
            self.rows.insert(key.clone(), *row);
        }
    }

    fn to_snapshot(&self) -> HistorySnapshot {
        let mut snapshot = self.origin.clone();
        for (key, _) in self.origin.rows() {
            if !self.rows.contains_key(key) {
                snapshot.remove(key);
            }
        }
        for (key, row) in &self.rows {
            if self.origin.row(key) != Some(row) {
                snapshot.insert(key, *row);
            }
        }
        snapshot.discarded = self.discarded;
        snapshot.taken_at = self.taken_at.unwrap_or(SystemTime::UNIX_EPOCH);
        snapshot
    }
}

impl From<HistorySnapshot> for History {
    fn from(origin: HistorySnapshot) -> Self {
        Self {
            rows: origin.rows().map(|(key, row)| (key.clone(), *row)).collect(),
            discarded: origin.discarded,
            taken_at: Some(origin.taken_at).filter(|at| *at != SystemTime::UNIX_EPOCH),
            origin,
        }
    }
}

/// Looks into a directory: reads, and changes nothing. Collectors come in the order of their names.
pub(super) fn inspect(directory: &Path) -> Result<Vec<Found>, StoreError> {
    Ok(FileStore::inspect(directory)?
        .into_iter()
        .map(Found::from)
        .collect())
}

impl From<Inspection> for Found {
    fn from(inspection: Inspection) -> Self {
        Self {
            open_sessions: inspection.history.open_sessions(),
            history: History::from(inspection.history.recovered()),
            collector: inspection.collector,
            files: inspection.files,
            damage: inspection.damage,
            set_aside: inspection.set_aside,
        }
    }
}
