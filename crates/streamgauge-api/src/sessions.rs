//! The active sessions of a collector, in pages or ranked, and how to close one.

mod filter;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;
use streamgauge::{ActiveSession, SessionIdRef, Summary};
use streamgauge_json::{EncodedId, Moment};

use self::filter::Filter;
use crate::api::{Shared, json};
use crate::collectors::name;
use crate::problem::{Problem, shown};
use crate::query::Query;
use crate::ranking::{Ranking, of_bitrate};

/// The most rows of one answer.
pub(crate) const MAX_ROWS: usize = 1_000;

/// The rows of an answer that was asked for no number.
pub(crate) const DEFAULT_ROWS: usize = 100;

const PARAMETERS: [&str; 13] = [
    "limit",
    "cursor",
    "sort",
    "reference",
    "location",
    "peer",
    "peer_prefix",
    "peer_network",
    "min_bytes",
    "min_bitrate",
    "min_rx_bitrate",
    "min_tx_bitrate",
    "extra",
];

/// What sessions are ranked by.
#[derive(Debug, Clone, Copy)]
enum Quantity {
    Bytes,
    RxBytes,
    TxBytes,
    Bitrate,
    RxBitrate,
    TxBitrate,
    TopRxBitrate,
    TopTxBitrate,
    /// The one registered last.
    Newest,
}

const QUANTITIES: [(&str, Quantity); 9] = [
    ("bytes", Quantity::Bytes),
    ("rx_bytes", Quantity::RxBytes),
    ("tx_bytes", Quantity::TxBytes),
    ("bitrate", Quantity::Bitrate),
    ("rx_bitrate", Quantity::RxBitrate),
    ("tx_bitrate", Quantity::TxBitrate),
    ("top_rx_bitrate", Quantity::TopRxBitrate),
    ("top_tx_bitrate", Quantity::TopTxBitrate),
    ("newest", Quantity::Newest),
];

impl Quantity {
    fn rank(self, session: &ActiveSession<'_>) -> u128 {
        match self {
            Self::Bytes => u128::from(session.rx_bytes) + u128::from(session.tx_bytes),
            Self::RxBytes => session.rx_bytes.into(),
            Self::TxBytes => session.tx_bytes.into(),
            Self::Bitrate => of_bitrate(session.rx_bitrate + session.tx_bitrate),
            Self::RxBitrate => of_bitrate(session.rx_bitrate),
            Self::TxBitrate => of_bitrate(session.tx_bitrate),
            Self::TopRxBitrate => of_bitrate(session.top_rx_bitrate),
            Self::TopTxBitrate => of_bitrate(session.top_tx_bitrate),
            Self::Newest => session.serial.into(),
        }
    }
}

/// Which rows an answer has.
enum Choice {
    /// From behind a serial, or from the beginning, in order of registration.
    Page(Option<u64>),
    Top(Quantity),
}

pub(crate) async fn list(State(shared): State<Arc<Shared>>, uri: Uri) -> Result<Response, Problem> {
    let query = Query::read(uri.query(), &PARAMETERS)?;
    let limit = query.number("limit", 1..=MAX_ROWS)?.unwrap_or(DEFAULT_ROWS);
    let cursor = query.number("cursor", 0..=u64::MAX)?;
    let choice = match (query.choice("sort", &QUANTITIES)?, cursor) {
        (Some(_), Some(_)) => {
            return Err(Problem::parameter(
                "cursor",
                "a ranking has no pages",
                "leave out cursor for the top, or sort for pages in order of registration",
            ));
        }
        (Some(quantity), None) => Choice::Top(quantity),
        (None, cursor) => Choice::Page(cursor),
    };
    let filter = Filter::read(&query)?;
    let name = name(&uri, 1);
    let summary = shared.collector(&name)?.summary();
    let answer = move || json(&SessionsBody::of(&name, &summary, &choice, limit, &filter));
    shared.walk(answer).await?
}

