//! What a scrape shows.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that does not get what it needs fails"
)]

mod busiest;
mod escaping;
mod example;
mod monotonic;
mod negotiation;
mod page;
mod route;
mod samples;
mod scene;
mod table;
