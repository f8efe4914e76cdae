//! Collectors: limits, rates, sums and health.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;
use streamgauge::{Collector, Health, Summary};
use streamgauge_json::{Moment, StatsBody};

use crate::api::{Shared, json};
use crate::problem::Problem;
use crate::query::Query;

pub(crate) async fn all(State(shared): State<Arc<Shared>>, uri: Uri) -> Result<Response, Problem> {
    Query::read(uri.query(), &[])?;
    let names = shared.registry.collectors();
    let collectors: Vec<CollectorBody> = names
        .iter()
        .filter_map(|name| Some(CollectorBody::of(name, &shared.registry.collector(name)?)))
        .collect();
    json(&CollectorsBody { collectors })
}

pub(crate) async fn one(State(shared): State<Arc<Shared>>, uri: Uri) -> Result<Response, Problem> {
    Query::read(uri.query(), &[])?;
    let name = name(&uri, 0);
    json(&CollectorBody::of(&name, &shared.collector(&name)?))
}

/// The name of a collector in a path, with `behind` segments behind it. Names are plain letters and digits: what is
/// anything else is known nowhere.
pub(crate) fn name(uri: &Uri, behind: usize) -> String {
    let segment = uri.path().rsplit('/').nth(behind).unwrap_or_default();
    percent_encoding::percent_decode_str(segment)
        .decode_utf8_lossy()
        .into_owned()
}

#[derive(Debug, Serialize)]
struct CollectorsBody<'a> {
    collectors: Vec<CollectorBody<'a>>,
}

/// A collector as its last summary shows it.
#[derive(Debug, Serialize)]
pub(crate) struct CollectorBody<'a> {
    collector: &'a str,
    sequence: u64,
    taken_at: Moment,
    sessions: u64,
    pending_sessions: u64,
    rx_bitrate: f64,
    tx_bitrate: f64,
    top_rx_bitrate: f64,
    top_tx_bitrate: f64,
    limits: LimitsBody,
    totals: StatsBody,
    live: StatsBody,
    pending: StatsBody,
    history: HistoryBody,
    discarded: StatsBody,
    caps: CapsBody,
    health: HealthBody,
}

/// What limits a collector. 0: nothing.
#[derive(Debug, Serialize)]
struct LimitsBody {
    max_sessions: u64,
    max_rx_bitrate: f64,
    max_tx_bitrate: f64,
}

#[derive(Debug, Serialize)]
struct HistoryBody {
    #[serde(flatten)]
    stats: StatsBody,
    peers: usize,
    locations: usize,
    references: usize,
    is_partial: bool,
}

#[derive(Debug, Serialize)]
struct CapsBody {
    refused_sessions: u64,
    refused_ids: u64,
    refused_empty_ids: u64,
    refused_stopped: u64,
    refused_writers: u64,
    folded_sessions: u64,
    evicted_keys: u64,
    undelivered_events: u64,
    cut_labels: u64,
}

#[derive(Debug, Serialize)]
struct HealthBody {
    is_good: bool,
    is_stopped: bool,
    last_tick: Option<Moment>,
    last_tick_seconds: f64,
    sampler_failure: Option<String>,
    undelivered_events: u64,
    observer_panics: u64,
    limiter_panics: u64,
    worker_panics: u64,
    last_saved: Option<Moment>,
    failed_saves: u64,
    store_error: Option<String>,
    compaction_error: Option<String>,
    histories_set_aside: usize,
}

impl<'a> CollectorBody<'a> {
    /// What a collector shows now.
    pub(crate) fn of(name: &'a str, collector: &Collector) -> Self {
        let health = collector.health();
        collector.with_summary(|summary| Self::read(name, summary, health))
    }

    fn read(collector: &'a str, summary: &Summary, health: Health) -> Self {
        let caps = summary.caps;
        Self {
            collector,
            sequence: summary.sequence,
            taken_at: summary.taken_at.into(),
            sessions: summary.current_sessions,
            pending_sessions: summary.pending_sessions,
            rx_bitrate: summary.current_rx_bitrate,
            tx_bitrate: summary.current_tx_bitrate,
            top_rx_bitrate: summary.top_rx_bitrate,
            top_tx_bitrate: summary.top_tx_bitrate,
            limits: LimitsBody {
                max_sessions: summary.max_sessions,
                max_rx_bitrate: summary.max_rx_bitrate,
                max_tx_bitrate: summary.max_tx_bitrate,
            },
            totals: summary.totals.into(),
            live: summary.live.into(),
            pending: summary.pending.into(),
            history: HistoryBody {
                stats: summary.history.stats.into(),
                peers: summary.history.peers.len(),
                locations: summary.history.locations.len(),
                references: summary.history.references.len(),
                is_partial: summary.history.is_partial,
            },
            discarded: summary.discarded.into(),
            caps: CapsBody {
                refused_sessions: caps.refused_sessions,
                refused_ids: caps.refused_ids,
                refused_empty_ids: caps.refused_empty_ids,
                refused_stopped: caps.refused_stopped,
                refused_writers: caps.refused_writers,
                folded_sessions: caps.folded_sessions,
                evicted_keys: caps.evicted_keys,
                undelivered_events: caps.undelivered_events,
                cut_labels: caps.cut_labels,
            },
            health: health.into(),
        }
    }

    /// Which of the collector's summaries this is.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }
}

impl From<Health> for HealthBody {
    fn from(health: Health) -> Self {
        Self {
            is_good: health.is_good(),
            is_stopped: health.is_stopped,
            last_tick: health.last_tick.map(Moment::from),
            last_tick_seconds: health.last_tick_duration.as_secs_f64(),
            sampler_failure: health.sampler_failure,
            undelivered_events: health.undelivered_events,
            observer_panics: health.observer_panics,
            limiter_panics: health.limiter_panics,
            worker_panics: health.worker_panics,
            last_saved: health.last_saved.map(Moment::from),
            failed_saves: health.failed_saves,
            store_error: health.store_error,
            compaction_error: health.compaction_error,
            histories_set_aside: health.set_aside.len(),
        }
    }
}
