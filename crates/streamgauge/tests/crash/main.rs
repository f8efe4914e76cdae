//! Histories on a real disk: of a process that is killed, and how much is written and kept (P5, P6).

#![expect(clippy::unwrap_used, reason = "a test's set-up fails the test")]

#[cfg(unix)]
mod board;
#[cfg(unix)]
mod child;
mod cost;
#[cfg(unix)]
mod kill;
