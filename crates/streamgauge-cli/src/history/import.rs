//! `import`: what datarhei Core kept of a collector becomes the history of one here, or is added to it.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::time::SystemTime;

use super::archive::{Archive, History, Stats};
use super::document::{Document, ReadError};
use super::error::HistoryError;
use super::{Ended, Failure, recover, sum};
use crate::args::ImportArgs;
use crate::outcome::{Outcome, complain};
use crate::report::quantity::{Quantity, counted};
use crate::source;

/// The name that stands for standard input.
const STDIN: &str = "-";

pub(super) fn run(directory: &Path, args: &ImportArgs) -> Ended {
    let title = source::title(&args.file);
    let failed = |cause| Failure::of(&title, cause);
    // The whole file comes first: where it is wrong, no directory is made and no lock taken.
    let (document, written_at) = read(&args.file).map_err(failed)?;
    if !document.ignored.is_empty() {
        let fields: Vec<_> = document
            .ignored
            .iter()
            .map(|field| format!("\"{field}\""))
            .collect();
        let message = format!(
            "fields that mean nothing here were passed over: {}",
            fields.join(", ")
        );
        complain(&title.display().to_string(), &message, Outcome::Success);
    }
    if document.rows.is_empty() {
        let message = "there is no session in it: nothing was imported, and nothing changed";
        return Ok(Outcome::of_report(|out| {
            writeln!(
                out,
                "{}: {message}",
                source::printable(&title.display().to_string())
            )
        }));
    }
    if directory.metadata().is_ok_and(|metadata| !metadata.is_dir()) {
        return Err(Failure::of(directory, HistoryError::NotADirectory));
    }
    let archive = Archive::open(directory).map_err(|error| Failure::of_change(directory, error))?;
    let mut history = recover(&archive, directory, &args.collector)?.unwrap_or_default();
    if !history.is_empty() && !args.add {
        let ended = history.folded();
        return Err(failed(HistoryError::HasHistory {
            collector: args.collector.clone(),
            directory: directory.to_owned(),
            rows: counted(ended.rows.len() as u64, "row"),
            sessions: counted(ended.totals().total_sessions, "session"),
        }));
    }
    history.take_in(&document).map_err(|sum| {
        failed(HistoryError::TooLarge {
            collector: args.collector.clone(),
            sum,
        })
    })?;
    history.taken_at = history.taken_at.max(written_at);
    archive
        .save(&args.collector, &history)
        .map_err(|error| Failure::of_change(directory, error))?;
    Ok(Outcome::of_report(|out| report(directory, args, &document, out)))
}

/// What the file holds, and when it was written, where that is known.
fn read(path: &Path) -> Result<(Document, Option<SystemTime>), HistoryError> {
    let (input, written_at): (Box<dyn Read>, _) = if path.as_os_str() == STDIN {
        (Box::new(io::stdin().lock()), None)
    } else {
        let file = File::open(path).map_err(HistoryError::Unreadable)?;
        let metadata = file.metadata().map_err(HistoryError::Unreadable)?;
        if metadata.is_dir() {
            return Err(HistoryError::NotAFile);
        }
        (Box::new(file), metadata.modified().ok())
    };
    let document = Document::read(BufReader::new(input)).map_err(|error| match error {
        ReadError::Unreadable(error) => HistoryError::Unreadable(error),
        ReadError::Document(error) => HistoryError::Document(error),
    })?;
    Ok((document, written_at))
}

impl History {
    /// Whether nothing was ever counted in it.
    fn is_empty(&self) -> bool {
        self.rows.is_empty() && Stats::sum(self.parts()) == Stats::default()
    }

    /// Adds what a file holds, or says which sum no number can hold.
    fn take_in(&mut self, document: &Document) -> Result<(), String> {
        // No row is above the sum of all.
        let all = self.parts().try_fold(document.totals, sum::checked);
        if all.is_none() {
            return Err("sum of all its rows".to_owned());
        }
        for (key, stats) in &document.rows {
            self.add(key, *stats);
        }
        Ok(())
    }
}

fn report(directory: &Path, args: &ImportArgs, document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let totals = document.totals;
    let line = format!(
        "{}: collector {}: {} of {} in, {} received, {} sent",
        directory.display(),
        args.collector,
        counted(document.rows.len() as u64, "row"),
        counted(totals.total_sessions, "session"),
        Quantity::bytes(totals.total_rx_bytes),
        Quantity::bytes(totals.total_tx_bytes),
    );
    writeln!(out, "{}", source::printable(&line))?;
    let shared = document.entries - document.rows.len() as u64;
    if shared > 0 {
        writeln!(
            out,
            "{} had the labels of another, and were added to it",
            counted(shared, "entry")
        )?;
    }
    Ok(())
}