pub(crate) async fn close(State(shared): State<Arc<Shared>>, uri: Uri) -> Result<StatusCode, Problem> {
    Query::read(uri.query(), &[])?;
    // From the path as it was sent: an id is any bytes, and what an extractor gives is text.
    let segment = uri.path().rsplit('/').next().unwrap_or_default();
    let id: Vec<u8> = percent_encoding::percent_decode_str(segment).collect();
    let name = name(&uri, 2);
    let collector = shared.collector(&name)?;
    let encoded = EncodedId::new(&id).to_string();
    if shared.walk(move || collector.unregister(&id)).await? {
        tracing::info!(collector = %name, id = %encoded, "session closed by the API");
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::new(
        StatusCode::NOT_FOUND,
        "unknown session",
        format!("no open session of {name} has the id {}", shown(&encoded)),
        "path",
        "take id_encoded of a session that the list shows; it may have closed since",
    ))
}

#[derive(Debug, Serialize)]
struct SessionsBody<'a> {
    collector: &'a str,
    sequence: u64,
    taken_at: Moment,
    /// All active sessions, whatever the filter.
    total: u64,
    sessions: Vec<SessionBody<'a>>,
    /// The cursor of the next page; none behind the last, and none of a ranking.
    next: Option<u64>,
}

impl<'a> SessionsBody<'a> {
    fn of(collector: &'a str, summary: &'a Summary, choice: &Choice, limit: usize, filter: &Filter) -> Self {
        let (sessions, next) = match choice {
            Choice::Page(cursor) => page(summary, *cursor, limit, filter),
            Choice::Top(quantity) => (top(summary, *quantity, limit, filter), None),
        };
        Self {
            collector,
            sequence: summary.sequence,
            taken_at: summary.taken_at.into(),
            total: summary.current_sessions,
            sessions,
            next,
        }
    }
}

fn page<'a>(
    summary: &'a Summary,
    cursor: Option<u64>,
    limit: usize,
    filter: &Filter,
) -> (Vec<SessionBody<'a>>, Option<u64>) {
    let rows = match cursor {
        Some(serial) => summary.active.after(serial),
        None => summary.active.iter(),
    };
    let mut rows = rows.filter(|row| filter.takes(row));
    let page: Vec<SessionBody> = rows.by_ref().take(limit).map(SessionBody::from).collect();
    let next = rows.next().and_then(|_| page.last()).map(|last| last.serial);
    (page, next)
}

fn top<'a>(summary: &'a Summary, quantity: Quantity, limit: usize, filter: &Filter) -> Vec<SessionBody<'a>> {
    let mut ranking = Ranking::new(limit);
    for row in summary.active.iter().filter(|row| filter.takes(row)) {
        ranking.offer(quantity.rank(&row), row);
    }
    ranking.into_items().map(SessionBody::from).collect()
}

#[derive(Debug, Serialize)]
struct SessionBody<'a> {
    serial: u64,
    /// As text for people: bytes that are none are escaped.
    id: SessionIdRef<'a>,
    id_encoded: EncodedId<'a>,
    reference: &'a str,
    location: &'a str,
    peer: &'a str,
    extra: &'a str,
    created_at: Moment,
    rx_bytes: u64,
    tx_bytes: u64,
    rx_packets: u64,
    tx_packets: u64,
    rx_bitrate: f64,
    tx_bitrate: f64,
    top_rx_bitrate: f64,
    top_tx_bitrate: f64,
}

impl<'a> From<ActiveSession<'a>> for SessionBody<'a> {
    fn from(session: ActiveSession<'a>) -> Self {
        Self {
            serial: session.serial,
            id: session.id,
            id_encoded: EncodedId::new(session.id.as_bytes()),
            reference: session.reference,
            location: session.location,
            peer: session.peer,
            extra: session.extra,
            created_at: session.created_at.into(),
            rx_bytes: session.rx_bytes,
            tx_bytes: session.tx_bytes,
            rx_packets: session.rx_packets,
            tx_packets: session.tx_packets,
            rx_bitrate: session.rx_bitrate,
            tx_bitrate: session.tx_bitrate,
            top_rx_bitrate: session.top_rx_bitrate,
            top_tx_bitrate: session.top_tx_bitrate,
        }
    }
}
