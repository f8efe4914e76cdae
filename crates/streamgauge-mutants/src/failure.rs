//! Why nothing came of it.

use std::path::{Path, PathBuf};

/// What ends a run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(
        "streamgauge-mutants build TREE LIST OUT CARGO-ARGUMENT.. | run OUT NAMES SET PROCESSOR-SECONDS SECONDS PROGRAM.."
    )]
    Usage,
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    #[error("{0}: {1}")]
    Command(&'static str, std::io::Error),
    #[error("{0}: not the JSON of `cargo mutants --list`")]
    List(PathBuf),
    #[error("{0}: {1}")]
    Source(PathBuf, syn::Error),
    #[error("this does not compile, and no mutant is the reason:\n{0}")]
    Build(String),
    #[error("{0}: no such program, or no such mutant, was built")]
    Unknown(String),
    #[error("{0} fails with no mutant chosen: {1}")]
    Unsound(String, String),
}

impl Failure {
    /// What to make of an error with a file.
    pub(crate) fn of(file: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let file = file.to_owned();
        |error| Self::File(file, error)
    }
}
