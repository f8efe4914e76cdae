//! A point inside the allocator at which one thread can be parked, for as long as a test wants.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::{Bound, RangeBounds};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::{self, Thread};

use super::CountingAllocator;

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
/// let point = ParkPoint::in_allocation(1 << 20..);
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
    /// A point in an allocation whose bytes are in the range.
    #[must_use]
    pub fn in_allocation<R: RangeBounds<usize>>(bytes: R) -> Self {
        Self::new(Event::Allocation, &bytes)
    }

    /// A point in a free of an allocation whose bytes are in the range.
    #[must_use]
    pub fn in_free<R: RangeBounds<usize>>(bytes: R) -> Self {
        Self::new(Event::Free, &bytes)
    }

    fn new(event: Event, bytes: &impl RangeBounds<usize>) -> Self {
        let place = Place {
            event,
            bytes: (bytes.start_bound().cloned(), bytes.end_bound().cloned()),
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

/// What the allocator is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Allocation,
    Free,
}

/// What an armed thread and its point share.
#[derive(Debug)]
struct Place {
    event: Event,
    bytes: (Bound<usize>, Bound<usize>),
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
    // A constant without a destructor: no allocation on first use, and no end of life.
    static ARMED: Cell<Option<&'static Place>> = const { Cell::new(None) };
}

/// Parks the calling thread where it armed a point for such an event of such a size.
pub(super) fn park_if_armed(event: Event, size: usize) {
    let Some(place) = ARMED.get() else { return };
    if place.event != event || !place.bytes.contains(&size) {
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
    use std::hint;

    use super::{Armed, ParkPoint};
    use std::thread;

    const LARGE: usize = 1 << 20;

    #[test]
    fn thread_parks_in_its_allocation_until_released() {
        let point = ParkPoint::in_allocation(LARGE..);
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
        let point = ParkPoint::in_free(LARGE..);
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
        let point = ParkPoint::in_free(LARGE..);
        thread::scope(|scope| {
            scope.spawn(|| drop(point.arm()));
            assert!(!point.wait_until_parked());
        });
    }

    #[test]
    fn released_point_parks_nobody() {
        let point = ParkPoint::in_allocation(LARGE..);
        point.release();
        let _armed = point.arm();
        assert_eq!(hint::black_box(vec![0u8; LARGE]).len(), LARGE);
        assert!(!point.is_parked());
    }

    #[test]
    fn dropped_point_releases() {
        let point = ParkPoint::in_allocation(LARGE..);
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
        let point = ParkPoint::in_free(LARGE..);
        drop(point.arm());
        drop(point.arm());
    }
}
