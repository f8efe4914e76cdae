//! What happens when what the crate stands on fails: the store, the disk, the clock, code of the program's own, and ids
//! that an attacker chose.
//!
//! Beside `integration`, which has the everyday failures of each part: here every call fails in turn, disks are real mounts,
//! and memory is counted. What a test needs and may not have, such as mounts, it says it skipped; `.ci/faults` reports it.

// Under the model checker the crate's atomics work inside its models alone.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, reason = "a test that does not get what it needs fails")]

mod attacker;
mod clock;
#[cfg(target_os = "linux")]
mod disk;
mod flood;
#[allow(dead_code, reason = "integration uses all of it")]
#[path = "../integration/ledger_check.rs"]
mod ledger_check;
#[cfg(target_os = "linux")]
mod mount;
mod panics;
#[path = "../integration/reporter.rs"]
mod reporter;
mod script;
mod store;

use streamgauge_testkit::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
