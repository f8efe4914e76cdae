//! `compact`: each history as one fresh snapshot, and nothing of what came before it.

use std::io::{self, Write};
use std::path::Path;

use super::archive::{Archive, Found};
use super::error::HistoryError;
use super::{Ended, Failure, choose, look_into, recover};
use crate::args::CompactArgs;
use crate::outcome::Outcome;
use crate::report::quantity::{Quantity, counted};
use crate::source;

pub(super) fn run(directory: &Path, args: &CompactArgs) -> Ended {
    let name = args.collector.as_deref();
    let archive = lock(directory)?;
    // Looked into under the lock: nobody changes it between this and the end.
    let before = choose(directory, look_into(directory)?, name)?;
    for found in &before {
        if let Some(history) = recover(&archive, directory, &found.collector)? {
            archive
                .save(&found.collector, &history)
                .map_err(|error| Failure::of_change(directory, error))?;
        }
    }
    let after = look_into(directory)?;
    Ok(Outcome::of_report(|out| report(&before, &after, out)))
}

/// Locks a directory that has histories, which is looked for first: a lock leaves a file.
pub(super) fn lock(directory: &Path) -> Result<Archive, Failure> {
    if look_into(directory)?.is_empty() {
        return Err(Failure::of(directory, HistoryError::Empty));
    }
    Archive::open(directory).map_err(|error| Failure::of_change(directory, error))
}

fn report(before: &[Found], after: &[Found], out: &mut dyn Write) -> io::Result<()> {
    for found in before {
        let now = after.iter().find(|after| after.collector == found.collector);
        let line = format!(
            "{}: {} before, {} now",
            found.collector,
            size(Some(found)),
            size(now)
        );
        writeln!(out, "{}", source::printable(&line))?;
    }
    Ok(())
}

fn size(found: Option<&Found>) -> String {
    let files = found.map_or(&[][..], |found| &found.files);
    format!(
        "{} of {}",
        counted(files.len() as u64, "file"),
        Quantity::bytes(files.iter().map(|file| file.bytes).sum())
    )
}
