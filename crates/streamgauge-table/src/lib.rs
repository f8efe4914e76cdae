//! The session table of streamgauge: byte strings to shared entries.
//!
//! An [`Entry`] is a shared value and the byte string that it is found by, in one allocation. A [`Table`] finds entries from
//! any thread: a lookup takes no lock, allocates nothing, frees nothing and moves nothing, whatever other threads do and
//! wherever they stand still. Insertions and removals take one lock. What they take out is freed by one call,
//! [`Table::reclaim`], which is for a thread that has the time. A [`Text`] is an entry that is nothing but its key, a
//! [`Boxed`] a value in the memory that entries are cut from.
//!
//! ```
//! use streamgauge_table::{Claim, Entry, Table};
//!
//! let table = Table::with_room_for(0);
//! for number in 0..1_000_u64 {
//!     let claim = table.claim(&Entry::new(&number.to_le_bytes(), number), || Ok::<_, ()>(()));
//!     assert!(matches!(claim, Claim::Inserted));
//! }
//! assert_eq!(table.with(&7_u64.to_le_bytes(), |entry| **entry), Some(7));
//! ```
//!
//! # How it works
//!
//! *Where an entry is.* A directory has a pointer for each value of a hash's first bits, to a segment of 64 buckets. A bucket
//! is a cache line: seven pointers to entries, and for each of them eight bits of its hash. So a lookup waits for two lines
//! that are not in the cache: the bucket, and the end of the entry, where its key is. An entry without room in three buckets
//! has its segment split in two by one more bit, and now and then the directory doubled. Nothing is moved in place: readers
//! of the old segment find there what was there while they looked (`M8` in docs/memory-model.md).
//!
//! *When it is freed.* A thread that looks something up writes the number of the current epoch to a line of its own, and 0
//! when it is done. Whoever reclaims raises the epoch after things were unlinked, and frees them when no thread says an
//! older number. The reader's two writes are plain stores: the reclaimer pays for the barrier, with membarrier(2). Where
//! the system has none the reader's first write is a swap (`M9`).
//!
//! *What memory it takes.* Entries of 33 to 512 bytes are whole cache lines, smaller ones whole words, cut from blocks of 32
//! KiB that hold entries of one size. A block is given back when its last entry is freed, so entries that stay behind, of many
//! that were, can hold up to 32 KiB each, until new ones fill the gaps. Larger ones are the global allocator's.
//!
//! # What it does not do
//!
//! Segments are never merged: a table keeps the room of its largest number of entries, some 17 bytes for each. A pin that is
//! held holds back what is retired in every table of the process. Writers wait for each other.

#![expect(
    unsafe_code,
    reason = "the one crate of the workspace that may: entries are counted by hand, and readers hold what they look up"
)]
#![warn(clippy::undocumented_unsafe_blocks, unsafe_op_in_unsafe_fn)]

mod barrier;
mod boxed;
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
#[cfg(not(loom))]
mod slab;
#[cfg(loom)]
#[path = "slab/plain.rs"]
mod slab;
mod sync;
mod table;
mod text;

pub use boxed::Boxed;
pub use entry::Entry;
pub use pin::{Found, Pin};
#[cfg(streamgauge_tsan)]
#[doc(hidden)]
pub use sync::{Condvar, Mutex, MutexGuard};
#[cfg(not(loom))]
#[doc(hidden)]
pub use table::pin_by_swap;
pub use table::{Claim, Reclaimed, Table, prepare_thread};
pub use text::Text;
