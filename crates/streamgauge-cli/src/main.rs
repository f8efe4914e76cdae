//! The `streamgauge` command.

use std::process::ExitCode;

use clap::Parser;
use streamgauge_cli::args::{Cli, Command};
use streamgauge_cli::{history, replay};

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Replay(args) => replay::run(&args),
        Command::History(args) => history::run(&args),
    };
    ExitCode::from(outcome as u8)
}
