//! The arguments of `streamgauge history`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand, ValueEnum};

const EXIT_STATUS: &str = "Exit status: 0 if all went well; 1 if the report or the history could not be written, a \
                           running program has the directory included, or if `check` found damage; 2 if the arguments \
                           are wrong, or if what they name is missing, foreign or damaged, with a line on standard \
                           error that says what, where and how to mend it, and a report of what could be read.";

/// The arguments of `streamgauge history`.
#[derive(Args, Debug)]
#[command(
    subcommand_value_name = "ACTION",
    subcommand_help_heading = "Actions",
    after_help = "Examples:\n  \
        streamgauge history /var/lib/meter show\n  \
        streamgauge history /var/lib/meter top --by peer --rank tx\n  \
        streamgauge history /var/lib/meter forget --peer 198.51.100.7\n\n\
        show, top, export and check change nothing, take no lock and work beside a running program. import, compact and \
        forget need the directory for themselves.",
    after_long_help = format!("Examples:\n  \
        streamgauge history /var/lib/meter show\n  \
        streamgauge history /var/lib/meter top --by peer --rank tx\n  \
        streamgauge history /var/lib/meter export --collector http >http.json\n  \
        streamgauge history /srv/new import http.json --collector http\n  \
        streamgauge history /var/lib/meter forget --peer 198.51.100.7\n\n\
        show, top, export and check change nothing, take no lock and work beside a running program. import, compact and \
        forget need the directory for themselves.\n\n{EXIT_STATUS}")
)]
pub struct HistoryArgs {
    /// The directory that a program keeps its histories in (`persist_dir`, or `replay --history`).
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,

    /// What to do with them.
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done with histories.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Show the collectors with their totals and files, or the rows of one.
    #[command(after_help = format!("Examples:\n  \
        streamgauge history DIR show\n  \
        streamgauge history DIR show --collector http --by reference --format csv\n\n{EXIT_STATUS}"))]
    Show(ShowArgs),

    /// Show the rows of one collector that moved the most.
    #[command(after_help = format!("Examples:\n  \
        streamgauge history DIR top\n  \
        streamgauge history DIR top --by reference --rank sessions --count 5\n\n{EXIT_STATUS}"))]
    Top(TopArgs),

    /// Write the history of one collector to standard output.
    #[command(after_help = format!("Examples:\n  \
        streamgauge history DIR export --collector http >http.json\n  \
        streamgauge history DIR export --collector http --format csv >http.csv\n\n{EXIT_STATUS}"))]
    Export(ExportArgs),

    /// Take in the history that datarhei Core wrote of one collector: all of it, or nothing.
    #[command(after_help = format!("Examples:\n  \
        streamgauge history DIR import http.json --collector http\n  \
        streamgauge history DIR import second-server/http.json --collector http --add\n\n{EXIT_STATUS}"))]
    Import(ImportArgs),

    /// Verify every checksum and say what recovery would do, without doing it.
    #[command(after_help = format!("Examples:\n  \
        streamgauge history DIR check\n  \
        streamgauge history DIR check --format json\n\n{EXIT_STATUS}"))]
    Check(CheckArgs),

    /// Write each history anew as one snapshot, and remove what came before it.
    #[command(after_help = format!("Example:\n  streamgauge history DIR compact\n\n{EXIT_STATUS}"))]
    Compact(CompactArgs),

    /// Erase a peer's or a reference's name and keep what it moved, under `(other)`.
    ///
    /// Its rows are added to those that have `(other)` in the place of the name, and the location and the other name as before,
    /// so that all sums stay what they are. Then each history is written anew, so that no snapshot and no log has the name
    /// any more. Files that were set aside as damaged are not touched: they are listed, as they may still hold it.
    #[command(after_help = format!("Examples:\n  \
        streamgauge history DIR forget --peer 198.51.100.7\n  \
        streamgauge history DIR forget --reference private-channel --collector http\n\n{EXIT_STATUS}"))]
    Forget(ForgetArgs),
}

/// The arguments of `show`.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// Show the rows of this collector.
    #[arg(long, value_name = "NAME")]
    pub collector: Option<String>,

    /// What a row stands for. Default: the whole key; without this and --collector, collectors are shown and no rows.
    #[arg(long, value_enum)]
    pub by: Option<By>,

    /// How to report.
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    pub format: ListFormat,
}

