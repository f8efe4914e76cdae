//! The API as a client sees it. Every answer that a test asks for is held against the OpenAPI document.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that does not get what it needs fails"
)]

mod collectors;
mod contract;
mod cors;
mod document;
mod events;
mod guard;
mod harness;
mod history;
mod mounting;
mod page;
mod paging;
mod sessions;
mod v3;
