//! The API as a client sees it. Every answer that a test asks for is held against the OpenAPI document.

mod collectors;
mod contract;
mod cors;
mod document;
mod events;
mod guard;
mod harness;
mod history;
mod mounting;
mod paging;
mod sessions;
mod v3;
