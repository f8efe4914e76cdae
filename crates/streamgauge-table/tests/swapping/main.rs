//! Pins and what they hold back, with readers that pin by a swap.

#[path = "../pinning/cases.rs"]
mod cases;

use streamgauge_testkit::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// The process has readers pay.
fn ready() {
    assert!(streamgauge_table::pin_by_swap());
}
