//! `forget`: a name is erased from the histories of a directory, and what it moved is kept.
//!
//! Rows of the name are added to those with "(other)" in its place, so no sum changes. Every history is written anew, also
//! one without such a row: its log may have the name of a row that is no more.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::mem;
use std::path::{Path, PathBuf};

use super::archive::{History, HistoryKey, Label, Stats, StoreError, peer_address};
use super::compact::lock;
use super::error::HistoryError;
use super::{Ended, Failure, choose, look_into, recover};
use crate::args::{ForgetArgs, Name};
use crate::outcome::Outcome;
use crate::report::quantity::{Quantity, counted};
use crate::source;

/// What stands in the place of a name that was erased.
const OTHER: &str = "(other)";

/// The file that stays locked.
const LOCK: &str = "lock";

/// What was done to one history.
struct Erased {
    collector: String,
    rows: u64,
    /// What the rows moved.
    stats: Stats,
}

pub(super) fn run(directory: &Path, args: &ForgetArgs) -> Ended {
    let name = args.collector.as_deref();
    if args.name.text() == OTHER {
        return Err(Failure {
            subject: OTHER.to_owned(),
            cause: Box::new(HistoryError::Other),
        });
    }
    let archive = lock(directory)?;
    let failed = |error: StoreError| Failure::of_change(directory, error);
    let mut erased = Vec::new();
    for found in choose(directory, look_into(directory)?, name)? {
        let Some(history) = recover(&archive, directory, &found.collector)? else {
            continue;
        };
        // Sessions that were open are counted as ended: their labels, and their ids, may have the name.
        let (history, rows, stats) = without(history.folded(), &args.name);
        archive.save(&found.collector, &history).map_err(failed)?;
        erased.push(Erased {
            collector: found.collector,
            rows,
            stats,
        });
    }
    let untouched = untouched(directory, name)?;
    Ok(Outcome::of_report(|out| {
        report(directory, &erased, &untouched, out)
    }))
}

impl Name {
    /// What is to be forgotten.
    fn text(&self) -> &str {
        self.peer
            .as_deref()
            .or(self.reference.as_deref())
            .unwrap_or_default()
    }

    /// The key of a row after it, if it has the name.
    fn erased_from(&self, key: &HistoryKey) -> Option<HistoryKey> {
        let mut erased = key.clone();
        let (label, is_same) = match &self.peer {
            None => (&mut erased.reference, false),
            Some(peer) => {
                let is_same =
                    peer_address(peer).is_some_and(|address| peer_address(&key.peer) == Some(address));
                (&mut erased.peer, is_same)
            }
        };
        let has_name = is_same || *label == *self.text();
        *label = Label::from(OTHER);
        has_name.then_some(erased)
    }
}

/// A history without a name, how many rows had it, and what they moved.
fn without(mut history: History, name: &Name) -> (History, u64, Stats) {
    let (mut rows, mut stats) = (0, Stats::default());
    let mut kept = BTreeMap::new();
    let mut moved = Vec::new();
    for (key, row) in mem::take(&mut history.rows) {
        match name.erased_from(&key) {
            None => {
                kept.insert(key, row);
            }
            Some(erased) => {
                rows += 1;
                stats.add(row.stats);
                moved.push((erased, row));
            }
        }
    }
    for (key, row) in moved {
        // Of the collector's own row these say what was folded into it, which this is not.
        let is_own = [&key.location, &key.peer, &key.reference]
            .iter()
            .all(|label| **label == OTHER);
        let sum = kept.entry(key).or_default();
        sum.stats.add(row.stats);
        if !is_own {
            sum.is_partial |= row.is_partial;
            sum.inherited = sum.inherited.saturating_add(row.inherited);
        }
    }
    history.rows = kept;
    (history, rows, stats)
}

/// Files of the directory that were not written anew: those set aside, and those that are no part of a history.
fn untouched(directory: &Path, name: Option<&str>) -> Result<Vec<PathBuf>, Failure> {
    let found = look_into(directory)?;
    let is_history = |path: &Path| {
        let mut files = found
            .iter()
            .filter(|found| name.is_none_or(|name| found.collector == name));
        files.any(|found| found.files.iter().any(|file| file.path == path))
    };
    let entries = fs::read_dir(directory).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = entries.map_err(|error| Failure::of(directory, HistoryError::Unreadable(error)))?;
    let mut untouched: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    untouched.retain(|path| path.file_name().is_none_or(|name| name != LOCK) && !is_history(path));
    untouched.sort_unstable();
    Ok(untouched)
}

fn report(directory: &Path, erased: &[Erased], untouched: &[PathBuf], out: &mut dyn Write) -> io::Result<()> {
    let mut line = |text: String| writeln!(out, "{}", source::printable(&text));
    for Erased {
        collector,
        rows,
        stats,
    } in erased
    {
        let what = match rows {
            0 => "no row had the name; the history is written anew".to_owned(),
            _ => format!(
                "{} of {} ({}) now under {OTHER}; the history is written anew",
                counted(*rows, "row"),
                counted(stats.total_sessions, "session"),
                Quantity::bytes(stats.total_rx_bytes.saturating_add(stats.total_tx_bytes))
            ),
        };
        line(format!("{collector}: {what}"))?;
    }
    if !untouched.is_empty() {
        line(format!(
            "not touched in {}, and may still hold the name: look into these, or remove them",
            directory.display()
        ))?;
    }
    for path in untouched {
        line(format!("  {}", path.display()))?;
    }
    Ok(())
}
