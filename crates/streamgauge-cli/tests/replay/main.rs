//! The command from outside: its reports, its messages, its exit status.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what fails here is a test"
)]

mod capture_writer;
mod command;
mod faults;
mod formats;
mod metering;
mod options;
mod reference_captures;
