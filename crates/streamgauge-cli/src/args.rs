//! The command line.

mod history;
#[cfg(feature = "relay")]
mod relay;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::SignedDuration;

pub use self::history::{
    Action, By, CheckArgs, CheckFormat, CompactArgs, ExportArgs, ExportFormat, ForgetArgs, HistoryArgs,
    ImportArgs, ListFormat, Name, ShowArgs, TopArgs, Weight,
};

#[cfg(feature = "relay")]
pub use self::relay::RelayArgs;

/// Meter sessions: who moved how many bytes, how fast.
#[derive(Debug, Parser)]
#[command(name = "streamgauge", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the command can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Meter packet captures, conversation by conversation, on the captures' own clock.
    ///
    /// The sender of a conversation's first packet is taken for the client (peer), the other end for the server (location).
    /// Bytes are those on the wire, link header included.
    #[command(after_help = EXIT_STATUS)]
    Replay(ReplayArgs),

    /// Read and mend the histories that collectors keep in a directory: what their ended sessions moved.
    History(HistoryArgs),

    /// Relay TCP and UDP to another server, and meter each client as a session.
    ///
    /// A client is admitted if the limits have room for it; its bytes are counted as they pass, and a session that is closed (by
    /// a kick, a timeout, a list) ends its connections at once. Stops at SIGTERM and SIGINT, takes up limits and lists anew
    /// at SIGHUP.
    #[cfg(feature = "relay")]
    Relay(Box<RelayArgs>),
}

const EXIT_STATUS: &str = "Exit status: 0 if all went well; 1 if the report, the chart or the history could not be \
                           written; 2 if the arguments are wrong or a capture is missing, foreign, damaged or cut off, \
                           with a line on standard error that names the place and a report of what could be read.";

/// The arguments of `streamgauge replay`.
#[derive(Args, Debug)]
pub struct ReplayArgs {
    /// Captures (pcap or pcapng, also gzipped), read one after the other into one meter; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Close a conversation's session after so long without traffic: `30s`, `5m`, `1h 30m`, or seconds. Default: never.
    #[arg(long, value_name = "DURATION", value_parser = parse_timeout)]
    pub idle_timeout: Option<Duration>,

    /// Report the first N conversations only, 0 for all. Default: 20 in a table, all in other formats.
    #[arg(long, value_name = "N")]
    pub top: Option<usize>,

    /// What makes a conversation first.
    #[arg(long, value_enum, default_value_t = Rank::Total)]
    pub by: Rank,

    /// How to report.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,

    /// Add the totals to those kept in this directory, which is made if need be.
    #[arg(long, value_name = "DIR")]
    pub history: Option<PathBuf>,

    /// Draw the throughput over captured time into this file.
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,

    /// Show no progress bar, even on a terminal.
    #[arg(long)]
    pub no_progress: bool,
}

/// An order of conversations, largest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Rank {
    /// By bytes of both directions.
    #[default]
    Total,
    /// By the sum of both directions' bitrates when the capture ended.
    Rate,
    /// By the sum of both directions' decaying top bitrates.
    Top,
}

/// A form of the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs: one object with exact numbers.
    Json,
    /// Tab-separated, one line per conversation, sorted by protocol and addresses.
    Conversations,
}

/// A duration in jiff's friendly format, or a number of seconds.
fn parse_timeout(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let seconds = if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && !text.is_empty() {
        format!("{text}s")
    } else {
        text.to_owned()
    };
    let signed: SignedDuration = seconds
        .parse()
        .map_err(|_| "use a number of seconds, or units as in 30s, 5m, 1h 30m".to_owned())?;
    match Duration::try_from(signed) {
        Ok(Duration::ZERO) => {
            Err("0 would close every session at once; leave the option out for never".to_owned())
        }
        Ok(timeout) => Ok(timeout),
        Err(_) => Err("must not be negative".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
        Cli::try_parse_from(["streamgauge", "replay", "-", "--top", "3", "--by", "rate"]).unwrap();
    }

    #[test]
    fn timeouts_are_seconds_or_have_units() {
        let accepted = [
            ("30s", 30.0),
            ("5m", 300.0),
            ("1h", 3600.0),
            ("1h 30m", 5400.0),
            ("90", 90.0),
            ("2.5", 2.5),
        ];
        for (text, seconds) in accepted {
            assert_eq!(
                parse_timeout(text),
                Ok(Duration::from_secs_f64(seconds)),
                "{text}"
            );
        }
        for text in ["", "0", "0s", "-5s", "5 parsecs", "s", ".", "1e9999"] {
            assert!(parse_timeout(text).is_err(), "{text}");
        }
    }
}
