//! Where and of what a measurement was made: what every published table stands under.

use std::fmt;
use std::process::Command;

/// The machine, the compiler, the commit and the command.
#[derive(Clone, Debug)]
pub struct Machine {
    cpu: String,
    cores: usize,
    memory: String,
    kernel: String,
    load: String,
    rustc: String,
    commit: String,
    command: String,
}

impl Machine {
    /// The machine that this runs on. `binary` is the name of the running binary.
    #[must_use]
    pub fn here(binary: &str) -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let profile = if cfg!(debug_assertions) { "" } else { "--release " };
        let arguments: Vec<_> = std::env::args().skip(1).collect();
        let arguments = if arguments.is_empty() {
            String::new()
        } else {
            format!(" -- {}", arguments.join(" "))
        };
        let dirty = match output("git", &["status", "--porcelain"]).is_empty() {
            true => "",
            false => ", with changes",
        };
        Self {
            cpu: field(&read("/proc/cpuinfo"), "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory: field(&read("/proc/meminfo"), "MemTotal"),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load: read("/proc/loadavg").split(' ').take(1).collect(),
            rustc: output("rustc", &["--version"]),
            commit: output("git", &["rev-parse", "--short=10", "HEAD"]) + dirty,
            command: format!("cargo run {profile}-p streamgauge-benches --bin {binary}{arguments}"),
        }
    }
}

/// The value of the first line `name : value`.
fn field(text: &str, name: &str) -> String {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.split_once(':'))
        .map(|(_, value)| value.trim().to_owned())
        .unwrap_or_default()
}

fn output(program: &str, arguments: &[&str]) -> String {
    Command::new(program)
        .args(arguments)
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "* Machine: {} ({} cores), {}, Linux {}; load average at the start {}",
            self.cpu, self.cores, self.memory, self.kernel, self.load
        )?;
        writeln!(f, "* {}; commit {}", self.rustc, self.commit)?;
        writeln!(f, "* `{}`", self.command)
    }
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn field_is_found_by_its_name() {
        let text = "vendor_id\t: x\nmodel name\t: A fast one: really\nmodel name\t: another\n";
        assert_eq!(field(text, "model name"), "A fast one: really");
        assert_eq!(field(text, "flags"), "");
    }
}