/// The arguments of `top`.
#[derive(Args, Debug)]
pub struct TopArgs {
    /// The collector; may be left out where there is one.
    #[arg(long, value_name = "NAME")]
    pub collector: Option<String>,

    /// What a row stands for.
    #[arg(long, value_enum, default_value_t = By::Key)]
    pub by: By,

    /// What makes a row first.
    #[arg(long, value_enum, default_value_t = Weight::Total)]
    pub rank: Weight,

    /// How many rows, 0 for all.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub count: usize,

    /// How to report.
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    pub format: ListFormat,
}

/// The arguments of `export`.
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// The collector; may be left out where there is one.
    #[arg(long, value_name = "NAME")]
    pub collector: Option<String>,

    /// In which form.
    #[arg(long, value_enum, default_value_t = ExportFormat::Datarhei)]
    pub format: ExportFormat,
}

/// The arguments of `import`.
#[derive(Args, Debug)]
pub struct ImportArgs {
    /// The file that datarhei Core wrote, such as `http.json`; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// The collector whose history it becomes, under the name that the program registers it with: letters and digits.
    #[arg(long, value_name = "NAME", value_parser = parse_collector)]
    pub collector: String,

    /// Add to the history that the collector has. A file that is added twice counts twice.
    #[arg(long)]
    pub add: bool,
}

/// The arguments of `check`.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Check this collector's files only.
    #[arg(long, value_name = "NAME")]
    pub collector: Option<String>,

    /// How to report.
    #[arg(long, value_enum, default_value_t = CheckFormat::Table)]
    pub format: CheckFormat,
}

/// The arguments of `compact`.
#[derive(Args, Debug)]
pub struct CompactArgs {
    /// Compact this collector's history only.
    #[arg(long, value_name = "NAME")]
    pub collector: Option<String>,
}

/// The arguments of `forget`.
#[derive(Args, Debug)]
pub struct ForgetArgs {
    #[command(flatten)]
    #[expect(
        missing_docs,
        reason = "its text would stand in the help, which has the options themselves"
    )]
    pub name: Name,

    /// Erase the name from this collector's history only.
    #[arg(long, value_name = "NAME")]
    pub collector: Option<String>,
}

#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
#[expect(
    missing_docs,
    reason = "its text would stand in the help, which has the options themselves"
)]
pub struct Name {
    /// The peer: its label as `show` has it, or an IP address, which stands for every label of that address, with a port and
    /// without, however it is spelt, as IPv4 and as IPv4 in IPv6. A network such as `198.51.100.0/24` is found as it is
    /// written.
    #[arg(long, value_name = "PEER", value_parser = NonEmptyStringValueParser::new())]
    pub peer: Option<String>,

    /// The reference, as it is.
    #[arg(long, value_name = "REFERENCE", value_parser = NonEmptyStringValueParser::new())]
    pub reference: Option<String>,
}

/// What a row stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// A location, peer and reference together.
    #[default]
    Key,
    /// A peer: the remote end.
    Peer,
    /// A location: the local end.
    Location,
    /// A reference: the stream, file or service.
    Reference,
}

/// What makes a row heavy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Weight {
    /// Bytes received from the peer.
    Rx,
    /// Bytes sent to the peer.
    Tx,
    /// Bytes of both directions.
    #[default]
    Total,
    /// Sessions.
    Sessions,
}

/// A form of a list of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people.
    #[default]
    Table,
    /// For programs: one object with exact numbers.
    Json,
    /// For spreadsheets: a header and a line per row, with exact numbers.
    Csv,
}

/// A form of a whole history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// The JSON that datarhei Core reads, and `import` too: sessions and bytes by key.
    #[default]
    Datarhei,
    /// One object with everything: packets and what was discarded as well.
    Json,
    /// A header and a line per row, with everything.
    Csv,
}

/// A form of what a check found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

/// A name that a registry would take.
fn parse_collector(text: &str) -> Result<String, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        Ok(text.to_owned())
    } else {
        Err("no program could register a collector of this name: use one or more of 0-9, A-Z, a-z".to_owned())
    }
}
