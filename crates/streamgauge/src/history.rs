//! What ended sessions moved, by peer, location and reference.
//!
//! Kept in persistent maps (rpds): a summary and a write to disk each get the whole history by copying a few pointers,
//! and an update copies only the path to what it changes. Keyed by the triple (location, peer, reference), never by a
//! joined string; the views by one label are kept beside it.

pub(crate) mod file;
pub(crate) mod format;
pub(crate) mod label_map;
pub(crate) mod ledger;
pub(crate) mod store;

use std::time::SystemTime;

use rpds::RedBlackTreeMapSync;

use self::label_map::LabelMap;
use crate::label::Label;
use crate::stats::Stats;

/// What ended sessions moved. Part of a [`Summary`](crate::Summary); the Go struct calls it `Summary.Summary`.
///
/// The rows of each map add up to `stats`.
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
/// assert_eq!(rows[0].1.total_rx_bytes, 15);
/// ```
#[derive(Debug, Clone)]
pub struct HistorySnapshot {
    rows: RedBlackTreeMapSync<HistoryKey, Stats>,
    /// What sessions moved that never became active.
    pub discarded: Stats,
    /// When it was taken.
    pub taken_at: SystemTime,
}

impl HistorySnapshot {
    /// The rows, ordered by their keys.
    pub fn rows(&self) -> impl Iterator<Item = (&HistoryKey, &Stats)> {
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

    /// Whether there is a row under `key`.
    pub(crate) fn contains(&self, key: &HistoryKey) -> bool {
        self.rows.contains_key(key)
    }

    /// Adds to the row under `key`.
    pub fn add(&mut self, key: &HistoryKey, stats: Stats) {
        match self.rows.get_mut(key) {
            Some(row) => row.add(stats),
            None => self.rows.insert_mut(key.clone(), stats),
        }
    }
}

impl Default for HistorySnapshot {
    /// No rows, taken at the start of 1970.
    fn default() -> Self {
        Self {
            rows: RedBlackTreeMapSync::new_sync(),
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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{HistoryKey, HistorySnapshot, Stats};

    #[test]
    fn a_snapshot_is_empty_until_something_is_added() {
        let mut snapshot = HistorySnapshot::default();
        assert_eq!((snapshot.is_empty(), snapshot.len()), (true, 0));
        snapshot.add(&HistoryKey::new("here", "there", "stream"), Stats::default());
        assert_eq!((snapshot.is_empty(), snapshot.len()), (false, 1));
    }
}
