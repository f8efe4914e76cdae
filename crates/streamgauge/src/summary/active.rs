//! The active sessions of a summary.
//!
//! Kept in chunks. Who the sessions are is shared between summaries, and with the sampler, until it changes; only the
//! numbers are each summary's own.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::direction::PerDirection;
use crate::label::Label;
use crate::session::Session;
use crate::session::core::SessionRef;
use crate::session::id::SessionIdRef;
use crate::session::writer::Counts;

/// Who one row is about.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) session: SessionRef,
    /// As it was when the row was last touched: summaries do not change.
    pub(crate) extra: Option<Arc<Box<str>>>,
}

impl Row {
    pub(crate) fn of(session: &SessionRef) -> Self {
        Self {
            session: session.clone(),
            extra: session.extra(),
        }
    }
}

/// The numbers of one row.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Numbers {
    pub(crate) counts: Counts,
    pub(crate) bitrates: PerDirection<f64>,
    pub(crate) tops: PerDirection<u64>,
    pub(crate) is_active: bool,
}

/// A stretch of rows, pending sessions among them, and their numbers.
#[derive(Debug, Clone, Default)]
pub(crate) struct PublishedChunk {
    pub(crate) rows: Arc<Vec<Row>>,
    pub(crate) numbers: Vec<Numbers>,
}

/// The active sessions of a summary, in order of registration.
#[derive(Clone, Default)]
pub struct ActiveSessions {
    pub(crate) chunks: Vec<PublishedChunk>,
    pub(crate) active: usize,
}

impl ActiveSessions {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.active
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.active == 0
    }

    /// The sessions, in order of registration.
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            rows: Box::new(self.rows().filter(|(_, numbers)| numbers.is_active)),
        }
    }

    /// All rows, those of pending sessions included.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&Row, &Numbers)> {
        self.chunks
            .iter()
            .flat_map(|chunk| chunk.rows.iter().zip(&chunk.numbers))
    }
}

impl<'a> IntoIterator for &'a ActiveSessions {
    type Item = ActiveSession<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl fmt::Debug for ActiveSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

/// As a list of [`Session`]s.
#[cfg(feature = "serde")]
impl serde::Serialize for ActiveSessions {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Not the iterator itself: its size hint counts pending sessions too.
        let mut list = serializer.serialize_seq(Some(self.len()))?;
        for session in self {
            serde::ser::SerializeSeq::serialize_element(&mut list, &session.to_session())?;
        }
        serde::ser::SerializeSeq::end(list)
    }
}

/// Iterates over the active sessions of a summary.
pub struct Iter<'a> {
    rows: Box<dyn Iterator<Item = (&'a Row, &'a Numbers)> + Send + Sync + 'a>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = ActiveSession<'a>;

    fn next(&mut self) -> Option<ActiveSession<'a>> {
        self.rows
            .next()
            .map(|(row, numbers)| ActiveSession::new(row, numbers))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rows.size_hint()
    }
}

impl fmt::Debug for Iter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}

/// An active session in a summary: the fields of [`Session`], borrowed. Bitrates are in bit/s.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ActiveSession<'a> {
    /// Its id.
    pub id: SessionIdRef<'a>,
    /// What it is accounted under: the stream, file or service.
    pub reference: &'a Label,
    /// When it was registered.
    pub created_at: SystemTime,
    /// The local end.
    pub location: &'a Label,
    /// The remote end.
    pub peer: &'a Label,
    /// What `extra` set; empty if nothing.
    pub extra: &'a str,
    /// Bytes received.
    pub rx_bytes: u64,
    /// The ingress bitrate, as of the last tick.
    pub rx_bitrate: f64,
    /// The decaying top of the ingress bitrate.
    pub top_rx_bitrate: f64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// The egress bitrate, as of the last tick.
    pub tx_bitrate: f64,
    /// The decaying top of the egress bitrate.
    pub top_tx_bitrate: f64,
    /// Packets received; 0 where packets are not counted.
    pub rx_packets: u64,
    /// Packets sent; 0 where packets are not counted.
    pub tx_packets: u64,
}

impl<'a> ActiveSession<'a> {
    fn new(row: &'a Row, numbers: &Numbers) -> Self {
        let Numbers {
            counts,
            bitrates,
            tops,
            ..
        } = numbers;
        let labels = row.session.labels();
        Self {
            id: SessionIdRef::from(row.session.key()),
            reference: &labels.reference,
            created_at: row.session.created_at(),
            location: &labels.location,
            peer: &labels.peer,
            extra: row.extra.as_ref().map_or("", |extra| extra),
            rx_bytes: counts.bytes.rx,
            rx_bitrate: bitrates.rx,
            top_rx_bitrate: as_bitrate(tops.rx),
            tx_bytes: counts.bytes.tx,
            tx_bitrate: bitrates.tx,
            top_tx_bitrate: as_bitrate(tops.tx),
            rx_packets: counts.packets.rx,
            tx_packets: counts.packets.tx,
        }
    }

    /// A copy that owns what it shows.
    #[must_use]
    pub fn to_session(&self) -> Session {
        Session {
            id: self.id.to_id(),
            reference: self.reference.clone(),
            created_at: self.created_at,
            location: self.location.clone(),
            peer: self.peer.clone(),
            extra: Arc::from(self.extra),
            rx_bytes: self.rx_bytes,
            rx_bitrate: self.rx_bitrate,
            top_rx_bitrate: self.top_rx_bitrate,
            tx_bytes: self.tx_bytes,
            tx_bitrate: self.tx_bitrate,
            top_tx_bitrate: self.top_tx_bitrate,
            rx_packets: self.rx_packets,
            tx_packets: self.tx_packets,
        }
    }
}

/// One session now: counts and tops as they are, bitrates as of the last tick.
pub(crate) fn live_session(row: &Row, counts: Counts, bitrates: PerDirection<f64>) -> Session {
    let row = Row {
        session: row.session.clone(),
        extra: row.session.extra(),
    };
    let tops = PerDirection::new(
        row.session.top(crate::direction::Direction::Ingress),
        row.session.top(crate::direction::Direction::Egress),
    );
    ActiveSession::new(
        &row,
        &Numbers {
            counts,
            bitrates,
            tops,
            is_active: true,
        },
    )
    .to_session()
}

/// Whole bit/s as a bitrate; exact up to 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "a top is at most 2^43, a sum of tops shown as a rate"
)]
pub(crate) fn as_bitrate(top: u64) -> f64 {
    top as f64
}
