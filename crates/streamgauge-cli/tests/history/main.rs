//! `streamgauge history` from outside: its reports, its messages, its exit status, and what it leaves on disk.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what fails here is a test"
)]

mod check;
mod command;
mod compact;
mod crashed;
mod export;
mod forget;
mod import;
mod names;
mod show;
mod stored;
mod top;
mod wrong;
