//! What is fuzzed, and how: a table of targets, each a body that takes bytes and panics where a promise is broken, and a
//! list of seeds to start from.
//!
//! A program under `fuzz_targets/` hands libFuzzer's bytes to the body and does nothing else, so that the ordinary test
//! `tests/replay.rs` runs the same body on stable over every seed and every input that once broke something. The example
//! `seeds` writes the seeds into `seeds/`; the test fails where what is there is not what it would write.
//!
//! A new target is a file in `fuzz_targets/` with its `[[bin]]`, a module here, and a line in [`TARGETS`].
//!
//! Cost: a body may be as slow as it needs to be; what it may allocate is part of what it checks.

pub mod capture;
pub mod cidr;
pub mod history_format;
pub mod operations;
pub mod proxy_header;
pub mod seed;
pub mod target;

pub use seed::Seed;
pub use target::Target;

use streamgauge_testkit::CountingAllocator;

/// Bodies assert what the code under them allocates.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Every target, in the order of names.
pub const TARGETS: &[Target] = &[
    capture::TARGET,
    cidr::TARGET,
    history_format::TARGET,
    operations::TARGET,
    proxy_header::TARGET,
];
