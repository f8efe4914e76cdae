//! The report of a replay: which rows, in which order, in which form.

pub mod chart;
mod conversations;
pub(crate) mod csv;
pub(crate) mod grid;
mod json;
pub(crate) mod quantity;
mod table;

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::args::{Format, Rank};
use crate::decode::Link;
use crate::measurement::{Measurement, Row};

/// Rows of a table where the command line names no number.
const TABLE_ROWS: usize = 20;

/// What was read of one input.
#[derive(Clone, Debug, Default)]
pub struct InputReport {
    /// Its path, or "standard input".
    pub name: String,
    /// Whether it is a capture at all.
    pub recognized: bool,
    /// Packets read.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Link types in it that are not looked into.
    pub opaque: BTreeSet<Link>,
    /// Why reading ended early.
    pub error: Option<String>,
}

/// A measurement, ready to be written.
#[derive(Clone, Debug)]
pub struct Report {
    inputs: Vec<InputReport>,
    measurement: Measurement,
    /// Conversations that are left out.
    omitted: usize,
}

impl Report {
    /// Sorts the rows, and leaves out those that are not asked for.
    #[must_use]
    pub fn new(
        inputs: Vec<InputReport>,
        mut measurement: Measurement,
        by: Rank,
        top: Option<usize>,
        format: Format,
    ) -> Self {
        let wanted = match (top, format) {
            (Some(0), _) | (None, Format::Json | Format::Conversations) => usize::MAX,
            (Some(top), _) => top,
            (None, Format::Table) => TABLE_ROWS,
        };
        let rows = &mut measurement.rows;
        rows.sort_unstable_by(|a, b| {
            rank(by, a, b).then_with(|| a.conversation.key.cmp(&b.conversation.key))
        });
        let omitted = rows.len().saturating_sub(wanted);
        rows.truncate(wanted);
        if format == Format::Conversations {
            rows.sort_unstable_by_key(|row| row.conversation.key);
        }
        Self {
            inputs,
            measurement,
            omitted,
        }
    }

    /// Writes the report.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub fn write(&self, format: Format, out: &mut impl Write) -> io::Result<()> {
        match format {
            Format::Table => table::write(self, out),
            Format::Json => json::write(self, out),
            Format::Conversations => conversations::write(&self.measurement.rows, out),
        }
    }

    /// Conversations, those left out included.
    fn conversations(&self) -> usize {
        self.measurement.rows.len() + self.omitted
    }

    /// The inputs' names, for titles.
    fn names(&self) -> String {
        let names: Vec<_> = self
            .inputs
            .iter()
            .filter(|input| input.recognized)
            .map(|i| i.name.as_str())
            .collect();
        names.join(", ")
    }
}

/// Larger first.
fn rank(by: Rank, a: &Row, b: &Row) -> Ordering {
    match by {
        Rank::Total => b.tally.bytes().cmp(&a.tally.bytes()),
        Rank::Rate => {
            let rate = |row: &Row| row.rates.rx_bitrate + row.rates.tx_bitrate;
            rate(b).total_cmp(&rate(a))
        }
        Rank::Top => {
            let top = |row: &Row| row.rates.top_rx_bitrate + row.rates.top_tx_bitrate;
            top(b).total_cmp(&top(a))
        }
    }
}
