//! `show`: the collectors of a directory, with their totals and files, or the rows of one of them.

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::Serialize;

use super::archive::{Found, Stats};
use super::listing::{Listing, NUMBERS, numbers};
use super::{Ended, choose, choose_one, complain_of_damage, look_into};
use crate::args::{ListFormat, ShowArgs};
use crate::measurement::Tally;
use crate::outcome::Outcome;
use crate::report::csv::Csv;
use crate::report::grid::Grid;
use crate::report::quantity::{Quantity, count, counted};
use crate::source;

/// What `show` shows of a collector as a whole.
#[derive(Serialize)]
struct CollectorObject<'a> {
    collector: &'a str,
    /// When it was saved last; null where that is not known.
    saved_at: Option<String>,
    rows: u64,
    partial_rows: u64,
    open_sessions: u64,
    totals: Tally,
    history: Tally,
    discarded: Tally,
    files: Vec<FileObject>,
    set_aside: Vec<String>,
}

#[derive(Serialize)]
struct FileObject {
    path: String,
    bytes: u64,
    content: String,
}

#[derive(Serialize)]
struct Document<'a> {
    directory: String,
    collectors: Vec<CollectorObject<'a>>,
}

pub(super) fn run(directory: &Path, args: &ShowArgs) -> Ended {
    let name = args.collector.as_deref();
    if name.is_some() || args.by.is_some() {
        let found = choose_one(directory, name)?;
        let listing = Listing::new(&found, args.by.unwrap_or_default());
        let outcome = Outcome::of_report(|out| listing.write(args.format, out));
        return Ok(outcome.max(complain_of_damage(std::slice::from_ref(&found))));
    }
    let found = choose(directory, look_into(directory)?, None)?;
    let outcome = Outcome::of_report(|out| match args.format {
        ListFormat::Table => write_table(directory, &found, out),
        ListFormat::Json => write_json(directory, &found, out),
        ListFormat::Csv => write_csv(&found, out),
    });
    Ok(outcome.max(complain_of_damage(&found)))
}

impl Found {
    /// When it was saved, in UTC, to the second.
    fn saved_at(&self) -> Option<Timestamp> {
        let since_1970 = self
            .history
            .taken_at?
            .duration_since(SystemTime::UNIX_EPOCH)
            .ok()?;
        Timestamp::try_from(SystemTime::UNIX_EPOCH + Duration::from_secs(since_1970.as_secs())).ok()
    }

    fn rows(&self) -> u64 {
        self.history.rows.len() as u64
    }

    fn partial_rows(&self) -> u64 {
        self.history.rows.values().filter(|row| row.is_partial).count() as u64
    }

