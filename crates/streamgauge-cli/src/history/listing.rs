//! Rows of one history, by what is asked for, in the order that is asked for.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::archive::{Found, History, HistoryKey, Label, Row, Stats};
use crate::args::{By, ListFormat, Weight};
use crate::measurement::Tally;
use crate::report::csv::Csv;
use crate::report::grid::Grid;
use crate::report::quantity::{Quantity, count, counted};
use crate::source;

/// Columns of numbers, as programs read them: the fields of a [`Tally`].
pub(super) const NUMBERS: [&str; 5] = ["sessions", "rx_bytes", "tx_bytes", "rx_packets", "tx_packets"];

/// Below a table that has such rows.
const PARTIAL: &str = "partial: sessions of this name may be missing, which were counted under (other) before there was room for it";

/// Some rows of a history, and the sum of all.
#[derive(Debug)]
pub(super) struct Listing<'a> {
    collector: &'a str,
    by: By,
    lines: Vec<Line>,
    /// Of all rows, those left out included.
    totals: Stats,
    omitted: usize,
}

#[derive(Debug)]
struct Line {
    /// As many as there are columns of names.
    names: Vec<Label>,
    row: Row,
}

/// What a program reads of a listing.
#[derive(Serialize)]
struct Document<'a> {
    collector: &'a str,
    by: &'static str,
    rows: Vec<LineObject<'a>>,
    totals: Tally,
    omitted: usize,
}

/// A line and what its names are of.
struct LineObject<'a> {
    columns: &'static [&'static str],
    line: &'a Line,
}

impl Serialize for LineObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for (column, name) in self.columns.iter().zip(&self.line.names) {
            object.serialize_entry(column, name.as_str())?;
        }
        for (column, number) in NUMBERS.iter().zip(numbers(&self.line.row.stats)) {
            object.serialize_entry(column, &number)?;
        }
        object.serialize_entry("partial", &self.line.row.is_partial)?;
        object.end()
    }
}

impl<'a> Listing<'a> {
    /// All rows, in the order of their names.
    pub(super) fn new(found: &'a Found, by: By) -> Self {
        let lines = lines(&found.history, by);
        Self {
            collector: &found.collector,
            by,
            totals: found.history.totals(),
            lines,
            omitted: 0,
        }
    }

    /// The first `count` rows by weight, or all for 0.
    pub(super) fn heaviest(mut self, rank: Weight, count: usize) -> Self {
        // Stable: rows of one weight stay in the order of their names.
        self.lines
            .sort_by_key(|line| std::cmp::Reverse(weight(rank, &line.row.stats)));
        if count > 0 {
            self.omitted = self.lines.len().saturating_sub(count);
            self.lines.truncate(count);
        }
        self
    }

    pub(super) fn write(&self, format: ListFormat, out: &mut dyn Write) -> io::Result<()> {
        match format {
            ListFormat::Table => self.write_table(out),
            ListFormat::Json => self.write_json(out),
            ListFormat::Csv => self.write_csv(out),
        }
    }

    fn write_table(&self, out: &mut dyn Write) -> io::Result<()> {
        let has_partial = self.lines.iter().any(|line| line.row.is_partial);
        let names = columns(self.by);
        let numbers = ["sessions", "packets", "bytes in", "bytes out", "bytes"];
        let marks = has_partial.then_some("");
        let mut grid = Grid::new(names.iter().chain(&numbers).copied().chain(marks), names.len());
        for line in &self.lines {
            let mark = has_partial.then(|| if line.row.is_partial { "partial" } else { "" }.to_owned());
            let names = line.names.iter().map(|name| source::printable(name));
            grid.add(names.chain(numbers_of(&line.row.stats)).chain(mark));
        }
        let mut first = vec![String::new(); names.len()];
        first[0] = "total".to_owned();
        grid.add_total(first.into_iter().chain(numbers_of(&self.totals)));
        grid.write(out)?;
        if self.omitted > 0 {
            writeln!(
                out,
                "\n{} more in the total: -n 0 shows all",
                counted(self.omitted as u64, "row")
            )?;
        }
        if has_partial {
            writeln!(out, "\n{PARTIAL}")?;
        }
        Ok(())
    }

    fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let columns = columns(self.by);
        let rows = self.lines.iter().map(|line| LineObject { columns, line });
        let document = Document {
            collector: self.collector,
            by: match self.by {
                By::Key => "key",
                _ => columns[0],
            },
            rows: rows.collect(),
            totals: self.totals.into(),
            omitted: self.omitted,
        };
        serde_json::to_writer_pretty(&mut *out, &document)?;
        writeln!(out)
    }

    fn write_csv(&self, out: &mut dyn Write) -> io::Result<()> {
        let columns = columns(self.by);
        let mut csv = Csv::new(out);
        csv.header(columns.iter().chain(&NUMBERS).chain(&["partial"]))?;
        for line in &self.lines {
            for name in &line.names {
                csv.name(name)?;
            }
            for number in numbers(&line.row.stats) {
                csv.value(number)?;
            }
            csv.value(line.row.is_partial)?;
            csv.end()?;
        }
        csv.flush()
    }
}

impl History {
    /// What all rows moved.
    pub(super) fn totals(&self) -> Stats {
        Stats::sum(self.rows.values().map(|row| row.stats))
    }
}

/// A history's rows, or their sums by one label.
fn lines(history: &History, by: By) -> Vec<Line> {
    let label: fn(&HistoryKey) -> &Label = match by {
        By::Key => {
            let whole = |(key, row): (&HistoryKey, &Row)| Line {
                names: [&key.location, &key.peer, &key.reference]
                    .map(Label::clone)
                    .into(),
                row: *row,
            };
            return history.rows.iter().map(whole).collect();
        }
        By::Peer => |key| &key.peer,
        By::Location => |key| &key.location,
        By::Reference => |key| &key.reference,
    };
    let mut sums = BTreeMap::<&Label, Row>::new();
    for (key, row) in &history.rows {
        let sum = sums.entry(label(key)).or_default();
        sum.stats.add(row.stats);
        sum.is_partial |= row.is_partial;
    }
    let line = |(name, row): (&Label, Row)| Line {
        names: vec![name.clone()],
        row,
    };
    sums.into_iter().map(line).collect()
}

/// The columns of names.
fn columns(by: By) -> &'static [&'static str] {
    match by {
        By::Key => &["location", "peer", "reference"],
        By::Peer => &["peer"],
        By::Location => &["location"],
        By::Reference => &["reference"],
    }
}

/// Of two directions, what no `u64` may hold.
fn weight(rank: Weight, stats: &Stats) -> u128 {
    match rank {
        Weight::Rx => stats.total_rx_bytes.into(),
        Weight::Tx => stats.total_tx_bytes.into(),
        Weight::Total => u128::from(stats.total_rx_bytes) + u128::from(stats.total_tx_bytes),
        Weight::Sessions => stats.total_sessions.into(),
    }
}

/// As [`NUMBERS`] names them.
pub(super) fn numbers(stats: &Stats) -> [u64; NUMBERS.len()] {
    [
        stats.total_sessions,
        stats.total_rx_bytes,
        stats.total_tx_bytes,
        stats.total_rx_packets,
        stats.total_tx_packets,
    ]
}

/// As people read them.
fn numbers_of(stats: &Stats) -> [String; 5] {
    let bytes = stats.total_rx_bytes.saturating_add(stats.total_tx_bytes);
    [
        count(stats.total_sessions),
        count(stats.total_rx_packets.saturating_add(stats.total_tx_packets)),
        Quantity::bytes(stats.total_rx_bytes).to_string(),
        Quantity::bytes(stats.total_tx_bytes).to_string(),
        Quantity::bytes(bytes).to_string(),
    ]
}
