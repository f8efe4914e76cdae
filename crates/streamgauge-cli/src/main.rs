//! The `streamgauge` command.

use std::process::ExitCode;

use clap::Parser;
use streamgauge_cli::args::{Cli, Command};
use streamgauge_cli::replay;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Replay(args) => replay::run(&args),
    };
    ExitCode::from(outcome as u8)
}
