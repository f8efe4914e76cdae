//! The table for people: a row per conversation, a row of totals, a summary line.

use std::io::{self, Write};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Report;
use super::grid::Grid;
use super::quantity::{Quantity, count, counted};
use crate::measurement::{Rates, Tally};

const COLUMNS: [&str; 10] = [
    "peer",
    "location",
    "reference",
    "packets",
    "bytes in",
    "bytes out",
    "rate in",
    "rate out",
    "top in",
    "top out",
];

/// Columns of names; those after them are numbers.
const NAMES: usize = 3;

/// Writes the table; "in" is from the peer to the location, "out" the way back.
pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let measurement = &report.measurement;
    let mut grid = Grid::new(COLUMNS, NAMES);
    for row in &measurement.rows {
        let names = [
            row.conversation.peer(),
            row.conversation.location(),
            row.conversation.reference(),
        ];
        grid.add(cells(names, &row.tally, &row.rates));
    }
    let total = match report.omitted {
        0 => String::new(),
        omitted => format!("{} more (--top 0 shows all)", count(omitted as u64)),
    };
    grid.add_total(cells(
        ["total".to_owned(), total, String::new()],
        &measurement.counted(),
        &measurement.rates,
    ));
    grid.write(out)?;
    writeln!(out)?;
    summary(report, out)
}

fn cells(names: [String; NAMES], tally: &Tally, rates: &Rates) -> Vec<String> {
    let numbers = [
        count(tally.packets()),
        Quantity::bytes(tally.rx_bytes).to_string(),
        Quantity::bytes(tally.tx_bytes).to_string(),
        Quantity::bitrate(rates.rx_bitrate).to_string(),
        Quantity::bitrate(rates.tx_bitrate).to_string(),
        Quantity::bitrate(rates.top_rx_bitrate).to_string(),
        Quantity::bitrate(rates.top_tx_bitrate).to_string(),
    ];
    names.into_iter().chain(numbers).collect()
}

fn summary(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let measurement = &report.measurement;
    let Tally {
        sessions: discarded, ..
    } = measurement.discarded;
    let totals = measurement.counted();
    let start = measurement
        .started_at
        .and_then(start)
        .map_or_else(String::new, |start| format!(" from {start}"));
    writeln!(
        out,
        "{} captured{start}: {}, {} ({}), {} in {}, {} discarded",
        span(measurement.captured),
        counted(totals.packets(), "packet"),
        Quantity::bytes(totals.bytes()),
        counted(totals.bytes(), "byte"),
        counted(report.conversations() as u64, "conversation"),
        counted(totals.sessions, "session"),
        count(discarded),
    )
}

/// The first packet's time in UTC, to the second; `None` where a calendar has no such day.
pub(super) fn start(since_1970: Duration) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(since_1970.as_secs()).ok()?).ok()
}

/// A duration as people write it, to the millisecond below a minute and to the second above.
fn span(duration: Duration) -> String {
    let shown = if duration < Duration::from_secs(60) {
        Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    } else {
        Duration::from_secs(duration.as_secs())
    };
    SignedDuration::try_from(shown).map_or_else(|_| format!("{shown:?}"), |shown| format!("{shown:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_well() {
        assert_eq!(span(Duration::from_micros(5_341_900)), "5s 341ms");
        assert_eq!(span(Duration::from_secs_f64(3725.5)), "1h 2m 5s");
    }

    #[test]
    fn starts_beyond_the_calendar_are_left_out() {
        assert_eq!(
            start(Duration::from_secs(0)).unwrap().to_string(),
            "1970-01-01T00:00:00Z"
        );
        assert_eq!(start(Duration::from_secs(18_446_744_073_204)), None);
        assert_eq!(start(Duration::MAX), None);
    }
}
