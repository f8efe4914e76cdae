//! What ended sessions moved, by peer, location and reference.
//!
//! Kept in persistent maps (rpds): a summary and a write to disk each get the whole history by copying a few pointers,
//! and an update copies only the path to what it changes. Keyed by the triple (location, peer, reference), never by a
//! joined string; the views by one label are kept beside it.
//!
//! Which keys have a row of their own, where not all can, is decided by Space-Saving: see [`ranking`].

pub(crate) mod changed;
#[cfg(all(test, not(loom)))]
mod dice;
pub(crate) mod file;
pub(crate) mod format;
pub(crate) mod label_map;
pub(crate) mod ledger;
pub(crate) mod ranking;
pub(crate) mod store;
pub(crate) mod views;

use std::time::SystemTime;

use rpds::RedBlackTreeMapSync;

use self::label_map::LabelMap;
use crate::label::Label;
use crate::stats::Stats;

/// What is accounted under for whom there is no row.
const OTHER: &str = "(other)";

/// What packets are accounted under whose session closed between their bytes and themselves.
const LATE: &str = "(late)";

/// What ended sessions moved. Part of a [`Summary`](crate::Summary); the Go struct calls it `Summary.Summary`.
///
/// The rows of each map add up to `stats`.
///
/// There are at most `max_history_keys` keys (location, peer, reference). Where a new one finds no room, the one that moved
/// least is folded: what it moved goes from under its labels to under "(other)". So what stands under a label can fall;
/// `stats` never does.
#[derive(Debug, Clone, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct History {
    /// By peer, and within a peer by location.
    pub peers: LabelMap<Peers>,
    /// By location.
    pub locations: LabelMap<Stats>,
    /// By reference.
    pub references: LabelMap<Stats>,
    /// All of them.
    pub stats: Stats,
    /// Whether anything was folded, in this run or an earlier one. What stands under a label may then be part of what moved
    /// under it: the rest stands under "(other)".
    pub is_partial: bool,
}

/// What the ended sessions of one peer moved.
#[derive(Debug, Clone, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Peers {
    /// At all locations.
    pub stats: Stats,
    /// By location.
    pub locations: LabelMap<Stats>,
}

/// What one row of the history is accounted under.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HistoryKey {
    /// Where: the local end, as the embedding program names it.
    pub location: Label,
    /// Who: the remote end.
    pub peer: Label,
    /// What: the stream, file or service.
    pub reference: Label,
}

impl HistoryKey {
    /// A key of these labels.
    #[must_use]
    pub fn new(location: &str, peer: &str, reference: &str) -> Self {
        Self {
            location: location.into(),
            peer: peer.into(),
            reference: reference.into(),
        }
    }

    /// The key of a row of the history's own: its name three times, which is one text.
    fn own(name: &str) -> Self {
        let label = Label::from(name);
        Self {
            location: label.clone(),
            peer: label.clone(),
            reference: label,
        }
    }

    /// Whether this is the key of such a row.
    fn is(&self, name: &str) -> bool {
        self.location == name && self.peer == name && self.reference == name
    }

    /// Whether a row under this key is one of the `max_history_keys`.
    fn takes_a_place(&self) -> bool {
        !self.is(OTHER) && !self.is(LATE)
    }
}

/// One row of the history: what was counted under a key since it entered, and what is known of before.
///
/// ```
/// use streamgauge::{HistoryRow, Stats};
///
/// let stats = Stats { total_rx_bytes: 10, total_tx_bytes: 5, ..Stats::default() };
/// let row = HistoryRow { inherited: 100, is_partial: true, ..HistoryRow::of(stats) };
/// assert_eq!(row.rank(), 115);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HistoryRow {
    /// What was counted under the key since it entered: exact.
    pub stats: Stats,
    /// Whether sessions of the key may have been folded before it entered. Of the row "(other)": whether any were folded.
    pub is_partial: bool,
    /// The most bytes, of both directions, that can have been folded under this key before it entered: what the last row
    /// weighed that had left by then. Of the row "(other)": what the heaviest weighed that was folded.
    pub inherited: u64,
}

