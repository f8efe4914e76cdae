//! The report for programs: one JSON object, all counts exact integers.
//!
//! ```json
//! {
//!   "inputs": [{ "name": "a.pcap", "packets": 3, "bytes": 180, "error": null }],
//!   "started_at": "1970-01-01T00:00:00Z", "started_at_unix": "0.000000000", "captured_seconds": 2.5,
//!   "summary": {
//!     "conversations": 1,
//!     "rx_bitrate": 0.0, "tx_bitrate": 0.0, "top_rx_bitrate": 0.0, "top_tx_bitrate": 0.0,
//!     "totals": { "sessions": 1, "rx_bytes": 120, "tx_bytes": 60, "rx_packets": 2, "tx_packets": 1 },
//!     "live": {}, "history": {}, "pending": {}, "discarded": {}, "earlier": {}
//!   },
//!   "sessions": [{
//!     "peer": "10.0.0.1", "location": "10.0.0.2:80", "reference": "tcp/80",
//!     "protocol": 6, "initiator": { "ip": "10.0.0.1", "port": 2000 }, "responder": { "ip": "10.0.0.2", "port": 80 },
//!     "live": true, "sessions": 1, "rx_bytes": 120, "tx_bytes": 60, "rx_packets": 2, "tx_packets": 1,
//!     "rx_bitrate": 0.0, "tx_bitrate": 0.0, "top_rx_bitrate": 0.0, "top_tx_bitrate": 0.0
//!   }],
//!   "omitted": 0
//! }
//! ```
//!
//! `rx` is from initiator to responder, `tx` the way back; bitrates are bit/s. `totals` is the sum of `live`, `history`,
//! `pending` and `discarded`, which all have its shape; `earlier` is the part of it that the `--history` directory held before. `started_at` is null where no packet has a time that a calendar
//! knows. `protocol`, `initiator` and `responder` are null for packets without IP, a `port` where there is none. `sessions`
//! are in the order of `--by`, `omitted` says how many of them `--top` left out.

use std::io::{self, Write};
use std::net::IpAddr;

use serde::Serialize;

use super::{InputReport, Report, table};
use crate::endpoints::Endpoint;
use crate::measurement::{Rates, Row, Tally};

#[derive(Serialize)]
struct Document<'a> {
    inputs: Vec<InputObject<'a>>,
    started_at: Option<String>,
    started_at_unix: Option<String>,
    captured_seconds: f64,
    summary: SummaryObject,
    sessions: Vec<SessionObject>,
    omitted: usize,
}

#[derive(Serialize)]
struct InputObject<'a> {
    name: &'a str,
    packets: u64,
    bytes: u64,
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct SummaryObject {
    conversations: usize,
    #[serde(flatten)]
    rates: Rates,
    totals: Tally,
    live: Tally,
    history: Tally,
    pending: Tally,
    discarded: Tally,
    earlier: Tally,
}

#[derive(Serialize)]
struct SessionObject {
    peer: String,
    location: String,
    reference: String,
    protocol: Option<u8>,
    initiator: Option<EndObject>,
    responder: Option<EndObject>,
    live: bool,
    #[serde(flatten)]
    tally: Tally,
    #[serde(flatten)]
    rates: Rates,
}

#[derive(Serialize)]
struct EndObject {
    ip: IpAddr,
    port: Option<u16>,
}

/// Writes the object and a line's end.
pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let measurement = &report.measurement;
    let start = measurement.started_at;
    let document = Document {
        inputs: report.inputs.iter().map(InputObject::from).collect(),
        started_at: start.and_then(table::start).map(|start| start.to_string()),
        started_at_unix: start.map(|start| format!("{}.{:09}", start.as_secs(), start.subsec_nanos())),
        captured_seconds: measurement.captured.as_secs_f64(),
        summary: SummaryObject {
            conversations: report.conversations(),
            rates: measurement.rates,
            totals: measurement.totals,
            live: measurement.live,
            history: measurement.history,
            pending: measurement.pending,
            discarded: measurement.discarded,
            earlier: measurement.earlier,
        },
        sessions: measurement.rows.iter().map(SessionObject::from).collect(),
        omitted: report.omitted,
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

impl<'a> From<&'a InputReport> for InputObject<'a> {
    fn from(input: &'a InputReport) -> Self {
        Self {
            name: &input.name,
            packets: input.packets,
            bytes: input.bytes,
            error: input.error.as_deref(),
        }
    }
}

impl From<&Row> for SessionObject {
    fn from(row: &Row) -> Self {
        let conversation = &row.conversation;
        Self {
            peer: conversation.peer(),
            location: conversation.location(),
            reference: conversation.reference(),
            protocol: conversation.key.protocol(),
            initiator: conversation.initiator().map(EndObject::from),
            responder: conversation.responder().map(EndObject::from),
            live: row.live,
            tally: row.tally,
            rates: row.rates,
        }
    }
}

impl From<Endpoint> for EndObject {
    fn from(end: Endpoint) -> Self {
        Self {
            ip: end.ip,
            port: end.port,
        }
    }
}
