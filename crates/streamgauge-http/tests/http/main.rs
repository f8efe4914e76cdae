//! The layer as programs use it: by itself, under hyper's servers for HTTP/1 and HTTP/2, and over metered connections.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that does not get what it needs fails"
)]

mod allocation;
mod bodies;
mod choices;
mod endings;
mod harness;
mod overhead;
mod page;
mod real_ip;
mod servers;
mod types;
mod upgrades;

use streamgauge_testkit::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