    /// Bytes of all its files.
    fn stored_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

fn write_table(directory: &Path, found: &[Found], out: &mut dyn Write) -> io::Result<()> {
    if found.is_empty() {
        return writeln!(
            out,
            "no history in {}",
            source::printable(&directory.display().to_string())
        );
    }
    let columns = [
        "collector",
        "saved",
        "rows",
        "open",
        "sessions",
        "packets",
        "bytes in",
        "bytes out",
        "discarded",
        "on disk",
    ];
    let mut grid = Grid::new(columns, 2);
    for found in found {
        let saved = found
            .saved_at()
            .map_or_else(|| "-".to_owned(), |at| at.to_string());
        let rows = match found.partial_rows() {
            0 => count(found.rows()),
            partial => format!("{} ({} partial)", count(found.rows()), count(partial)),
        };
        let names = [source::printable(&found.collector), saved, rows];
        let (history, discarded) = (found.history.totals(), found.history.discarded);
        grid.add(names.into_iter().chain(cells(
            found.open_sessions,
            &history,
            &discarded,
            found.stored_bytes(),
        )));
    }
    if found.len() > 1 {
        let history = Stats::sum(found.iter().map(|found| found.history.totals()));
        let discarded = Stats::sum(found.iter().map(|found| found.history.discarded));
        let sum = |number: fn(&Found) -> u64| found.iter().map(number).sum::<u64>();
        let names = ["total".to_owned(), String::new(), count(sum(Found::rows))];
        let numbers = cells(
            sum(|found| found.open_sessions),
            &history,
            &discarded,
            sum(Found::stored_bytes),
        );
        grid.add_total(names.into_iter().chain(numbers));
    }
    grid.write(out)?;
    writeln!(out)?;
    write_files(directory, found, out)
}

/// Open sessions, what ended sessions moved, what was discarded, and bytes on disk.
fn cells(open: u64, history: &Stats, discarded: &Stats, stored_bytes: u64) -> [String; 7] {
    [
        count(open),
        count(history.total_sessions),
        count(history.total_rx_packets.saturating_add(history.total_tx_packets)),
        Quantity::bytes(history.total_rx_bytes).to_string(),
        Quantity::bytes(history.total_tx_bytes).to_string(),
        match *discarded == Stats::default() {
            true => "-".to_owned(),
            false => format!(
                "{}, {}",
                counted(discarded.total_sessions, "session"),
                Quantity::bytes(discarded.total_rx_bytes.saturating_add(discarded.total_tx_bytes))
            ),
        },
        Quantity::bytes(stored_bytes).to_string(),
    ]
}

fn write_files(directory: &Path, found: &[Found], out: &mut dyn Write) -> io::Result<()> {
    let mut grid = Grid::new(["file", "holds", "size"], 2);
    let shown =
        |path: &Path| source::printable(&path.strip_prefix(directory).unwrap_or(path).display().to_string());
    for found in found {
        for file in &found.files {
            grid.add([
                shown(&file.path),
                source::printable(&file.content),
                Quantity::bytes(file.bytes).to_string(),
            ]);
        }
        for path in &found.set_aside {
            grid.add([shown(path), "set aside as damaged".to_owned(), String::new()]);
        }
    }
    grid.write(out)
}

fn write_json(directory: &Path, found: &[Found], out: &mut dyn Write) -> io::Result<()> {
    let document = Document {
        directory: directory.display().to_string(),
        collectors: found.iter().map(CollectorObject::from).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn write_csv(found: &[Found], out: &mut dyn Write) -> io::Result<()> {
    let mut csv = Csv::new(out);
    let discarded = NUMBERS.map(|number| format!("discarded_{number}"));
    let discarded = discarded.each_ref().map(String::as_str);
    let first = ["collector", "saved_at", "rows", "partial_rows", "open_sessions"];
    csv.header(
        first
            .iter()
            .chain(&NUMBERS)
            .chain(&discarded)
            .chain(&["files", "file_bytes"]),
    )?;
    for found in found {
        csv.name(&found.collector)?;
        csv.value(found.saved_at().map_or_else(String::new, |at| at.to_string()))?;
        for number in [found.rows(), found.partial_rows(), found.open_sessions] {
            csv.value(number)?;
        }
        for stats in [found.history.totals(), found.history.discarded] {
            for number in numbers(&stats) {
                csv.value(number)?;
            }
        }
        csv.value(found.files.len())?;
        csv.value(found.stored_bytes())?;
        csv.end()?;
    }
    csv.flush()
}

impl<'a> From<&'a Found> for CollectorObject<'a> {
    fn from(found: &'a Found) -> Self {
        let history = found.history.totals();
        Self {
            collector: &found.collector,
            saved_at: found.saved_at().map(|at| at.to_string()),
            rows: found.rows(),
            partial_rows: found.partial_rows(),
            open_sessions: found.open_sessions,
            totals: Stats::sum([history, found.history.discarded]).into(),
            history: history.into(),
            discarded: found.history.discarded.into(),
            files: found
                .files
                .iter()
                .map(|file| FileObject {
                    path: file.path.display().to_string(),
                    bytes: file.bytes,
                    content: file.content.clone(),
                })
                .collect(),
            set_aside: found
                .set_aside
                .iter()
                .map(|path| path.display().to_string())
                .collect(),
        }
    }
}
