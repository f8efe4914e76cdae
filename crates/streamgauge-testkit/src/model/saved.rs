//! What a store of the model is given, and gives back: what was entered, and apart from it who was open.

use std::time::Duration;

use streamgauge::{HistoryRow, HistorySnapshot, OpenSession};

use super::Model;
use super::books::{Entered, Entry, Key};
use super::session::Session;
use super::tally::Tally;
use super::told::{Ended, Identity};
use crate::way::Pair;

/// A history, and the sessions that were open at its moment, in the order of their registration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Saved {
    pub(crate) entered: Entered,
    pub(crate) open: Vec<Open>,
}

/// A session that was open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Open {
    /// None where peers are truncated.
    pub(super) id: Vec<u8>,
    pub(super) key: Key,
    pub(super) created_at: Duration,
    pub(super) is_active: bool,
    pub(super) tally: Tally,
}

impl Open {
    fn of(session: &Session, keeps_id: bool) -> Self {
        Self {
            id: if keeps_id { session.id.clone() } else { Vec::new() },
            key: session.key.clone(),
            created_at: session.registered.wall,
            is_active: session.is_active(),
            tally: session.tally(),
        }
    }

    /// The close that whoever loads it after a crash tells of: at the save, since nobody knows what came later.
    pub(super) fn recovered(&self, saved_at: Duration) -> Ended {
        Ended {
            identity: Identity {
                id: self.id.clone(),
                key: self.key.clone(),
                extra: String::new(),
                created_at: self.created_at,
            },
            reason: streamgauge::CloseReason::Recovered,
            closed_at: saved_at,
            // The calendar may have been set back meanwhile.
            duration: saved_at.saturating_sub(self.created_at),
            was_active: self.is_active,
            tally: self.tally,
            tops: Pair::default(),
            peaks: Pair::default(),
            is_final: true,
        }
    }
}

impl Model {
    /// What there is to save of the last summary's moment.
    pub(crate) fn to_save(&self) -> Saved {
        Saved {
            entered: self.published.books.entered.clone(),
            open: self.published.open.iter().map(|(_, open)| open.clone()).collect(),
        }
    }

    /// The open sessions, each with its number.
    pub(super) fn numbered_open(&self) -> Vec<(usize, Open)> {
        let keeps_id = self.setup.peer_truncation.is_none();
        let sessions = self.sessions.iter().enumerate();
        sessions
            .filter(|(_, session)| session.is_open())
            .map(|(number, session)| (number, Open::of(session, keeps_id)))
            .collect()
    }
}

impl From<&HistorySnapshot> for Saved {
    fn from(snapshot: &HistorySnapshot) -> Self {
        let row = |row: &HistoryRow| Entry {
            tally: row.stats.into(),
            is_partial: row.is_partial,
            inherited: row.inherited,
        };
        let rows = snapshot.rows().map(|(key, of)| (Key::from(key), row(of)));
        Self {
            entered: Entered {
                rows: rows.collect(),
                discarded: snapshot.discarded.into(),
            },
            open: snapshot.open().map(Open::from).collect(),
        }
    }
}

impl From<OpenSession> for Open {
    fn from(session: OpenSession) -> Self {
        Self {
            id: session.id.as_bytes().to_vec(),
            key: Key::from(&session.key),
            created_at: session
                .created_at
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap_or_default(),
            is_active: session.is_active,
            tally: session.stats.into(),
        }
    }
}
