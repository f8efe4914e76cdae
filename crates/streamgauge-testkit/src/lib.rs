//! What the tests and benches of streamgauge share.

pub mod alloc;
mod bounds;

pub use alloc::park::ParkPoint;
pub use alloc::{CountingAllocator, Counts, count};
