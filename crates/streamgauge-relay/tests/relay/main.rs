//! A relay in this process, with real sockets on the loopback.
//!
//! Nothing waits for time to pass: collectors are on a manual clock, and tests wait for what a socket says, or for a count.

mod access;
mod admin;
mod harness;
mod limits;
mod proxy;
mod stopping;
mod tcp;
mod udp;
