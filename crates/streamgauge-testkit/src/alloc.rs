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
//! A [`ParkPoint`] stops the thread that armed it inside its next large allocation or free, for as long as the test
//! wants. It stands for the worst the operating system can do to a thread that grows a table, and shows who waits.
//!
//! Counters are plain thread-local cells without destructors: counting allocates nothing, locks nothing, and works
//! from a thread's first allocation to its last free. A thread that parks sits in [`std::thread::park`], before the
//! system allocator is called, so that it holds none of the system allocator's locks.
#![allow(
    unsafe_code,
    reason = "implementing GlobalAlloc is unsafe; the only module of this crate with unsafe"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint;
use std::marker::PhantomData;
use std::ops::Sub;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::{self, Thread};

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

/// A place inside the allocator where one thread can be made to stop.
///
/// The thread that is to stop calls [`arm`](Self::arm); its next allocation (or free) of at least the given size
/// does not return before [`release`](Self::release). One point parks one thread once. Dropping the point releases.
///
/// The point's state, about a hundred bytes, is leaked on purpose: whatever happens to the test, a thread that is
/// parked in it keeps something valid to look at.
///
/// ```
/// use std::thread;
/// use streamgauge_testkit::{CountingAllocator, ParkPoint};
///
/// #[global_allocator]
/// static ALLOCATOR: CountingAllocator = CountingAllocator;
///
/// let point = ParkPoint::in_allocation(1 << 20);
/// thread::scope(|scope| {
///     let writer = scope.spawn(|| {
///         let _armed = point.arm();
///         vec![1u8; 2 << 20].len()
///     });
///     assert!(point.wait_until_parked());
///     // The writer now stands inside its allocation; show that nobody else waits for it.
///     point.release();
///     assert_eq!(writer.join().unwrap(), 2 << 20);
/// });
/// ```
#[derive(Debug)]
pub struct ParkPoint {
    place: &'static Place,
}

impl ParkPoint {
    /// A point in an allocation of at least `min_bytes`.
    #[must_use]
    pub fn in_allocation(min_bytes: usize) -> Self {
        Self::new(Event::Allocation, min_bytes)
    }

    /// A point in a free of at least `min_bytes`.
    #[must_use]
    pub fn in_free(min_bytes: usize) -> Self {
        Self::new(Event::Free, min_bytes)
    }

    fn new(event: Event, min_bytes: usize) -> Self {
        let place = Place {
            event,
            min_bytes,
            stage: Stage::new(),
            thread: OnceLock::new(),
        };
        Self {
            place: Box::leak(Box::new(place)),
        }
    }

    /// Makes the calling thread park at its next event that fits, while the guard lives.
    ///
    /// # Panics
    ///
    /// Panics where the point was armed before, where the thread has another point armed, or where
    /// [`CountingAllocator`] is not the global allocator.
    pub fn arm(&self) -> Armed {
        assert!(
            CountingAllocator::is_installed(),
            "CountingAllocator is not the #[global_allocator]"
        );
        assert!(ARMED.get().is_none(), "the thread has another point armed");
        // The handle is made here: inside the allocator nothing may allocate.
        assert!(
            self.place.thread.set(thread::current()).is_ok(),
            "the point was armed before"
        );
        ARMED.set(Some(self.place));
        Armed {
            place: self.place,
            not_send: PhantomData,
        }
    }

    /// Waits until the armed thread has parked. False where it let go of its guard, or the point was released,
    /// without that. A thread that never arms the point is waited for without end.
    #[must_use]
    pub fn wait_until_parked(&self) -> bool {
        loop {
            match self.place.stage.now() {
                Stage::WAITING => thread::yield_now(),
                stage => return stage == Stage::PARKED,
            }
        }
    }

    /// Whether the armed thread stands parked right now.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.place.stage.now() == Stage::PARKED
    }

    /// Lets the thread go on; from now on the point parks nobody.
    pub fn release(&self) {
        self.place.stage.finish();
        if let Some(thread) = self.place.thread.get() {
            thread.unpark();
        }
    }
}

impl Drop for ParkPoint {
    fn drop(&mut self) {
        self.release();
    }
}

/// Keeps a [`ParkPoint`] armed for the thread that called [`ParkPoint::arm`].
#[derive(Debug)]
#[must_use = "the point is armed only while this lives"]
pub struct Armed {
    place: &'static Place,
    not_send: PhantomData<*const ()>,
}

