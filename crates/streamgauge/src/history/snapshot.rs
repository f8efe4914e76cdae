//! A history at one moment, as stores save and load it.

use std::sync::Arc;
use std::time::SystemTime;

use rpds::RedBlackTreeMapSync;

use super::HistoryKey;
use super::open::{OpenChange, OpenSession, OpenSessions};
use super::row::HistoryRow;
use crate::stats::Stats;

/// A history at one moment, as a [`HistoryStore`](crate::HistoryStore) saves and loads it: what ended, and which sessions
/// were open at that moment, with what they had moved so far. A copy is cheap: it shares the rows.
///
/// ```
/// use streamgauge::{HistoryKey, HistorySnapshot, Stats};
///
/// let mut snapshot = HistorySnapshot::default();
/// let key = HistoryKey::new("here", "198.51.100.7", "stream");
/// snapshot.add(&key, Stats { total_sessions: 1, total_rx_bytes: 10, ..Stats::default() });
/// snapshot.add(&key, Stats { total_sessions: 1, total_rx_bytes: 5, ..Stats::default() });
/// let rows: Vec<_> = snapshot.rows().collect();
/// assert_eq!(rows.len(), 1);
/// assert_eq!(rows[0].1.stats.total_rx_bytes, 15);
/// ```
#[derive(Debug, Clone)]
pub struct HistorySnapshot {
    pub(super) rows: RedBlackTreeMapSync<HistoryKey, HistoryRow>,
    pub(super) open: OpenSessions,
    /// Higher than the serials of all sessions that were saved.
    pub(super) next_serial: u64,
    /// What sessions moved that never became active.
    pub discarded: Stats,
    /// When it was taken.
    pub taken_at: SystemTime,
    /// What is other than in the snapshot that the store took last; none where that is not known, so that all of it counts.
    pub(super) changes: Option<Arc<Changes>>,
}

/// What is other than in the snapshot before.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// The keys of rows that changed, came or went: what they are now stands in the rows.
    pub(crate) keys: Vec<HistoryKey>,
    pub(crate) open: Vec<OpenChange>,
}

impl HistorySnapshot {
    /// The rows, ordered by their keys.
    pub fn rows(&self) -> impl Iterator<Item = (&HistoryKey, &HistoryRow)> {
        self.rows.iter()
    }

    /// The row under `key`.
    #[must_use]
    pub fn row(&self, key: &HistoryKey) -> Option<&HistoryRow> {
        self.rows.get(key)
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.size()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The sessions that were open, in the order of their registration.
    pub fn open(&self) -> impl Iterator<Item = OpenSession> {
        self.open.after(None)
    }

    /// How many sessions were open.
    #[must_use]
    pub fn open_sessions(&self) -> u64 {
        self.open.len()
    }

    /// Adds to the row under `key`.
    pub fn add(&mut self, key: &HistoryKey, stats: Stats) {
        self.changes = None;
        match self.rows.get_mut(key) {
            Some(row) => row.stats.add(stats),
            None => self.rows.insert_mut(key.clone(), HistoryRow::of(stats)),
        }
    }

    /// Puts a row in place of what was under `key`.
    pub fn insert_row(&mut self, key: HistoryKey, row: HistoryRow) {
        self.changes = None;
        self.rows.insert_mut(key, row);
    }

    /// Takes the row under `key` out.
    pub fn remove_row(&mut self, key: &HistoryKey) -> Option<HistoryRow> {
        self.changes = None;
        let row = self.rows.get(key).copied();
        self.rows.remove_mut(key);
        row
    }

    /// What it comes to once the open sessions have ended: those that were active are in the rows then, the others
    /// discarded.
    #[must_use]
    pub fn folded(&self) -> Self {
        let mut folded = Self {
            open: OpenSessions::default(),
            changes: None,
            ..self.clone()
        };
        for session in self.open() {
            if session.is_active {
                folded.add(&session.key, session.stats);
            } else {
                folded.discarded.add(session.stats);
            }
        }
        folded
    }

    /// Higher than the serial of each session that was ever saved.
    pub(crate) fn next_serial(&self) -> u64 {
        self.next_serial
    }

    /// With the sessions that were open at the same moment, and what is other than at the save before.
    pub(crate) fn with(self, open: OpenSessions, next_serial: u64, changes: Option<Arc<Changes>>) -> Self {
        Self {
            open,
            next_serial,
            changes,
            ..self
        }
    }

    /// What all of it comes to: rows, open sessions, and what was discarded.
    #[must_use]
    pub fn totals(&self) -> Stats {
        let rows = self.rows().map(|(_, row)| row.stats);
        let open = self.open().map(|session| session.stats);
        Stats::sum(rows.chain(open).chain([self.discarded]))
    }
}

impl Default for HistorySnapshot {
    /// No rows, taken at the start of 1970.
    fn default() -> Self {
        Self {
            rows: RedBlackTreeMapSync::new_sync(),
            open: OpenSessions::default(),
            next_serial: 0,
            discarded: Stats::default(),
            taken_at: SystemTime::UNIX_EPOCH,
            changes: None,
        }
    }
}

impl PartialEq for HistorySnapshot {
    fn eq(&self, other: &Self) -> bool {
        self.discarded == other.discarded
            && self.taken_at == other.taken_at
            && self.rows.size() == other.rows.size()
            && self.rows().eq(other.rows())
            && self.open == other.open
    }
}
