//! One program of tests as one mutant: until a test fails, or its time is over.
//!
//! A shell sets the limits, since they have no safe form in std. The processor's time ends what loops, whatever else the machine
//! is busy with; the clock's, more generous, ends what waits for ever; and a limit on memory what grows.

use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};

use crate::failure::Failure;
use crate::program::Program;

/// How long one program may take, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    processor_seconds: u32,
    wall_seconds: u32,
}

/// What became of a mutant in a program.
#[derive(Debug)]
pub(crate) enum Outcome {
    Missed,
    /// With the test that failed, or the signal that ended the process.
    Caught(String),
    TimedOut,
}

/// The address space that a program may have: many times what the tests take.
const MOST_KIBIBYTES: u32 = 16 << 20;

/// `$0` is the time on the clock, then processor time, memory and the program. What a test has left behind, a fork for one, ends
/// with it: the group is this trial's own.
const LIMITED: &str = r#"timeout --foreground -s KILL "$0" sh -c 'ulimit -c 0; ulimit -t "$0"; ulimit -v "$1"; shift; exec "$@"' "$@"
status=$?
trap '' TERM
kill -TERM 0
exit $status"#;

/// How shells tell that a process was killed: by a limit, since nothing else sends this signal.
const KILLED: i32 = 128 + 9;

impl Limits {
    /// Both from the command line.
    pub(crate) fn parsed(processor: &str, wall: &str) -> Result<Self, Failure> {
        let seconds = |text: &str| text.parse().map_err(|_| Failure::Usage);
        Ok(Self {
            processor_seconds: seconds(processor)?,
            wall_seconds: seconds(wall)?,
        })
    }
}

impl Program {
    /// Runs the tests as a mutant; as none for 0.
    pub(crate) fn meet(&self, mutant: usize, arguments: &[&str], limits: Limits) -> Result<Outcome, Failure> {
        let mut child = Command::new("sh")
            .args(["-c", LIMITED])
            .arg(limits.wall_seconds.to_string())
            .arg(limits.processor_seconds.to_string())
            .arg(MOST_KIBIBYTES.to_string())
            .arg(&self.executable)
            .args(arguments)
            .current_dir(&self.directory)
            .env("STREAMGAUGE_MUTANT", mutant.to_string())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| Failure::Command("sh", error))?;
        let failed = first_failed(&mut child);
        if failed.is_some() {
            let group = format!("-{}", child.id());
            Command::new("kill")
                .args(["-KILL", "--", &group])
                .stderr(Stdio::null())
                .status()
                .map_err(|error| Failure::Command("kill", error))?;
        }
        let status = child.wait().map_err(|error| Failure::Command("sh", error))?;
        Ok(match failed {
            Some(test) => Outcome::Caught(test),
            None if status.success() => Outcome::Missed,
            None if status.code() == Some(KILLED) => Outcome::TimedOut,
            None => Outcome::Caught(match (status.code(), status.signal()) {
                (Some(code), _) => format!("ended with {code}"),
                (None, signal) => format!("ended by signal {}", signal.unwrap_or_default()),
            }),
        })
    }
}

/// Reads what the tests say until one has failed, or all are done.
fn first_failed(child: &mut Child) -> Option<String> {
    let lines = BufReader::new(child.stdout.take()?).split(b'\n');
    let mut test = String::new();
    for line in lines.map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        if let Some(rest) = line.strip_prefix("test ")
            && let Some((name, _)) = rest.split_once(" ... ")
        {
            name.clone_into(&mut test);
        }
        if line.ends_with("FAILED") {
            return Some(test);
        }
    }
    None
}
