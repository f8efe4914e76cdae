//! Measures every row of the table of targets, as ratios within one run, and prints Markdown.
//!
//! docs/benchmarks/README.md says what the rows are.

use clap::Parser;
use streamgauge_benches::effort::Effort;
use streamgauge_benches::machine::Machine;
use streamgauge_benches::memory;
use streamgauge_benches::row::Row;
use streamgauge_benches::target::{FAMILIES, Family};
use streamgauge_testkit::CountingAllocator;

// Counts in plain cells of each thread, about a nanosecond for each allocation; no measured count allocates.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Measures streamgauge beside its rivals, alternating, and prints ratios.
#[derive(Debug, Parser)]
struct Arguments {
    /// The families of rows to measure; all without any.
    rows: Vec<String>,
    /// Lists the families and ends.
    #[arg(long)]
    list: bool,
    /// A smoke run: everything once, small, in seconds. Its figures mean nothing.
    #[arg(long)]
    quick: bool,
    /// How many rounds.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Measures the memory of one kind of sessions in this process, for the row that asked.
    #[arg(long, hide = true, requires = "sessions")]
    child: Option<String>,
    #[arg(long, hide = true)]
    sessions: Option<u64>,
}

fn main() -> Result<(), String> {
    let arguments = Arguments::parse();
    if let (Some(child), Some(sessions)) = (&arguments.child, arguments.sessions) {
        return memory::child(child, sessions);
    }
    if arguments.list {
        for family in FAMILIES {
            println!("{:10} {}", family.name, family.about);
        }
        return Ok(());
    }
    let effort = if arguments.quick {
        Effort::quick()
    } else {
        Effort::full(arguments.rounds)
    };
    let families = chosen(&arguments.rows)?;
    println!("{}", Machine::here("targets"));
    println!("* {} rounds\n\n{}", effort.rounds.count, Row::head());
    let mut short = 0;
    for family in families {
        eprintln!("{}: {}", family.name, family.about);
        for row in (family.measure)(&effort) {
            println!("{row}");
            short += usize::from(row.is_met() == Some(false));
        }
    }
    eprintln!("{short} fall short");
    Ok(())
}

fn chosen(names: &[String]) -> Result<Vec<&'static Family>, String> {
    if names.is_empty() {
        return Ok(FAMILIES.iter().collect());
    }
    names
        .iter()
        .map(|name| {
            FAMILIES
                .iter()
                .find(|family| family.name == name)
                .ok_or_else(|| format!("no rows are called {name}: see --list"))
        })
        .collect()
}
