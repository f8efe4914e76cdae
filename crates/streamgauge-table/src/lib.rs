//! The session table of streamgauge.
//!
//! An [`Entry`] is a shared value and the byte string that it is found by, in one allocation.

#![expect(
    unsafe_code,
    reason = "the one crate of the workspace that may: entries are counted by hand, and readers hold what they look up"
)]
#![warn(clippy::undocumented_unsafe_blocks, unsafe_op_in_unsafe_fn)]

mod entry;
mod sync;

pub use entry::Entry;
