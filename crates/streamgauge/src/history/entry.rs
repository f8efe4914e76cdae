//! What the records of a history hold: entries, each a change. The only file that names bincode.
//!
//! Entries say what a row or an open session *is*, not by how much it grew: one that is read twice changes nothing. They are
//! decoded one at a time, with texts borrowed from the record, so a length in one that lies allocates nothing.

use std::time::{Duration, SystemTime};

use bincode::config::{self, Configuration};
use bincode::{BorrowDecode, Decode, Encode};

use super::HistoryKey;
use super::open::{OpenChange, OpenSession};
use super::row::HistoryRow;
use super::snapshot::HistorySnapshot;
use crate::session::id::SessionId;
use crate::stats::Stats;

const CONFIGURATION: Configuration = config::standard();

/// An entry that cannot be written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EntryError {
    #[error("an entry that cannot be read: {0}")]
    Unreadable(String),
    #[error("an entry of more than 4 GiB")]
    TooLarge,
    #[error("serial {0}, which no session ever gets")]
    Serial(u64),
}

/// No session gets a serial that high. Whoever loads one goes on counting from there, which must not come to an end.
const SERIALS: u64 = 1 << 63;

/// One change, or the end of a save.
#[derive(Debug, Clone, Copy, PartialEq, Encode, BorrowDecode)]
pub(crate) enum Entry<'a> {
    /// A row is this.
    Row {
        key: Key<'a>,
        totals: Totals,
        is_partial: bool,
        inherited: u64,
    },
    /// A row is there no more.
    Gone { key: Key<'a> },
    /// A session is open.
    Opened {
        serial: u64,
        id: &'a [u8],
        key: Key<'a>,
        created_at: Duration,
        is_active: bool,
        totals: Totals,
    },
    /// An open session has moved so much.
    Moved {
        serial: u64,
        is_active: bool,
        totals: Totals,
    },
    /// An open session ended.
    Ended { serial: u64 },
    /// A save ends, and with it what stands here is so.
    End(End),
}

/// What a save ends with.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
pub(crate) struct End {
    /// Since 1970; what is before counts as 1970.
    taken_at: Duration,
    discarded: Totals,
    pub(crate) next_serial: u64,
    /// How many rows there are now, and how many open sessions.
    pub(crate) rows: u64,
    pub(crate) open: u64,
}

/// The labels of a row.
#[derive(Debug, Clone, Copy, PartialEq, Encode, BorrowDecode)]
pub(crate) struct Key<'a> {
    location: &'a str,
    peer: &'a str,
    reference: &'a str,
}

/// What a row, or a session, moved.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
pub(crate) struct Totals {
    sessions: u64,
    rx_bytes: u64,
    tx_bytes: u64,
    rx_packets: u64,
    tx_packets: u64,
}

impl<'a> Entry<'a> {
    pub(crate) fn row(key: &'a HistoryKey, row: Option<&HistoryRow>) -> Self {
        let key = Key::from(key);
        match row {
            Some(row) => Self::Row {
                key,
                totals: Totals::from(row.stats),
                is_partial: row.is_partial,
                inherited: row.inherited,
            },
            None => Self::Gone { key },
        }
    }

    pub(crate) fn opened(session: &'a OpenSession) -> Self {
        Self::Opened {
            serial: session.serial,
            id: session.id.as_bytes(),
            key: Key::from(&session.key),
            created_at: since_1970(session.created_at),
            is_active: session.is_active,
            totals: Totals::from(session.stats),
        }
    }

    pub(crate) fn change(change: &'a OpenChange) -> Self {
        match change {
            OpenChange::Opened(session) => Self::opened(session),
            OpenChange::Moved {
                serial,
                is_active,
                stats,
            } => Self::Moved {
                serial: *serial,
                is_active: *is_active,
                totals: Totals::from(*stats),
            },
            OpenChange::Ended { serial } => Self::Ended { serial: *serial },
        }
    }

    /// Appends the entry to `bytes`.
    pub(crate) fn encode(&self, bytes: &mut Vec<u8>) -> Result<(), EntryError> {
        bincode::encode_into_std_write(self, bytes, CONFIGURATION)
            .map(|_| ())
            .map_err(|error| EntryError::Unreadable(error.to_string()))
    }

    /// Decodes what `payload` begins with, and moves it on behind that; none at its end.
    pub(crate) fn decode(payload: &mut &'a [u8]) -> Option<Result<Self, EntryError>> {
        if payload.is_empty() {
            return None;
        }
        let decoded = bincode::borrow_decode_from_slice::<Self, _>(payload, CONFIGURATION);
        Some(match decoded {
            Ok((entry, read)) => {
                *payload = &payload[read..];
                match entry.next_serial() {
                    Some(next) if next > SERIALS => Err(EntryError::Serial(next)),
                    _ => Ok(entry),
                }
            }
            Err(error) => Err(EntryError::Unreadable(error.to_string())),
        })
    }

    /// What later sessions' serials are at least, as far as this entry says.
    fn next_serial(&self) -> Option<u64> {
        match self {
            Self::Row { .. } | Self::Gone { .. } => None,
            Self::Opened { serial, .. } | Self::Moved { serial, .. } | Self::Ended { serial } => {
                Some(serial.saturating_add(1))
            }
            Self::End(end) => Some(end.next_serial),
        }
    }
}

impl End {
    pub(crate) fn of(snapshot: &HistorySnapshot) -> Self {
        Self {
            taken_at: since_1970(snapshot.taken_at),
            discarded: Totals::from(snapshot.discarded),
            next_serial: snapshot.next_serial,
            rows: snapshot.len() as u64,
            open: snapshot.open_sessions(),
        }
    }

    pub(crate) fn taken_at(&self) -> SystemTime {
        at(self.taken_at)
    }

    pub(crate) fn discarded(&self) -> Stats {
        Stats::from(self.discarded)
    }
}

impl Key<'_> {
    pub(crate) fn to_key(self) -> HistoryKey {
        HistoryKey::new(self.location, self.peer, self.reference)
    }
}

impl<'a> From<&'a HistoryKey> for Key<'a> {
    fn from(key: &'a HistoryKey) -> Self {
        Self {
            location: &key.location,
            peer: &key.peer,
            reference: &key.reference,
        }
    }
}

impl From<Stats> for Totals {
    fn from(stats: Stats) -> Self {
        Self {
            sessions: stats.total_sessions,
            rx_bytes: stats.total_rx_bytes,
            tx_bytes: stats.total_tx_bytes,
            rx_packets: stats.total_rx_packets,
            tx_packets: stats.total_tx_packets,
        }
    }
}

impl From<Totals> for Stats {
    fn from(totals: Totals) -> Self {
        Self {
            total_sessions: totals.sessions,
            total_rx_bytes: totals.rx_bytes,
            total_tx_bytes: totals.tx_bytes,
            total_rx_packets: totals.rx_packets,
            total_tx_packets: totals.tx_packets,
        }
    }
}

/// The open session of an [`Entry::Opened`].
pub(crate) fn open_session(
    serial: u64,
    id: &[u8],
    key: Key<'_>,
    created_at: Duration,
    is_active: bool,
    totals: Totals,
) -> OpenSession {
    OpenSession {
        serial,
        id: SessionId::from(id),
        key: key.to_key(),
        created_at: at(created_at),
        is_active,
        stats: Stats::from(totals),
    }
}

fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// What no calendar holds counts as 1970.
fn at(since_1970: Duration) -> SystemTime {
    SystemTime::UNIX_EPOCH
        .checked_add(since_1970)
        .unwrap_or(SystemTime::UNIX_EPOCH)
}
