//! What the tests and benches of streamgauge share.

pub mod alloc;

pub use alloc::{CountingAllocator, Counts, ParkPoint, count};
