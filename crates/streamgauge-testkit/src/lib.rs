//! What the tests and benches of streamgauge share.

pub mod alloc;

pub use alloc::park::ParkPoint;
pub use alloc::{CountingAllocator, Counts, count};
