//! What a summary of the model shows.

use std::time::Duration;

use streamgauge::RefuseReason;

use super::books::{Books, Entered, Key};
use super::saved::Open;
use super::session::Session;
use super::tally::Tally;
use super::window::Bitrate;
use crate::way::Pair;

/// What caps refused, folded and cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Caps {
    pub(crate) refused_sessions: u64,
    pub(crate) refused_ids: u64,
    pub(crate) refused_empty_ids: u64,
    pub(crate) refused_stopped: u64,
    pub(crate) refused_writers: u64,
    pub(crate) cut_labels: u64,
}

impl Caps {
    pub(super) fn refused(&mut self, reason: RefuseReason) -> &mut u64 {
        match reason {
            RefuseReason::EmptyId => &mut self.refused_empty_ids,
            RefuseReason::IdTooLong => &mut self.refused_ids,
            RefuseReason::Stopped => &mut self.refused_stopped,
            RefuseReason::TooManyWriters => &mut self.refused_writers,
            _ => &mut self.refused_sessions,
        }
    }
}

/// An active session.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) id: Vec<u8>,
    pub(crate) key: Key,
    pub(crate) extra: String,
    pub(crate) created_at: Duration,
    pub(crate) tally: Tally,
    pub(crate) bitrates: Pair<Bitrate>,
    pub(crate) tops: Pair<u64>,
}

impl Row {
    pub(super) fn of(session: &Session) -> Self {
        Self {
            id: session.id.clone(),
            key: session.key.clone(),
            extra: session.extra.clone(),
            created_at: session.registered.wall,
            tally: session.tally(),
            bitrates: session.bitrates,
            tops: session.tops,
        }
    }
}

/// What a summary shows, but for its number.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    pub(crate) taken_at: Duration,
    pub(crate) bitrates: Pair<f64>,
    pub(crate) tops: Pair<u64>,
    pub(crate) active: Vec<Row>,
    pub(crate) live: Tally,
    pub(crate) pending: Tally,
    /// Active and pending, by number: what a store is given.
    pub(crate) open: Vec<(usize, Open)>,
    pub(crate) books: Books,
    pub(crate) caps: Caps,
    /// How many collections there were.
    pub(crate) collections: u64,
}

impl Default for Published {
    fn default() -> Self {
        Self {
            taken_at: Duration::ZERO,
            bitrates: Pair::default(),
            tops: Pair::default(),
            active: Vec::new(),
            live: Tally::default(),
            pending: Tally::default(),
            open: Vec::new(),
            books: Books::of(Entered::default(), 0),
            caps: Caps::default(),
            collections: 0,
        }
    }
}

impl Published {
    pub(crate) fn totals(&self) -> Tally {
        let books = &self.books.entered;
        Tally::sum([books.totals(), self.live, self.pending])
    }
}
