//! `export`: a whole history, in the form of the program that streamgauge re-creates or with everything.
//!
//! ```json
//! {
//!   "collector": "http", "saved_at": "2026-01-01T00:00:00.25Z",
//!   "rows": [{ "location": "here", "peer": "198.51.100.7", "reference": "stream", "sessions": 1, "rx_bytes": 10,
//!     "tx_bytes": 20, "rx_packets": 1, "tx_packets": 1, "partial": false, "inherited": 0 }],
//!   "discarded": { "sessions": 0, "rx_bytes": 0, "tx_bytes": 0, "rx_packets": 0, "tx_packets": 0 }
//! }
//! ```

use std::io::{self, Write};
use std::path::Path;
use std::slice;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::archive::{Found, History, HistoryKey, Row};
use super::listing::{NUMBERS, numbers};
use super::{Ended, choose_one, complain_of_damage, document};
use crate::args::{ExportArgs, ExportFormat};
use crate::measurement::Tally;
use crate::outcome::{Outcome, complain};
use crate::report::csv::Csv;

pub(super) fn run(directory: &Path, args: &ExportArgs) -> Ended {
    let found = choose_one(directory, args.collector.as_deref())?;
    let mut told_apart = 0;
    let outcome = Outcome::of_report(|out| match args.format {
        ExportFormat::Datarhei => {
            told_apart = document::write(&found.history, out)?;
            Ok(())
        }
        ExportFormat::Json => write_json(&found, out),
        ExportFormat::Csv => write_csv(&found.history, out),
    });
    if told_apart > 0 {
        let message = format!(
            "of the keys that location, peer and reference make when joined with \":\", {told_apart} stood for others too; \
             they have a number behind them, and the fields of their entries are exact"
        );
        complain(&directory.display().to_string(), &message, Outcome::Success);
    }
    Ok(outcome.max(complain_of_damage(slice::from_ref(&found))))
}

#[derive(Serialize)]
struct Document<'a> {
    collector: &'a str,
    saved_at: Option<String>,
    rows: Rows<'a>,
    discarded: Tally,
}

struct Rows<'a>(&'a History);

#[derive(Serialize)]
struct RowObject<'a> {
    location: &'a str,
    peer: &'a str,
    reference: &'a str,
    #[serde(flatten)]
    tally: Tally,
    partial: bool,
    inherited: u64,
}

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.rows.iter().map(RowObject::from))
    }
}

impl<'a> From<(&'a HistoryKey, &'a Row)> for RowObject<'a> {
    fn from((key, row): (&'a HistoryKey, &'a Row)) -> Self {
        Self {
            location: &key.location,
            peer: &key.peer,
            reference: &key.reference,
            tally: row.stats.into(),
            partial: row.is_partial,
            inherited: row.inherited,
        }
    }
}

fn write_json(found: &Found, out: &mut dyn Write) -> io::Result<()> {
    let saved_at = found.history.taken_at.and_then(|at| Timestamp::try_from(at).ok());
    let document = Document {
        collector: &found.collector,
        saved_at: saved_at.map(|at| at.to_string()),
        rows: Rows(&found.history),
        discarded: found.history.discarded.into(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

/// A line per row, and one for what was discarded: the sum of a column is the total.
fn write_csv(history: &History, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = Csv::new(out);
    let names = ["account", "location", "peer", "reference"];
    csv.header(names.iter().chain(&NUMBERS).chain(&["partial", "inherited"]))?;
    for (key, row) in &history.rows {
        csv.value("history")?;
        for name in [&key.location, &key.peer, &key.reference] {
            csv.name(name)?;
        }
        for number in numbers(&row.stats) {
            csv.value(number)?;
        }
        csv.value(row.is_partial)?;
        csv.value(row.inherited)?;
        csv.end()?;
    }
    csv.value("discarded")?;
    for _ in 0..3 {
        csv.value("")?;
    }
    for number in numbers(&history.discarded) {
        csv.value(number)?;
    }
    csv.value(false)?;
    csv.value(0)?;
    csv.end()?;
    csv.flush()
}
