//! The active sessions of a summary.
//!
//! Kept in chunks, and a chunk in which nothing changed is shared between summaries. Who the sessions of a chunk are is
//! shared with the sampler too, until it changes; only the numbers are each summary's own.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::numbers::{Numbers, RowNumbers, Standing};
use crate::clock::Stamp;
use crate::direction::PerDirection;
use crate::label::Label;
use crate::session::Session;
use crate::session::core::SessionRef;
use crate::session::id::SessionIdRef;
use crate::session::writer::Counts;

/// The extra of a session, as it was when its row was last touched: summaries do not change.
pub(crate) type Extra = Arc<Box<str>>;

/// Who the rows of a chunk are about, in order of registration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    pub(crate) sessions: Vec<SessionRef>,
    /// When each was registered.
    pub(crate) registered: Vec<Stamp>,
    /// The number of each; they rise.
    serials: Vec<u64>,
    /// The extras of those that have one, by row.
    extras: Vec<(usize, Extra)>,
}

impl Rows {
    /// Room for exactly so many rows.
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self {
            sessions: Vec::with_capacity(rows),
            registered: Vec::with_capacity(rows),
            serials: Vec::with_capacity(rows),
            extras: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Adds a session that has no extra yet. Its serial is higher than those before.
    pub(crate) fn push(&mut self, session: SessionRef, registered: Stamp, serial: u64) {
        self.sessions.push(session);
        self.registered.push(registered);
        self.serials.push(serial);
    }

    /// The sessions, and when each was registered.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&SessionRef, Stamp)> {
        self.sessions.iter().zip(self.registered.iter().copied())
    }

    /// Adds a row that `other` has.
    pub(crate) fn append(&mut self, other: &Self, row: usize) {
        if let Some(extra) = other.extra(row) {
            self.extras.push((self.len(), Arc::clone(extra)));
        }
        self.push(
            other.sessions[row].clone(),
            other.registered[row],
            other.serials[row],
        );
    }

    pub(crate) fn extra(&self, row: usize) -> Option<&Extra> {
        let found = self.extras.binary_search_by_key(&row, |(row, _)| *row).ok()?;
        Some(&self.extras[found].1)
    }

    /// Takes over what a row's session has now.
    pub(crate) fn refresh_extra(&mut self, row: usize) {
        let Some(extra) = self.sessions[row].extra() else {
            return;
        };
        match self.extras.binary_search_by_key(&row, |(row, _)| *row) {
            Ok(found) => self.extras[found].1 = extra,
            Err(place) => self.extras.insert(place, (row, extra)),
        }
    }
}

/// A stretch of rows, pending sessions among them, and their numbers.
#[derive(Debug, Clone, Default)]
pub(crate) struct PublishedChunk {
    pub(crate) rows: Arc<Rows>,
    pub(crate) numbers: Numbers,
}

/// One row of a summary.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) session: &'a SessionRef,
    pub(crate) registered: Stamp,
    pub(crate) serial: u64,
    extra: Option<&'a Extra>,
    pub(crate) numbers: RowNumbers,
}

impl PublishedChunk {
    /// The rows that stand for a session.
    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        // Extras stand in order, so one walk finds them all.
        let mut extras = self.rows.extras.iter().peekable();
        let rows = self.rows.iter().zip(&self.rows.serials).zip(self.numbers.rows());
        rows.enumerate()
            .map(move |(row, (((session, registered), serial), numbers))| Row {
                session,
                registered,
                serial: *serial,
                extra: extras.next_if(|(at, _)| *at == row).map(|(_, extra)| extra),
                numbers,
            })
            .filter(|row| row.numbers.standing != Standing::Vacant)
    }
}

/// The active sessions of a summary, in order of registration.
#[derive(Clone, Default)]
pub struct ActiveSessions {
    pub(crate) chunks: Vec<Arc<PublishedChunk>>,
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
        Iter::new(self.rows())
    }

    /// The sessions registered after the one of this [`serial`](ActiveSession::serial), in order of registration, whether
    /// or not that one is still there.
    ///
    /// A walk that stops at a row goes on behind it in a later summary of the collector: who is active in both, and in
    /// those between, is met once.
    ///
    /// Cost: one look at each 1,024 sessions that it passes over.
    pub fn after(&self, serial: u64) -> Iter<'_> {
        Iter::new(self.rows_after(Some(serial)))
    }

    /// All rows, those of pending sessions included.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.chunks.iter().flat_map(|chunk| chunk.rows())
    }

    /// Those with higher serials than `serial`, or all. Chunks before it are passed over as a whole.
    pub(crate) fn rows_after(&self, serial: Option<u64>) -> impl Iterator<Item = Row<'_>> {
        let is_after = move |row: u64| serial.is_none_or(|serial| row > serial);
        self.chunks
            .iter()
            .filter(move |chunk| chunk.rows.serials.last().is_some_and(|last| is_after(*last)))
            .flat_map(|chunk| chunk.rows())
            .filter(move |row| is_after(row.serial))
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
    rows: Box<dyn Iterator<Item = Row<'a>> + Send + Sync + 'a>,
}

impl<'a> Iter<'a> {
    fn new(rows: impl Iterator<Item = Row<'a>> + Send + Sync + 'a) -> Self {
        Self {
            rows: Box::new(rows.filter(|row| row.numbers.standing == Standing::Active)),
        }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = ActiveSession<'a>;

    fn next(&mut self) -> Option<ActiveSession<'a>> {
        self.rows.next().map(|row| ActiveSession::new(&row))
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
    /// Its number: higher than that of every session of the collector that was registered before. It goes on after a
    /// restart where a store keeps the history, and begins anew where none does.
    pub serial: u64,
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
    fn new(row: &Row<'a>) -> Self {
        let RowNumbers {
            counts,
            bitrates,
            tops,
            ..
        } = row.numbers;
        let labels = row.session.labels();
        Self {
            serial: row.serial,
            id: SessionIdRef::from(row.session.key()),
            reference: &labels.reference,
            created_at: row.registered.wall(),
            location: &labels.location,
            peer: &labels.peer,
            extra: row.extra.map_or("", |extra| extra),
            rx_bytes: counts.bytes.rx,
            rx_bitrate: f64::from(bitrates.rx),
            top_rx_bitrate: as_bitrate(tops.rx),
            tx_bytes: counts.bytes.tx,
            tx_bitrate: f64::from(bitrates.tx),
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
pub(crate) fn live_session(
    session: &SessionRef,
    registered: Stamp,
    counts: Counts,
    bitrates: PerDirection<f32>,
) -> Session {
    let tops = PerDirection::new(
        session.top(crate::direction::Direction::Ingress),
        session.top(crate::direction::Direction::Egress),
    );
    ActiveSession::new(&Row {
        session,
        registered,
        serial: 0,
        extra: session.extra().as_ref(),
        numbers: RowNumbers {
            counts,
            bitrates,
            tops,
            standing: Standing::Active,
        },
    })
    .to_session()
}

/// Whole bit/s as a bitrate; exact up to 2^53.
#[inline]
#[expect(
    clippy::cast_precision_loss,
    reason = "limits and sums are shown as rates; a top is at most 2^43"
)]
pub(crate) fn as_bitrate(whole: u64) -> f64 {
    whole as f64
}
