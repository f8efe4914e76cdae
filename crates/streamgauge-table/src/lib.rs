//! The session table of streamgauge.

#![expect(
    unsafe_code,
    reason = "the one crate of the workspace that may: entries are counted by hand, and readers hold what they look up"
)]
#![warn(clippy::undocumented_unsafe_blocks, unsafe_op_in_unsafe_fn)]

mod barrier;
mod bucket;
#[cfg(loom)]
mod canary;
mod directory;
mod domain;
mod entry;
mod hash;
mod hold;
mod layout;
#[cfg(all(loom, test))]
mod models;
mod pin;
mod prefetch;
mod record;
mod retired;
mod root;
mod segment;
mod sync;
mod table;

pub use entry::Entry;
pub use pin::{Found, Pin};
#[cfg(not(loom))]
#[doc(hidden)]
pub use table::pin_by_swap;
pub use table::{Claim, Reclaimed, Table, prepare_thread};