impl Drop for Armed {
    fn drop(&mut self) {
        ARMED.set(None);
        self.place.stage.finish();
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Allocation,
    Free,
}

/// What an armed thread and its point share.
#[derive(Debug)]
struct Place {
    event: Event,
    min_bytes: usize,
    stage: Stage,
    thread: OnceLock<Thread>,
}

/// Waiting, then parked, then finished; waiting can go to finished directly, and nothing ever goes back.
#[derive(Debug)]
struct Stage(AtomicU8);

impl Stage {
    const WAITING: u8 = 0;
    const PARKED: u8 = 1;
    const FINISHED: u8 = 2;

    const fn new() -> Self {
        Self(AtomicU8::new(Self::WAITING))
    }

    /// From waiting to parked. False where the point was released first.
    fn park(&self) -> bool {
        // Release: whoever sees the thread parked sees all that it did before. Pairs with Acquire in now().
        // Relaxed: a released point is only passed by; nothing is read on the strength of it.
        self.0
            .compare_exchange(Self::WAITING, Self::PARKED, Ordering::Release, Ordering::Relaxed)
            .is_ok()
    }

    fn finish(&self) {
        // Release: what the test did before it released shows to the thread that goes on. Pairs with Acquire in now().
        self.0.store(Self::FINISHED, Ordering::Release);
    }

    fn now(&self) -> u8 {
        // Acquire: pairs with Release in park() and in finish().
        self.0.load(Ordering::Acquire)
    }
}

thread_local! {
    // Constants without destructors: no lazy registration, hence no allocation on first use, and no end of life.
    static COUNTS: Cell<Counts> = const { Cell::new(Counts::ZERO) };
    static ARMED: Cell<Option<&'static Place>> = const { Cell::new(None) };
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

fn park_if_armed(event: Event, size: usize) {
    let Some(place) = ARMED.get() else { return };
    if place.event != event || size < place.min_bytes {
        return;
    }
    // One shot, and cleared first: should parking itself ever allocate, it does not come here again.
    ARMED.set(None);
    if place.stage.park() {
        while place.stage.now() == Stage::PARKED {
            thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static ALLOCATOR: CountingAllocator = CountingAllocator;

    const LARGE: usize = 1 << 20;

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

    #[test]
    fn thread_parks_in_its_allocation_until_released() {
        let point = ParkPoint::in_allocation(LARGE);
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let _armed = point.arm();
                drop(hint::black_box(vec![0u8; LARGE - 1]));
                vec![0u8; LARGE].len()
            });
            assert!(point.wait_until_parked());
            assert!(point.is_parked() && !writer.is_finished());
            point.release();
            assert_eq!(writer.join().unwrap(), LARGE);
        });
    }

    #[test]
    fn thread_parks_in_its_free_until_released() {
        let point = ParkPoint::in_free(LARGE);
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let _armed = point.arm();
                let large = hint::black_box(vec![0u8; LARGE]);
                drop(large);
                // The second one passes: a point parks once.
                drop(hint::black_box(vec![0u8; LARGE]));
            });
            assert!(point.wait_until_parked());
            // The other threads' allocations and frees go on meanwhile.
            drop(hint::black_box(vec![0u8; LARGE]));
            assert!(!writer.is_finished());
            point.release();
            writer.join().unwrap();
        });
    }

    #[test]
    fn wait_ends_where_the_thread_never_parks() {
        let point = ParkPoint::in_free(LARGE);
        thread::scope(|scope| {
            scope.spawn(|| drop(point.arm()));
            assert!(!point.wait_until_parked());
        });
    }

    #[test]
    fn released_point_parks_nobody() {
        let point = ParkPoint::in_allocation(LARGE);
        point.release();
        let _armed = point.arm();
        assert_eq!(hint::black_box(vec![0u8; LARGE]).len(), LARGE);
        assert!(!point.is_parked());
    }

    #[test]
    fn dropped_point_releases() {
        let point = ParkPoint::in_allocation(LARGE);
        let place = point.place;
        let writer = thread::Builder::new().spawn(move || {
            let _armed = ParkPoint { place }.arm_and_forget_point();
            vec![0u8; LARGE].len()
        });
        assert!(point.wait_until_parked());
        drop(point);
        assert_eq!(writer.unwrap().join().unwrap(), LARGE);
    }

    impl ParkPoint {
        /// A second owner of the same place that must not release it.
        fn arm_and_forget_point(self) -> Armed {
            let armed = self.arm();
            std::mem::forget(self);
            armed
        }
    }

    #[test]
    #[should_panic(expected = "armed before")]
    fn point_is_armed_once() {
        let point = ParkPoint::in_free(LARGE);
        drop(point.arm());
        drop(point.arm());
    }
}
