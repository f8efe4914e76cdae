//! All metrics: the one list, of which both formats are made.
//!
//! Names are those of Prometheus' conventions: the unit at the end, bytes and seconds, counters with `_total` behind that,
//! which the encoder adds. A bitrate is in bit/s, as it is everywhere else: docs/adr/0020-prometheus.md says why.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use streamgauge::{CapsHit, Session, Stats};

use super::{Kind, Metric, Read, Sample, Value};
use crate::busiest::Reference;
use crate::exporter::CollectorState;

const BYTES: Option<&str> = Some("bytes");
const SECONDS: Option<&str> = Some("seconds");

/// All metrics, in the order of a page.
pub(crate) const METRICS: &[Metric] = &[
    Metric {
        name: "streamgauge_build",
        unit: None,
        kind: Kind::Info,
        help: "The version of the exporter.",
        read: Read::Program(|| vec![labelled("version", env!("CARGO_PKG_VERSION"), Value::Whole(1))]),
    },
    of_collectors(
        "streamgauge_open_sessions",
        None,
        Kind::Gauge,
        "Open sessions, by state: active ones, and pending ones that are not active yet.",
        |state| {
            let summary = &state.summary;
            vec![
                labelled("state", "active", Value::Whole(summary.current_sessions)),
                labelled("state", "pending", Value::Whole(summary.pending_sessions)),
            ]
        },
    ),
    of_collectors(
        "streamgauge_max_sessions",
        None,
        Kind::Gauge,
        "The limit of open sessions; no sample where there is none.",
        |state| {
            let limit = state.summary.max_sessions;
            (limit > 0)
                .then(|| bare(Value::Whole(limit)))
                .into_iter()
                .collect()
        },
    ),
    of_collectors(
        "streamgauge_sessions",
        None,
        Kind::Counter,
        "Sessions that were registered, in earlier runs too.",
        |state| vec![bare(Value::Whole(state.summary.totals.total_sessions))],
    ),
    of_collectors(
        "streamgauge_traffic",
        BYTES,
        Kind::Counter,
        "Bytes that all sessions moved, open and ended ones, in earlier runs too.",
        |state| bytes(&state.summary.totals),
    ),
    of_collectors(
        "streamgauge_packets",
        None,
        Kind::Counter,
        "Packets that all sessions moved, where the collector counts packets.",
        |state| packets(&state.summary.totals),
    ),
    of_collectors(
        "streamgauge_bitrate",
        None,
        Kind::Gauge,
        "The bitrate of all sessions over the window, in bit/s.",
        |state| bitrates(state.summary.current_rx_bitrate, state.summary.current_tx_bitrate),
    ),
    of_collectors(
        "streamgauge_top_bitrate",
        None,
        Kind::Gauge,
        "The sum of the sessions' top bitrates, which decay, and of what admissions reserved, in bit/s.",
        |state| bitrates(state.summary.top_rx_bitrate, state.summary.top_tx_bitrate),
    ),
    of_collectors(
        "streamgauge_max_bitrate",
        None,
        Kind::Gauge,
        "The limit of the bitrate, in bit/s; no sample where there is none.",
        |state| {
            let mut limits = bitrates(state.summary.max_rx_bitrate, state.summary.max_tx_bitrate);
            limits.retain(|limit| limit.value != Value::Real(0.0));
            limits
        },
    ),
    of_collectors(
        "streamgauge_discarded_sessions",
        None,
        Kind::Counter,
        "Sessions that ended without having been active. They are part of streamgauge_sessions_total.",
        |state| vec![bare(Value::Whole(state.summary.discarded.total_sessions))],
    ),
    of_collectors(
        "streamgauge_discarded",
        BYTES,
        Kind::Counter,
        "Bytes of sessions that ended without having been active. They are part of streamgauge_traffic_bytes_total.",
        |state| bytes(&state.summary.discarded),
    ),
    of_collectors(
        "streamgauge_discarded_packets",
        None,
        Kind::Counter,
        "Packets of sessions that ended without having been active. They are part of streamgauge_packets_total.",
        |state| packets(&state.summary.discarded),
    ),
    of_collectors(
        "streamgauge_caps_hit",
        None,
        Kind::Counter,
        "What caps refused, folded, dropped and cut since the collector started, by cap.",
        |state| caps(&state.summary.caps),
    ),
    of_collectors(
        "streamgauge_last_tick_timestamp",
        SECONDS,
        Kind::Gauge,
        "When the last tick began, which most of the numbers here are as of; no sample before the first.",
        |state| timestamp(state.health.last_tick),
    ),
    of_collectors(
        "streamgauge_tick_duration",
        SECONDS,
        Kind::Gauge,
        "How long the last tick took.",
        |state| vec![bare(Value::Real(state.health.last_tick_duration.as_secs_f64()))],
    ),
    of_collectors(
        "streamgauge_healthy",
        None,
        Kind::Gauge,
        "1 while the sampler runs and the history is saved without error, otherwise 0.",
        |state| vec![bare(Value::Whole(u64::from(state.health.is_good())))],
    ),
    of_collectors(
        "streamgauge_failed_saves",
        None,
        Kind::Counter,
        "Saves of the history that failed.",
        |state| vec![bare(Value::Whole(state.health.failed_saves))],
    ),
    of_collectors(
        "streamgauge_last_saved_timestamp",
        SECONDS,
        Kind::Gauge,
        "When the history was saved last; no sample before the first time.",
        |state| timestamp(state.health.last_saved),
    ),
    of_collectors(
        "streamgauge_set_aside_files",
        None,
        Kind::Gauge,
        "Files of the history that did not check out when the collector was registered, and were set aside.",
        |state| {
            let files = u64::try_from(state.health.set_aside.len());
            vec![bare(Value::Whole(files.unwrap_or(u64::MAX)))]
        },
    ),
    of_collectors(
        "streamgauge_panics",
        None,
        Kind::Counter,
        "Panics of the program's own code that were contained, by whose it was.",
        |state| {
            let health = &state.health;
            vec![
                labelled("of", "observer", Value::Whole(health.observer_panics)),
                labelled("of", "limiter", Value::Whole(health.limiter_panics)),
                labelled("of", "worker", Value::Whole(health.worker_panics)),
            ]
        },
    ),
    of_collectors(
        "streamgauge_session_bitrate",
        None,
        Kind::Gauge,
        "The bitrate over the window of each of the busiest sessions, in bit/s.",
        |state| {
            of_sessions(state, |session| {
                (Value::Real(session.rx_bitrate), Value::Real(session.tx_bitrate))
            })
        },
    ),
    of_collectors(
        "streamgauge_session",
        BYTES,
        Kind::Gauge,
        "Bytes that each of the busiest sessions moved so far. A gauge: it is there while the session is one of them.",
        |state| {
            of_sessions(state, |session| {
                (Value::Whole(session.rx_bytes), Value::Whole(session.tx_bytes))
            })
        },
    ),
    of_collectors(
        "streamgauge_reference_active_sessions",
        None,
        Kind::Gauge,
        "Active sessions of each of the busiest references.",
        |state| {
            let references = state.busiest.references.iter();
            references.map(active_sessions).collect()
        },
    ),
    of_collectors(
        "streamgauge_reference_bitrate",
        None,
        Kind::Gauge,
        "The bitrate over the window of the active sessions of each of the busiest references, in bit/s.",
        |state| {
            of_references(state, |reference| {
                (
                    Value::Real(reference.rx_bitrate),
                    Value::Real(reference.tx_bitrate),
                )
            })
        },
    ),
    of_collectors(
        "streamgauge_reference",
        BYTES,
        Kind::Gauge,
        "Bytes that active and ended sessions of each of the busiest references moved, in earlier runs too.",
        |state| {
            of_references(state, |reference| {
                (Value::Whole(reference.rx_bytes), Value::Whole(reference.tx_bytes))
            })
        },
    ),
];

