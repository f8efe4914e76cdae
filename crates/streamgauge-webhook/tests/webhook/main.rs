//! Webhooks against a real server on this machine, which answers when a test says so.

mod bounds;
mod config;
mod delivery;
mod receiver;
mod retries;
mod stopping;
