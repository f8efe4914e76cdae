//! A relay in this process, with real sockets on the loopback.
//!
//! Nothing waits for time to pass: collectors are on a manual clock, and tests wait for what a socket says, or for a count.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that does not get what it needs fails"
)]

mod access;
mod admin;
#[cfg(target_os = "linux")]
mod bad_clients;
mod config;
mod harness;
mod limits;
mod page;
mod proxy;
mod stopping;
mod tcp;
mod udp;
mod webhook;
