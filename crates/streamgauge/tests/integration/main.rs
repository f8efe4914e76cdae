//! What the crate promises, seen from outside: one module for each noun of the design.
//!
//! Time is a [`ManualClock`](streamgauge::ManualClock): no test sleeps. Those that need real threads wait for a channel or a
//! barrier. Names say the behaviour, and begin with the promise where one is tested. Nearly all go through
//! [`ledger_check::Checked`], so every summary that a test looks at is checked for conservation (P1).

// Under the model checker the crate's atomics work inside its models alone.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, reason = "a test that does not get what it needs fails")]

mod activation;
mod admission;
mod api;
mod bitrates;
mod bursts;
mod companions;
mod conservation;
mod damage;
mod events;
#[cfg(unix)]
mod fork;
mod health;
mod history;
mod ids;
mod inspection;
mod labels;
mod largest_limits;
mod ledger_check;
mod limiter;
mod limits;
mod log;
mod log_lines;
mod metered;
mod null;
mod packets;
mod peers;
mod persistence;
mod rate_oracle;
mod recorder;
mod recovered;
mod registration;
mod registry;
mod reporter;
#[cfg(feature = "serde")]
mod serialization;
mod shared;
mod sizes;
mod stop;
mod store_failure;
mod summary;
mod threads;
mod timeouts;
mod tops;
mod twins;
mod types;
mod upkeep;
mod wrapped;
mod writers;
