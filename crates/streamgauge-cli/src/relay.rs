//! `streamgauge relay`: the relay of the crate `streamgauge-relay`, with its log on standard error.

use std::io;

use streamgauge_relay::config::RelayConfig;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::args::RelayArgs;
use crate::outcome::{Outcome, complain};

/// Checks the configuration, and relays until it is told to stop.
#[must_use]
pub fn run(args: &RelayArgs) -> Outcome {
    let sources = args.sources();
    let config = match sources.load() {
        Ok(config) => config,
        Err(error) => {
            for problem in error.problems() {
                complain(&problem.subject, &problem.message, Outcome::InputFailed);
            }
            return Outcome::InputFailed;
        }
    };
    let filter = match filter(&config.log) {
        Ok(filter) => filter,
        Err(error) => return complain("log", &error, Outcome::InputFailed),
    };
    if args.check {
        return Outcome::of_report(|out| write!(out, "{}", config.listing()));
    }
    log_to_stderr(filter);
    relay(&sources, &config)
}

/// What is logged. A word by itself is a level: the crate would take `warning` for a target, and log nothing else.
fn filter(log: &str) -> Result<EnvFilter, String> {
    let directives = log.split(',').map(str::trim);
    for word in directives.filter(|directive| !directive.contains(['=', '[', ']', '{', '}'])) {
        // The crate takes no word at all for `error`.
        if word.is_empty() || word.parse::<LevelFilter>().is_err() {
            return Err(format!(
                "{word:?} is no level: expected error, warn, info, debug, trace or off, or levels by target as in \
                 info,streamgauge_relay=debug"
            ));
        }
    }
    EnvFilter::try_new(log).map_err(|error| error.to_string())
}

fn relay(sources: &streamgauge_relay::config::Sources, config: &RelayConfig) -> Outcome {
    match streamgauge_relay::run(sources, config) {
        Ok(()) => Outcome::Success,
        Err(error) => complain("relay", &error, Outcome::OutputFailed),
    }
}

fn log_to_stderr(filter: EnvFilter) {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(false)
        .finish();
    // Nobody else has set one: this is the process's first and only.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
