//! What the benchmarks share: what is metered (ids, labels, sessions), by whom (ours and its rivals behind one trait), and
//! how it is measured (rounds in which contestants take turns, medians, rows with a goal).
//!
//! The criterion groups in `benches/` watch single figures over time; the binaries in `src/bin/` measure ratios within one
//! run. docs/benchmarks/README.md says how to run each.
#![expect(
    clippy::disallowed_methods,
    reason = "benchmarks read the clock and start threads themselves"
)]

pub mod copy;
pub mod crew;
pub mod effort;
pub mod group;
pub mod id;
pub mod label;
pub mod latency;
pub mod load;
pub mod machine;
pub mod memory;
pub mod meter;
pub mod rival;
pub mod rounds;
pub mod row;
pub mod series;
pub mod target;
pub mod waiting;
