//! Every mutant of a package in one build, each chosen by a number in the environment as a test starts.
//!
//! A mutant costs a build where the sources are changed for it, and its tests take less than that. Here the body of a
//! function that has mutants becomes a choice between itself and a copy for each of them ([`switch`]). What does not compile
//! is taken out until the rest does ([`build`]); then each mutant meets the tests, one process for each program ([`trial`]),
//! until one of them fails. `.ci/mutants` makes the copy of the tree that is written over, names the tests, and runs what
//! cannot be switched.
//!
//! * `streamgauge-mutants build TREE LIST OUT CARGO-ARGUMENT..` takes the list of `cargo mutants --list --json`, rewrites the
//!   sources below TREE and builds the tests. OUT gets the lists `switched`, `unviable`, `elsewhere` (not compiled here, for
//!   want of a cfg) and `apart` (no function to be switched), and the `programs`.
//! * `streamgauge-mutants run OUT NAMES SET PROCESSOR-SECONDS SECONDS PROGRAM..` has each mutant that the file NAMES lists meet
//!   the programs, in this order, each with its own arguments: `'integration --skip storm'`. OUT/SET gets the lists `caught`,
//!   each with the test that failed, `timeout` and `missed`.

use std::path::Path;
use std::process::ExitCode;

use crate::failure::Failure;

mod build;
mod diagnosis;
mod failure;
mod list;
mod mutant;
mod program;
mod run;
mod switch;
mod trial;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match done(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn done(arguments: &[&str]) -> Result<(), Failure> {
    match arguments {
        ["build", tree, list, out, cargo @ ..] => {
            build::build(Path::new(tree), Path::new(list), Path::new(out), cargo)
        }
        ["run", out, names, set, processor, wall, programs @ ..] => {
            let limits = trial::Limits::parsed(processor, wall)?;
            run::run(Path::new(out), Path::new(names), set, limits, programs)
        }
        _ => Err(Failure::Usage),
    }
}
