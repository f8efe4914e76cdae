//! P3 and P4: a packet thread and its readers finish while any other thread is parked for good.
//!
//! Each test parks one thread at one place, then gives a packet thread a deadline for 100,000 calls in each way. The deadline
//! is generous: what is stuck behind a parked thread never meets any. A rival with a mutex around its table goes
//! through the same harness, which must report it stuck.

#![expect(
    clippy::unwrap_used,
    reason = "allowed in tests, and the threads of these tests run code outside of #[test] functions"
)]

mod gate;
mod harness;
mod subject;

mod clock;
mod collecting;
mod reading;
mod serving;
mod table;

use streamgauge_testkit::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
