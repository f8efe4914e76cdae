//! What ended sessions moved: the top N by peer, location or reference.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;
use streamgauge::{History, Stats, Summary};
use streamgauge_json::{Moment, StatsBody};

use crate::api::{Shared, json};
use crate::collectors::name;
use crate::problem::Problem;
use crate::query::Query;
use crate::ranking::Ranking;
use crate::sessions::{DEFAULT_ROWS, MAX_ROWS};

/// What rows stand for.
#[derive(Debug, Clone, Copy)]
enum By {
    Peer,
    Location,
    Reference,
}

const BYS: [(&str, By); 3] = [
    ("peer", By::Peer),
    ("location", By::Location),
    ("reference", By::Reference),
];

/// What rows are ranked by.
#[derive(Debug, Clone, Copy)]
enum Quantity {
    Bytes,
    RxBytes,
    TxBytes,
    Sessions,
}

const QUANTITIES: [(&str, Quantity); 4] = [
    ("bytes", Quantity::Bytes),
    ("rx_bytes", Quantity::RxBytes),
    ("tx_bytes", Quantity::TxBytes),
    ("sessions", Quantity::Sessions),
];

impl Quantity {
    fn rank(self, stats: &Stats) -> u128 {
        match self {
            Self::Bytes => u128::from(stats.total_rx_bytes) + u128::from(stats.total_tx_bytes),
            Self::RxBytes => stats.total_rx_bytes.into(),
            Self::TxBytes => stats.total_tx_bytes.into(),
            Self::Sessions => stats.total_sessions.into(),
        }
    }
}

pub(crate) async fn ranked(State(shared): State<Arc<Shared>>, uri: Uri) -> Result<Response, Problem> {
    let query = Query::read(uri.query(), &["by", "peer", "sort", "limit"])?;
    let peer = query.text("peer").map(str::to_owned);
    let by = match (query.choice("by", &BYS)?, &peer) {
        (Some(By::Location) | None, Some(_)) => By::Location,
        (Some(By::Peer | By::Reference), Some(_)) => {
            return Err(Problem::parameter(
                "by",
                "of one peer, the history knows the locations alone",
                "location, or leave out by or peer",
            ));
        }
        (by, None) => by.unwrap_or(By::Peer),
    };
    let quantity = query.choice("sort", &QUANTITIES)?.unwrap_or(Quantity::Bytes);
    let limit = query.number("limit", 1..=MAX_ROWS)?.unwrap_or(DEFAULT_ROWS);
    let name = name(&uri, 1);
    let summary = shared.collector(&name)?.summary();
    let answer = move || {
        json(&HistoryBody::of(
            &name,
            &summary,
            by,
            peer.as_deref(),
            quantity,
            limit,
        ))
    };
    shared.walk(answer).await?
}

#[derive(Debug, Serialize)]
struct HistoryBody<'a> {
    collector: &'a str,
    sequence: u64,
    taken_at: Moment,
    by: &'static str,
    /// All rows there are, of which these are the top.
    total: usize,
    rows: Vec<RowBody<'a>>,
    /// All ended sessions, whatever was asked for.
    stats: StatsBody,
    is_partial: bool,
}

#[derive(Debug, Serialize)]
struct RowBody<'a> {
    name: &'a str,
    #[serde(flatten)]
    stats: StatsBody,
}

impl<'a> HistoryBody<'a> {
    fn of(
        collector: &'a str,
        summary: &'a Summary,
        by: By,
        peer: Option<&str>,
        quantity: Quantity,
        limit: usize,
    ) -> Self {
        let mut ranking = Ranking::new(limit);
        let mut total = 0;
        each(&summary.history, by, peer, |name, stats| {
            total += 1;
            ranking.offer(quantity.rank(&stats), (name, stats));
        });
        let rows = ranking.into_items().map(|(name, stats)| RowBody {
            name,
            stats: stats.into(),
        });
        Self {
            collector,
            sequence: summary.sequence,
            taken_at: summary.taken_at.into(),
            by: match by {
                By::Peer => "peer",
                By::Location => "location",
                By::Reference => "reference",
            },
            total,
            rows: rows.collect(),
            stats: summary.history.stats.into(),
            is_partial: summary.history.is_partial,
        }
    }
}

/// Shows the rows of a view; of one peer, its locations.
fn each<'a>(history: &'a History, by: By, peer: Option<&str>, mut row: impl FnMut(&'a str, Stats)) {
    match (peer, by) {
        (Some(peer), _) => {
            let locations = history
                .peers
                .get(peer)
                .into_iter()
                .flat_map(|peer| peer.locations.iter());
            locations.for_each(|(name, stats)| row(name, *stats));
        }
        (None, By::Peer) => history
            .peers
            .iter()
            .for_each(|(name, peer)| row(name, peer.stats)),
        (None, By::Location) => history
            .locations
            .iter()
            .for_each(|(name, stats)| row(name, *stats)),
        (None, By::Reference) => history
            .references
            .iter()
            .for_each(|(name, stats)| row(name, *stats)),
    }
}
