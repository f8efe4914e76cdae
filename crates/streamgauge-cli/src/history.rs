//! `streamgauge history`: what collectors left in a directory, shown, carried over and mended.
//!
//! Commands that only read take no lock, make nothing and see what the last save left. The others lock the directory. All of
//! them see a history as recovery would leave it; `archive` is what it is read from and written to.

mod archive;
mod check;
mod compact;
mod document;
mod error;
mod export;
mod forget;
mod import;
mod listing;
mod overview;
mod sum;
mod top;

use std::io::ErrorKind;
use std::path::Path;

use self::archive::{Archive, Found, History, inspect};
use self::error::HistoryError;
use crate::args::{Action, HistoryArgs};
use crate::outcome::{Outcome, complain};

/// Does as asked; the report goes to standard output, troubles to standard error, a line each.
#[must_use]
pub fn run(args: &HistoryArgs) -> Outcome {
    let directory = &args.directory;
    let ended = match &args.action {
        Action::Show(args) => overview::run(directory, args),
        Action::Top(args) => top::run(directory, args),
        Action::Export(args) => export::run(directory, args),
        Action::Import(args) => import::run(directory, args),
        Action::Check(args) => check::run(directory, args),
        Action::Compact(args) => compact::run(directory, args),
        Action::Forget(args) => forget::run(directory, args),
    };
    ended.unwrap_or_else(|error| complain(&error.subject, &error.cause, error.cause.outcome()))
}

/// How a command ended, or why it gave up.
type Ended = Result<Outcome, Failure>;

/// Why a command gave up, and what that is about.
struct Failure {
    subject: String,
    /// Boxed: what goes well pays nothing for what could go wrong.
    cause: Box<HistoryError>,
}

impl Failure {
    fn of(path: &Path, cause: HistoryError) -> Self {
        Self {
            subject: path.display().to_string(),
            cause: Box::new(cause),
        }
    }

    /// A lock, a load or a save failed.
    fn of_change(path: &Path, error: archive::StoreError) -> Self {
        Self::of(path, HistoryError::Changing(error))
    }
}

/// Looks into a directory, which has to be there.
fn look_into(directory: &Path) -> Result<Vec<Found>, Failure> {
    let cause = match directory.metadata() {
        Ok(metadata) if metadata.is_dir() => match inspect(directory) {
            Ok(found) => return Ok(found),
            Err(error) => HistoryError::Reading(error),
        },
        Ok(_) => HistoryError::NotADirectory,
        Err(error) if error.kind() == ErrorKind::NotFound => HistoryError::NoDirectory,
        Err(error) => HistoryError::Unreadable(error),
    };
    Err(Failure::of(directory, cause))
}

/// The collector of this name, or all where no name is given.
fn choose(directory: &Path, found: Vec<Found>, name: Option<&str>) -> Result<Vec<Found>, Failure> {
    let Some(name) = name else {
        return Ok(found);
    };
    let known = names(&found);
    let chosen: Vec<_> = found
        .into_iter()
        .filter(|found| found.collector == name)
        .collect();
    let cause = match (chosen.is_empty(), known.is_empty()) {
        (false, _) => return Ok(chosen),
        (true, true) => HistoryError::Empty,
        (true, false) => HistoryError::UnknownCollector {
            name: name.to_owned(),
            known,
        },
    };
    Err(Failure::of(directory, cause))
}

/// The collector of this name, or the only one.
fn choose_one(directory: &Path, name: Option<&str>) -> Result<Found, Failure> {
    let mut found = choose(directory, look_into(directory)?, name)?;
    let cause = match (found.pop(), found.is_empty()) {
        (Some(only), true) => return Ok(only),
        (None, _) => HistoryError::Empty,
        (Some(last), false) => {
            found.push(last);
            HistoryError::SeveralCollectors { known: names(&found) }
        }
    };
    Err(Failure::of(directory, cause))
}

fn names(found: &[Found]) -> String {
    let names: Vec<_> = found.iter().map(|found| found.collector.as_str()).collect();
    names.join(", ")
}

/// Says on standard error what is damaged of what was looked into: the report is of the rest.
fn complain_of_damage(found: &[Found]) -> Outcome {
    let damage = found.iter().flat_map(|found| &found.damage);
    damage.fold(Outcome::Success, |_, damage| {
        let message = format!(
            "is damaged at byte {}: {}; lost: {}; `check` says more",
            damage.offset, damage.cause, damage.lost
        );
        complain(&damage.path.display().to_string(), &message, Outcome::InputFailed)
    })
}

/// Loads a history for a change, and says what recovery had to set aside.
fn recover(archive: &Archive, directory: &Path, collector: &str) -> Result<Option<History>, Failure> {
    let recovered = archive
        .load(collector)
        .map_err(|error| Failure::of_change(directory, error))?;
    for warning in recovered.warnings {
        let subject = format!("{}: collector {collector}", directory.display());
        complain(&subject, &warning, Outcome::Success);
    }
    Ok(recovered.history)
}
