//! What ended sessions moved, by peer, location and reference.
//!
//! Kept in persistent maps (rpds): a summary and a write to disk each get the whole history by copying a few pointers,
//! and an update copies only the path to what it changes. Keyed by the triple (location, peer, reference), never by a
//! joined string; the views by one label are kept beside it.
//!
//! Which keys have a row of their own, where not all can, is decided by Space-Saving: see [`ranking`].

pub(crate) mod changed;
#[cfg(all(test, not(loom)))]
mod compaction;
#[cfg(all(test, not(loom)))]
mod crashes;
#[cfg(all(test, not(loom)))]
mod damages;
#[cfg(all(test, not(loom)))]
mod dice;
mod disk;
mod entry;
pub(crate) mod file;
mod format;
mod journal;
pub(crate) mod label_map;
pub(crate) mod ledger;
pub(crate) mod open;
#[cfg(all(test, not(loom)))]
mod picky;
pub(crate) mod ranking;
pub(crate) mod recovery;
#[cfg(all(test, not(loom)))]
mod refusals;
mod replay;
pub(crate) mod row;
#[cfg(all(test, not(loom)))]
mod simulated;
pub(crate) mod snapshot;
mod snapshot_writer;
pub(crate) mod store;
#[cfg(all(test, not(loom)))]
mod succession;
pub(crate) mod views;

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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::snapshot::HistorySnapshot;
    use super::{HistoryKey, Stats};

    #[test]
    fn a_snapshot_is_empty_until_something_is_added() {
        let mut snapshot = HistorySnapshot::default();
        assert_eq!((snapshot.is_empty(), snapshot.len()), (true, 0));
        snapshot.add(&HistoryKey::new("here", "there", "stream"), Stats::default());
        assert_eq!((snapshot.is_empty(), snapshot.len()), (false, 1));
    }
}