const fn of_collectors(
    name: &'static str,
    unit: Option<&'static str>,
    kind: Kind,
    help: &'static str,
    read: fn(&CollectorState) -> Vec<Sample<'_>>,
) -> Metric {
    Metric {
        name,
        unit,
        kind,
        help,
        read: Read::Collector(read),
    }
}

/// A sample without labels of its own.
const fn bare(value: Value) -> Sample<'static> {
    Sample {
        labels: Vec::new(),
        value,
    }
}

fn labelled<'a>(label: &'static str, text: &'a str, value: Value) -> Sample<'a> {
    Sample {
        labels: vec![(label, text.into())],
        value,
    }
}

/// What was received, and what was sent.
fn directions(rx: Value, tx: Value) -> [Sample<'static>; 2] {
    [
        labelled("direction", "ingress", rx),
        labelled("direction", "egress", tx),
    ]
}

fn bitrates(rx: f64, tx: f64) -> Vec<Sample<'static>> {
    directions(Value::Real(rx), Value::Real(tx)).into()
}

fn bytes(stats: &Stats) -> Vec<Sample<'static>> {
    let (rx, tx) = (stats.total_rx_bytes, stats.total_tx_bytes);
    directions(Value::Whole(rx), Value::Whole(tx)).into()
}

fn packets(stats: &Stats) -> Vec<Sample<'static>> {
    let (rx, tx) = (stats.total_rx_packets, stats.total_tx_packets);
    directions(Value::Whole(rx), Value::Whole(tx)).into()
}

