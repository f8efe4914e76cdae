//! How a command ended, the lines that say why, and the way its report takes to standard output.

use std::fmt::Display;
use std::io::{self, BufWriter, ErrorKind, Write};

use crate::source;

/// How a command ended, as its exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Outcome {
    /// All went well.
    Success = 0,
    /// Something could not be written; of a check: there is damage.
    OutputFailed = 1,
    /// Something could not be read to its end, or is not what the arguments say.
    InputFailed = 2,
}

impl Outcome {
    /// Writes a report to standard output.
    pub(crate) fn of_report(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Self {
        let mut out = BufWriter::new(io::stdout().lock());
        match write(&mut out).and_then(|()| out.flush()) {
            // Whoever reads the report has seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Self::Success,
            Err(error) => complain("standard output", &error, Self::OutputFailed),
            Ok(()) => Self::Success,
        }
    }
}

/// Writes a line to standard error, and gives the outcome that follows from it.
pub(crate) fn complain(subject: &str, message: &dyn Display, outcome: Outcome) -> Outcome {
    // Where standard error is closed there is nobody left to tell.
    let line = source::printable(&format!("streamgauge: {subject}: {message}"));
    let _ = writeln!(io::stderr(), "{line}");
    outcome
}
