//! Webhooks against a real server on this machine, which answers when a test says so.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that does not get what it needs fails"
)]

mod bounds;
mod config;
mod delivery;
mod page;
mod receiver;
mod retries;
mod stopping;
#[cfg(feature = "tls")]
mod tls;
