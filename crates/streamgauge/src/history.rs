//! What ended sessions moved, by peer, location and reference.
//!
//! Kept in persistent maps (rpds): a summary and a write to disk each get the whole history by copying a few pointers,
//! and an update copies only the path to what it changes. Keyed by the triple (location, peer, reference), never by a
//! joined string; the views by one label are kept beside it.

mod disk;
mod entry;
pub(crate) mod file;
mod format;
mod journal;
pub(crate) mod label_map;
pub(crate) mod ledger;
pub(crate) mod open;
pub(crate) mod recovery;
pub(crate) mod row;
pub(crate) mod snapshot;
mod snapshot_writer;
pub(crate) mod store;

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
