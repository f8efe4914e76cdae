//! Runs the command and keeps what it said.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What the command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Standard output of a command that went well and had nothing to say beside it.
    pub(crate) fn report(self) -> String {
        assert_eq!((self.status, self.stderr.as_str()), (0, ""), "{self:?}");
        self.stdout
    }

    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.report()).unwrap()
    }

    /// The fields of a report in CSV, line by line, the header first.
    pub(crate) fn csv(self) -> Vec<Vec<String>> {
        let report = self.report();
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(report.as_bytes());
        let lines = reader.records().map(|line| line.unwrap());
        lines
            .map(|line| line.iter().map(str::to_owned).collect())
            .collect()
    }

    /// Nothing on standard output, this status, and one line on standard error that says all of this.
    pub(crate) fn refuses(&self, status: i32, parts: &[&str]) {
        assert_eq!((self.status, self.stdout.as_str()), (status, ""), "{self:?}");
        self.complains(parts);
    }

    /// One line on standard error that says all of this.
    pub(crate) fn complains(&self, parts: &[&str]) {
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        for part in parts {
            assert!(self.stderr.contains(part), "no {part:?} in {self:?}");
        }
    }
}

/// Runs `streamgauge history DIR` with these arguments and this standard input.
pub(crate) fn history_input(directory: impl AsRef<OsStr>, arguments: &[&str], stdin: &[u8]) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_streamgauge"))
        .arg("history")
        .arg(directory)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input closes it early.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    let output = child.wait_with_output().unwrap();
    Ran {
        status: output.status.code().expect("not ended by a signal"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs `streamgauge history DIR` with these arguments.
pub(crate) fn history(directory: impl AsRef<OsStr>, arguments: &[&str]) -> Ran {
    history_input(directory, arguments, &[])
}
