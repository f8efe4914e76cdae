//! An allocator that counts what each thread allocates and frees, and that can park a thread inside either.
//!
//! A test binary installs it once and asks what a piece of code did on the calling thread:
//!
//! ```
//! use streamgauge_testkit::{CountingAllocator, count};
//!
//! #[global_allocator]
//! static ALLOCATOR: CountingAllocator = CountingAllocator;
//!
//! let (sum, counts) = count(|| 2 + 2);
//! assert_eq!((sum, counts.allocations, counts.frees), (4, 0, 0));
//! let (_, counts) = count(|| drop(std::hint::black_box(vec![0u8; 100])));
//! assert_eq!((counts.allocations, counts.bytes_freed, counts.largest_free), (1, 100, 100));
//! ```
//!
//! A [`ParkPoint`](park::ParkPoint) stops the thread that armed it inside its next large allocation or free, for as long as the test
//! wants. It stands for the worst the operating system can do to a thread that grows a table, and shows who waits.
//!
//! Counters are plain thread-local cells without destructors: counting allocates nothing, locks nothing, and works
//! from a thread's first allocation to its last free. A thread that parks sits in [`std::thread::park`], before the
//! system allocator is called, so that it holds none of the system allocator's locks.
#![allow(
    unsafe_code,
    reason = "implementing GlobalAlloc is unsafe; the only module of this crate with unsafe"
)]

pub mod park;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint;
use std::ops::Sub;

use self::park::{Event, park_if_armed};

/// The system allocator, counting per thread.
///
/// It does nothing until it is installed with `#[global_allocator]`.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator;

impl CountingAllocator {
    /// Whether this allocator is the program's global one.
    #[must_use]
    pub fn is_installed() -> bool {
        let before = counts().allocations;
        drop(hint::black_box(Box::new(0u8)));
        counts().allocations != before
    }
}

// SAFETY: every call is passed on unchanged to `System`, which upholds the contract of `GlobalAlloc`. What happens
// before it touches thread-local cells and may park the thread; it neither allocates nor unwinds.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        record_allocation(layout.size());
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        record_allocation(layout.size());
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        record_free(layout.size());
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        record_allocation(new_size);
        record_free(layout.size());
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

/// What one thread allocated and freed. A reallocation is one of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls that allocated.
    pub allocations: u64,
    /// Calls that freed.
    pub frees: u64,
    /// Bytes asked for by these allocations.
    pub bytes_allocated: u64,
    /// Bytes given back by these frees.
    pub bytes_freed: u64,
    /// Bytes of the largest single allocation.
    pub largest_allocation: u64,
    /// Bytes of the largest single free.
    pub largest_free: u64,
}

impl Counts {
    const ZERO: Self = Self {
        allocations: 0,
        frees: 0,
        bytes_allocated: 0,
        bytes_freed: 0,
        largest_allocation: 0,
        largest_free: 0,
    };

    /// Whether nothing was allocated and nothing was freed.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }
}

impl Sub for Counts {
    type Output = Self;

    /// What was counted since `earlier`; the largest sizes stay those of `self`.
    fn sub(self, earlier: Self) -> Self {
        Self {
            allocations: self.allocations - earlier.allocations,
            frees: self.frees - earlier.frees,
            bytes_allocated: self.bytes_allocated - earlier.bytes_allocated,
            bytes_freed: self.bytes_freed - earlier.bytes_freed,
            ..self
        }
    }
}

/// Runs `body` and counts what the calling thread allocated and freed in it.
///
/// Other threads do not show. Calls nest: the outer one counts what the inner one counted too.
///
/// # Panics
///
/// Panics unless [`CountingAllocator`] is the global allocator: a test that counts nothing proves nothing.
pub fn count<R>(body: impl FnOnce() -> R) -> (R, Counts) {
    assert!(
        CountingAllocator::is_installed(),
        "CountingAllocator is not the #[global_allocator]"
    );
    let before = counts();
    COUNTS.set(Counts {
        largest_allocation: 0,
        largest_free: 0,
        ..before
    });
    let result = body();
    let after = counts();
    COUNTS.set(Counts {
        largest_allocation: after.largest_allocation.max(before.largest_allocation),
        largest_free: after.largest_free.max(before.largest_free),
        ..after
    });
    (result, after - before)
}

thread_local! {
    // Constants without destructors: no lazy registration, hence no allocation on first use, and no end of life.
    static COUNTS: Cell<Counts> = const { Cell::new(Counts::ZERO) };
}

fn counts() -> Counts {
    COUNTS.get()
}

fn record_allocation(size: usize) {
    let mut counts = COUNTS.get();
    counts.allocations += 1;
    counts.bytes_allocated += size as u64;
    counts.largest_allocation = counts.largest_allocation.max(size as u64);
    COUNTS.set(counts);
    park_if_armed(Event::Allocation, size);
}

fn record_free(size: usize) {
    let mut counts = COUNTS.get();
    counts.frees += 1;
    counts.bytes_freed += size as u64;
    counts.largest_free = counts.largest_free.max(size as u64);
    COUNTS.set(counts);
    park_if_armed(Event::Free, size);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::OnceLock;
    use std::thread;

    #[global_allocator]
    static ALLOCATOR: CountingAllocator = CountingAllocator;

    #[test]
    fn idle_code_counts_nothing() {
        let (sum, counts) = count(|| hint::black_box(1) + hint::black_box(2));
        assert_eq!(sum, 3);
        assert!(counts.is_zero());
    }

    #[test]
    fn one_box_is_one_allocation_and_one_free() {
        let (kept, counts) = count(|| hint::black_box(Box::new([0u8; 48])));
        assert_eq!(
            (counts.allocations, counts.bytes_allocated, counts.frees),
            (1, 48, 0)
        );
        let ((), counts) = count(|| drop(kept));
        assert_eq!((counts.frees, counts.bytes_freed, counts.allocations), (1, 48, 0));
    }

    #[test]
    fn zeroed_and_grown_memory_is_counted() {
        let (zeroed, counts) = count(|| hint::black_box(vec![0u8; 100]));
        assert_eq!((counts.allocations, counts.largest_allocation), (1, 100));
        let ((), counts) = count(|| {
            let mut grown = zeroed;
            grown.reserve_exact(900);
            hint::black_box(&grown);
        });
        assert_eq!((counts.allocations, counts.frees), (1, 2));
        assert_eq!((counts.bytes_allocated, counts.bytes_freed), (1000, 1100));
    }

    #[test]
    fn largest_sizes_are_those_of_the_counted_part() {
        drop(hint::black_box(vec![0u8; 5000]));
        let ((_, inner), outer) = count(|| {
            drop(hint::black_box(vec![0u8; 300]));
            count(|| drop(hint::black_box(vec![0u8; 200])))
        });
        assert_eq!((inner.largest_allocation, inner.largest_free), (200, 200));
        assert_eq!((outer.largest_allocation, outer.largest_free), (300, 300));
    }

    #[test]
    fn other_threads_do_not_show() {
        let (go, gone) = (OnceLock::new(), OnceLock::new());
        thread::scope(|scope| {
            scope.spawn(|| {
                go.wait();
                drop(hint::black_box(vec![0u8; 5000]));
                gone.set(()).unwrap();
            });
            let ((), counts) = count(|| {
                go.set(()).unwrap();
                while gone.get().is_none() {
                    hint::spin_loop();
                }
            });
            assert_eq!(counts.largest_allocation, 0);
        });
    }
}
