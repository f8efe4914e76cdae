//! Who waits for a session's close.
//!
//! A task that waits lists its waker and looks at the phase after that; the closer moves the phase and takes the list after
//! that. So either the closer finds the waker, or the task finds the session closed. The look at the phase takes a place in
//! its modification order ([`Phase::is_open_in_order`](super::phase::Phase::is_open_in_order)), also where the list was
//! made just now.
//!
//! Wakers are other people's code: they are cloned, woken and dropped with no lock held.

use std::task::Waker;

use super::core::SessionCore;
use crate::health::contain;
use crate::sync::{Mutex, lock};

/// The tasks that wait for one session's close.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    list: Mutex<List>,
}

#[derive(Debug, Default)]
struct List {
    next_place: u64,
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    place: u64,
    waker: Waker,
}

impl Waiters {
    /// Lists a waker in place of the one that stands at `place`, or at a new one, if `is_open` holds after that; answers
    /// where it stands.
    pub(super) fn enter(
        &self,
        place: Option<u64>,
        waker: Waker,
        is_open: impl FnOnce() -> bool,
    ) -> Option<u64> {
        let mut list = lock(&self.list);
        // The closer takes the list after it moved the phase: it waits for this lock, or has let go of it before.
        if !is_open() {
            return None;
        }
        let listed = place.and_then(|place| list.waiting.iter_mut().find(|waiting| waiting.place == place));
        let (place, replaced) = match listed {
            Some(waiting) => (waiting.place, Some(std::mem::replace(&mut waiting.waker, waker))),
            None => (list.append(waker), None),
        };
        drop(list);
        drop(replaced);
        Some(place)
    }

    /// Takes a waker off the list, if it is there.
    pub(super) fn leave(&self, place: u64) {
        let mut list = lock(&self.list);
        let index = list.waiting.iter().position(|waiting| waiting.place == place);
        let left = index.map(|index| list.waiting.swap_remove(index));
        drop(list);
        drop(left);
    }

    /// Takes all, to be woken. Called by the closer, after the phase moved.
    pub(super) fn take(&self) -> Wakers {
        let waiting = std::mem::take(&mut lock(&self.list).waiting);
        Wakers(waiting.into_iter().map(|waiting| waiting.waker).collect())
    }
}

impl List {
    fn append(&mut self, waker: Waker) -> u64 {
        let place = self.next_place;
        self.next_place += 1;
        self.waiting.push(Waiting { place, waker });
        place
    }
}

impl SessionCore {
    /// Lists a task that waits for the close, at `place` if it has one, and answers its place; none if the session has closed.
    ///
    /// The session does not say that it has attachments: who waits counts nothing, so a collection has no business with it.
    pub(crate) fn await_close(&self, place: Option<u64>, waker: Waker) -> Option<u64> {
        self.attached()
            .get_or_make()
            .waiters
            .enter(place, waker, || self.is_open_in_order())
    }

    /// Takes a task off the list.
    pub(crate) fn await_close_no_more(&self, place: u64) {
        if let Some(attachments) = self.attached().get() {
            attachments.waiters.leave(place);
        }
    }

    /// Takes those who wait for the close, to be woken. The closer does, after [`close`](Self::close).
    pub(crate) fn take_waiters(&self) -> Wakers {
        self.attached()
            .get()
            .map(|attachments| attachments.waiters.take())
            .unwrap_or_default()
    }

    /// How many wait.
    #[cfg(all(test, not(loom)))]
    pub(super) fn waiting(&self) -> usize {
        self.attached()
            .get()
            .map_or(0, |attachments| lock(&attachments.waiters.list).waiting.len())
    }
}

/// The wakers of sessions that have closed, to be woken once no lock is held any more.
#[derive(Debug, Default)]
#[must_use]
pub(crate) struct Wakers(Vec<Waker>);

impl Wakers {
    pub(crate) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Wakes them all. One that panics keeps the others from nothing.
    pub(crate) fn wake(self) {
        for waker in self.0 {
            // A task that cannot be woken is its executor's, and nobody is there to be told.
            let _panicked = contain(|| waker.wake());
        }
    }
}
