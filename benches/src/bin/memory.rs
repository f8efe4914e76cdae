//! Prints how many bytes each of a million sessions takes, all in, each kind measured in a process of its own.

use clap::Parser;
use streamgauge_benches::machine::Machine;
use streamgauge_benches::memory::{KINDS, child, measure};
use streamgauge_testkit::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Bytes for each session, by what the process grew and by what it allocated.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many sessions.
    #[arg(long, default_value_t = 1_000_000)]
    sessions: u64,
    /// A smoke run with few sessions. Its figures mean nothing.
    #[arg(long)]
    quick: bool,
    /// Measures one kind in this process.
    #[arg(long, hide = true)]
    child: Option<String>,
}

fn main() -> Result<(), String> {
    let arguments = Arguments::parse();
    if let Some(kind) = &arguments.child {
        return child(kind, arguments.sessions);
    }
    let sessions = if arguments.quick {
        2_000
    } else {
        arguments.sessions
    };
    println!("{}", Machine::here("memory"));
    println!("{sessions} sessions, 500 references, a peer for each.\n");
    println!("| sessions with | resident, bytes each | heap, bytes each | target |\n|---|---|---|---|");
    for kind in KINDS {
        let bytes = measure(kind, sessions)?;
        let goal = kind.goal.map(|goal| format!("{goal:.0}")).unwrap_or_default();
        println!(
            "| {} | {:.1} | {:.1} | {goal} |",
            kind.about, bytes.resident, bytes.heap
        );
    }
    Ok(())
}
