//! What the benchmarks share: session ids made in place, worker threads that outlive a measurement, and the rival
//! session tables.
#![expect(
    clippy::disallowed_methods,
    reason = "benchmarks read the clock and start threads themselves"
)]

pub mod crew;
pub mod id;
pub mod table;
