//! The `streamgauge` command.

use std::process::ExitCode;

use clap::Parser;
use streamgauge_cli::args::{Cli, Command};
#[cfg(feature = "relay")]
use streamgauge_cli::relay;
use streamgauge_cli::{history, replay};

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Replay(args) => replay::run(&args),
        Command::History(args) => history::run(&args),
        #[cfg(feature = "relay")]
        Command::Relay(args) => relay::run(&args),
    };
    ExitCode::from(outcome as u8)
}
