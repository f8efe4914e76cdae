//! Sessions that are open when a history is saved.
//!
//! A crash ends them: whoever loads that history folds them into it, once, as `Recovered`. Each has a *serial*, a number
//! that its collector gives once, across restarts, so that a save can say "the same session as before has moved more".

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::SystemTime;

use super::HistoryKey;
use crate::session::id::SessionId;
use crate::stats::Stats;
use crate::summary::Summary;
use crate::summary::active::Row;
use crate::summary::numbers::Standing;

/// A session that was open when a history was saved.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct OpenSession {
    /// Its number: no two sessions of a collector have the same, and later ones have higher ones.
    pub serial: u64,
    /// Its id; empty where peers are truncated, since an id may hold an address.
    pub id: SessionId,
    /// What it is accounted under.
    pub key: HistoryKey,
    /// When it was registered.
    pub created_at: SystemTime,
    /// Whether it was active: it enters the history then, and is discarded otherwise.
    pub is_active: bool,
    /// What it had moved; `total_sessions` is 1.
    pub stats: Stats,
}

impl OpenSession {
    /// What a row of a summary stands for.
    fn of(row: &Row<'_>, keeps_ids: bool) -> Self {
        Self {
            serial: row.serial,
            id: if keeps_ids {
                SessionId::from(row.session.key())
            } else {
                SessionId::from("")
            },
            key: HistoryKey::from(row.session.labels()),
            created_at: row.registered.wall(),
            is_active: row.numbers.standing == Standing::Active,
            stats: Stats::of_session(row.numbers.counts),
        }
    }
}

/// The sessions that were open at one moment, by serial: as a store had them, or as a collection published them.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenSessions {
    pub(super) kept: BTreeMap<u64, OpenSession>,
    published: Option<Published>,
}

#[derive(Debug, Clone)]
struct Published {
    summary: Arc<Summary>,
    keeps_ids: bool,
}

impl OpenSessions {
    pub(crate) fn of(summary: Arc<Summary>, keeps_ids: bool) -> Self {
        Self {
            kept: BTreeMap::new(),
            published: Some(Published { summary, keeps_ids }),
        }
    }

    /// Those with higher serials than `serial`, or all, in the order of their serials.
    pub(crate) fn after(&self, serial: Option<u64>) -> Box<dyn Iterator<Item = OpenSession> + '_> {
        match &self.published {
            None => {
                let from = serial.map_or(Bound::Unbounded, Bound::Excluded);
                let sessions = self.kept.range((from, Bound::Unbounded));
                Box::new(sessions.map(|(_, session)| session.clone()))
            }
            Some(Published { summary, keeps_ids }) => {
                let rows = summary.active.rows_after(serial);
                Box::new(rows.map(|row| OpenSession::of(&row, *keeps_ids)))
            }
        }
    }

    pub(crate) fn len(&self) -> u64 {
        match &self.published {
            None => self.kept.len() as u64,
            Some(Published { summary, .. }) => summary.live.total_sessions + summary.pending.total_sessions,
        }
    }
}

impl PartialEq for OpenSessions {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.after(None).eq(other.after(None))
    }
}

/// What became of open sessions between two saves.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum OpenChange {
    /// It was not there at the save before.
    Opened(OpenSession),
    /// It moved more, or became active.
    Moved {
        serial: u64,
        is_active: bool,
        stats: Stats,
    },
    /// It ended.
    Ended { serial: u64 },
}

/// What a store has of an open session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Seen {
    serial: u64,
    is_active: bool,
    stats: Stats,
}

impl Seen {
    /// The serial that a later session has at least.
    pub(crate) fn next_serial(&self) -> u64 {
        self.serial.saturating_add(1)
    }
}

impl From<&OpenSession> for Seen {
    fn from(session: &OpenSession) -> Self {
        Self {
            serial: session.serial,
            is_active: session.is_active,
            stats: session.stats,
        }
    }
}

/// What a save has to say so that a store that has `before` has the open sessions of `summary`; and what it has then.
///
/// Both stand in the order of their serials, so one walk through both finds all. Cost: O(open sessions) on the worker.
pub(crate) fn changes(before: &[Seen], summary: &Summary, keeps_ids: bool) -> (Vec<OpenChange>, Vec<Seen>) {
    let mut changes = Vec::new();
    let mut now = Vec::with_capacity(before.len());
    let mut before = before.iter().peekable();
    for row in summary.active.rows_after(None) {
        while let Some(gone) = before.next_if(|seen| seen.serial < row.serial) {
            changes.push(OpenChange::Ended { serial: gone.serial });
        }
        let seen = Seen {
            serial: row.serial,
            is_active: row.numbers.standing == Standing::Active,
            stats: Stats::of_session(row.numbers.counts),
        };
        match before.next_if(|old| old.serial == row.serial) {
            None => changes.push(OpenChange::Opened(OpenSession::of(&row, keeps_ids))),
            Some(old) if *old != seen => changes.push(OpenChange::Moved {
                serial: seen.serial,
                is_active: seen.is_active,
                stats: seen.stats,
            }),
            Some(_) => {}
        }
        now.push(seen);
    }
    changes.extend(before.map(|gone| OpenChange::Ended { serial: gone.serial }));
    (changes, now)
}