impl HistoryRow {
    /// A row of a key that was here from its first session on.
    #[must_use]
    pub const fn of(stats: Stats) -> Self {
        Self {
            stats,
            is_partial: false,
            inherited: 0,
        }
    }

    /// What rows are ranked by, and the most bytes that can ever have been counted under the key: those of `stats`, and what
    /// is inherited. Held at `u64::MAX`.
    #[must_use]
    pub const fn rank(&self) -> u64 {
        self.stats.bytes().saturating_add(self.inherited)
    }
}

/// A history at one moment, as a [`HistoryStore`](crate::HistoryStore) saves and loads it. Sessions that are open at that
/// moment are in it as if they had ended, so that a crash loses no more than what came after the last save.
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
    rows: RedBlackTreeMapSync<HistoryKey, HistoryRow>,
    /// As the row "(other)" has it: the heaviest rank that was folded, if anything was. What new keys inherit.
    folded: Option<u64>,
    /// What sessions moved that never became active.
    pub discarded: Stats,
    /// When it was taken.
    pub taken_at: SystemTime,
}

impl HistorySnapshot {
    /// The rows, ordered by their keys.
    pub fn rows(&self) -> impl Iterator<Item = (&HistoryKey, &HistoryRow)> {
        self.rows.iter()
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

    /// The row under `key`.
    ///
    /// Cost: O(log n); no alloc; no lock.
    #[must_use]
    pub fn row(&self, key: &HistoryKey) -> Option<&HistoryRow> {
        self.rows.get(key)
    }

    /// Adds to the row under `key`. Where there is none it is one of a new key, and partial if anything was folded before.
    pub fn add(&mut self, key: &HistoryKey, stats: Stats) {
        match self.rows.get_mut(key) {
            Some(row) => row.stats.add(stats),
            None => self.insert(key, self.newcomer(key, stats)),
        }
    }

    /// Puts a row under `key`, in place of what was there: a row as [`rows`](Self::rows) gave it, which a store kept.
    pub fn insert(&mut self, key: &HistoryKey, row: HistoryRow) {
        if key.is(OTHER) {
            self.folded = row.is_partial.then_some(row.inherited);
        }
        self.rows.insert_mut(key.clone(), row);
    }

    /// The row of a key that is new here.
    fn newcomer(&self, key: &HistoryKey, stats: Stats) -> HistoryRow {
        match self.folded {
            Some(inherited) if key.takes_a_place() => HistoryRow {
                stats,
                is_partial: true,
                inherited,
            },
            _ => HistoryRow::of(stats),
        }
    }

    /// Takes a row out.
    fn remove(&mut self, key: &HistoryKey) -> Option<HistoryRow> {
        let row = *self.rows.get(key)?;
        self.rows.remove_mut(key);
        Some(row)
    }

    /// Adds a row that has none of its own, or none any more, to that under `other`.
    fn fold(&mut self, other: &HistoryKey, row: HistoryRow) {
        let mut sum = self.rows.get(other).copied().unwrap_or_default();
        sum.stats.add(row.stats);
        sum.is_partial = true;
        sum.inherited = self.folded.unwrap_or_default().max(row.rank());
        self.insert(other, sum);
    }
}

impl Default for HistorySnapshot {
    /// No rows, taken at the start of 1970.
    fn default() -> Self {
        Self {
            rows: RedBlackTreeMapSync::new_sync(),
            folded: None,
            discarded: Stats::default(),
            taken_at: SystemTime::UNIX_EPOCH,
        }
    }
}

impl PartialEq for HistorySnapshot {
    fn eq(&self, other: &Self) -> bool {
        self.discarded == other.discarded
            && self.taken_at == other.taken_at
            && self.rows.size() == other.rows.size()
            && self.rows().eq(other.rows())
    }
}