/// Seconds since 1970, if there is a time.
fn timestamp(time: Option<SystemTime>) -> Vec<Sample<'static>> {
    let since_1970 = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).ok();
    let seconds = time
        .and_then(since_1970)
        .map(|since: Duration| since.as_secs_f64());
    seconds
        .map(|seconds| bare(Value::Real(seconds)))
        .into_iter()
        .collect()
}

fn caps(caps: &CapsHit) -> Vec<Sample<'static>> {
    let hit = [
        ("refused_sessions", caps.refused_sessions),
        ("refused_ids", caps.refused_ids),
        ("refused_empty_ids", caps.refused_empty_ids),
        ("refused_stopped", caps.refused_stopped),
        ("refused_writers", caps.refused_writers),
        ("folded_sessions", caps.folded_sessions),
        ("evicted_keys", caps.evicted_keys),
        ("undelivered_events", caps.undelivered_events),
        ("cut_labels", caps.cut_labels),
    ];
    hit.map(|(cap, count)| labelled("cap", cap, Value::Whole(count)))
        .into()
}

fn of_sessions<'a>(state: &'a CollectorState, numbers: fn(&Session) -> (Value, Value)) -> Vec<Sample<'a>> {
    let of_one = |session: &'a Session| {
        let (rx, tx) = numbers(session);
        directions(rx, tx).map(|mut sample| {
            let labels: [(_, Cow<'_, str>); 4] = [
                // An id is bytes: what is not text is shown escaped.
                ("session", session.id.to_string().into()),
                ("reference", session.reference.as_str().into()),
                ("location", session.location.as_str().into()),
                ("peer", session.peer.as_str().into()),
            ];
            sample.labels.splice(0..0, labels);
            sample
        })
    };
    state.busiest.sessions.iter().flat_map(of_one).collect()
}

fn of_references<'a>(
    state: &'a CollectorState,
    numbers: fn(&Reference) -> (Value, Value),
) -> Vec<Sample<'a>> {
    let of_one = |reference: &'a Reference| {
        let (rx, tx) = numbers(reference);
        directions(rx, tx).map(|mut sample| {
            let name = reference.name.as_str();
            sample.labels.insert(0, ("reference", name.into()));
            sample
        })
    };
    state.busiest.references.iter().flat_map(of_one).collect()
}

fn active_sessions(reference: &Reference) -> Sample<'_> {
    labelled(
        "reference",
        &reference.name,
        Value::Whole(reference.active_sessions),
    )
}
