//! Prints how long lookups take beside a table that grows and churns, meter by meter: medians over the rounds of each
//! percentile, and what the looking thread allocated, freed and moved.

use clap::Parser;
use streamgauge_benches::effort::Effort;
use streamgauge_benches::latency::PERCENTILES;
use streamgauge_benches::machine::Machine;
use streamgauge_benches::target::latency::columns;
use streamgauge_testkit::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Lookups on one core while the other registers and unregisters until a million sessions are known.
#[derive(Debug, Parser)]
struct Arguments {
    /// A smoke run: small, in seconds. Its figures mean nothing.
    #[arg(long)]
    quick: bool,
    /// How many rounds.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
}

fn main() {
    let arguments = Arguments::parse();
    let effort = if arguments.quick {
        Effort::quick()
    } else {
        Effort::full(arguments.rounds)
    };
    println!("{}", Machine::here("latency"));
    println!(
        "Microseconds, medians of {} rounds; *nothing* is the clock and making an id.\n",
        effort.rounds.count
    );
    let names: Vec<_> = PERCENTILES.iter().map(|(name, _)| *name).collect();
    println!(
        "| table | {} | lookups | allocations | frees | bytes freed | entries moved | writer, ms |",
        names.join(" | ")
    );
    println!("|---{}|", "|---".repeat(PERCENTILES.len() + 6));
    for column in columns(&effort) {
        let percentiles: Vec<_> = (0..PERCENTILES.len())
            .map(|place| format!("{:.2}", column.percentile(place).median() / 1e3))
            .collect();
        // The keys that show moves are those of papaya and scc; DashMap is moved by its writers.
        let moved = match column.name {
            "papaya" | "scc" => format!("{:.0}", column.series(|seen| seen.moved).median()),
            _ => "not seen".to_owned(),
        };
        println!(
            "| {} | {} | {:.0} | {:.0} | {:.0} | {:.0} | {moved} | {:.0} |",
            column.name,
            percentiles.join(" | "),
            column.series(|seen| seen.lookups).median(),
            column.series(|seen| seen.counts.allocations).median(),
            column.series(|seen| seen.counts.frees).median(),
            column.series(|seen| seen.counts.bytes_freed).median(),
            column
                .series(|seen| u64::try_from(seen.writing_ms).unwrap_or(u64::MAX))
                .median(),
        );
    }
}
