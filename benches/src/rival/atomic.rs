//! The floors: counters that nobody has to look for, each on a line of its own.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

/// A counter alone on its cache line.
#[derive(Clone, Debug, Default)]
pub struct Line(Arc<CachePadded<AtomicU64>>);

impl Line {
    /// Adds with a locked instruction, and shows what was there: the floor of a handle.
    #[inline]
    #[must_use]
    pub fn fetch_add(&self, bytes: u64) -> u64 {
        // Relaxed: a count, ordered with nothing.
        black_box(&self.0).fetch_add(bytes, Ordering::Relaxed)
    }

    /// Loads, adds and stores, as the only thread that writes may: the floor of a writer.
    #[inline]
    pub fn load_add_store(&self, bytes: u64) {
        let counter = black_box(&self.0);
        // Relaxed: one thread writes it.
        let before = counter.load(Ordering::Relaxed);
        // Relaxed: as above.
        counter.store(before + bytes, Ordering::Relaxed);
    }

    /// What was counted.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> u64 {
        // Relaxed: read while nobody counts.
        self.0.load(Ordering::Relaxed)
    }
}
