//! What an observer of the model is told.

use std::time::Duration;

use streamgauge::CloseReason;

use super::books::Key;
use super::session::Session;
use super::tally::Tally;
use super::window::{Bitrate, number};
use crate::way::Pair;

/// Which session an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) id: Vec<u8>,
    pub(crate) key: Key,
    pub(crate) extra: String,
    pub(crate) created_at: Duration,
}

impl Identity {
    pub(super) fn of(session: &Session) -> Self {
        Self {
            id: session.id.clone(),
            key: session.key.clone(),
            extra: session.extra.clone(),
            created_at: session.registered.wall,
        }
    }
}

/// A close, or its correction.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ended {
    pub(crate) identity: Identity,
    pub(crate) reason: CloseReason,
    pub(crate) closed_at: Duration,
    pub(crate) duration: Duration,
    pub(crate) was_active: bool,
    pub(crate) tally: Tally,
    pub(crate) tops: Pair<u64>,
    pub(crate) peaks: Pair<Bitrate>,
    pub(crate) is_final: bool,
}

impl Ended {
    /// Bytes x 8 / duration; 0 where there was none.
    pub(crate) fn averages(&self) -> Pair<f64> {
        let seconds = self.duration.as_secs_f64();
        Pair::each(|way| {
            if seconds > 0.0 {
                number(*self.tally.bytes.of(way)) * 8.0 / seconds
            } else {
                0.0
            }
        })
    }
}

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Told {
    Registered(Identity),
    Activated(Identity),
    Closed(Ended),
    Corrected(Ended),
}
