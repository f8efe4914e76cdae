//! P1 and P2 under load: threads count in every way while others close, reopen, tick and read, and no byte is missing,
//! counted twice, or credited elsewhere.
//!
//! Each test is a round of a number of steps; `STREAMGAUGE_STRESS_SECONDS` has it run again, with other seeds, for so long.
//! Threads start at a barrier and nothing sleeps; the clock is moved by the threads that tick.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "allowed in tests, and the threads of these tests run code outside of #[test] functions"
)]

mod account;
mod audit;
mod dice;
mod on_drop;
mod storm;

mod conservation;
mod counter_full;
mod generations;
mod join;
mod stopping;
mod tops;
mod waiters;
