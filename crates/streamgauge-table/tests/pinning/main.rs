//! Pins and what they hold back, with the reclaimer paying for the barrier where the system lets it.

mod cases;

use streamgauge_testkit::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// The process takes the barrier that it finds.
fn ready() {}
