//! The calling thread's pin: as long as one is held, nothing is freed that a lookup on this thread may have found.
//!
//! A thread finds its record in a thread-local that is one word and needs no destructor. A second one has the destructor,
//! which hands the record back when the thread ends. A lookup made after that, by the destructor of yet another
//! thread-local, takes a record for the one call.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;

use crate::domain::Domain;
use crate::record::Record;

#[cfg(not(loom))]
thread_local! {
    /// This thread's record; null before the first pin and after the last.
    static OWN: Cell<*const Record> = const { Cell::new(ptr::null()) };
    static LEASE: Lease = const { Lease };
}

#[cfg(loom)]
loom::thread_local! {
    static OWN: Cell<*const Record> = Cell::new(ptr::null());
}

/// Hands the thread's record back when the thread ends.
#[cfg(not(loom))]
struct Lease;

#[cfg(not(loom))]
impl Drop for Lease {
    fn drop(&mut self) {
        // SAFETY: records are never freed, and this thread owns it.
        if let Some(record) = unsafe { OWN.get().as_ref() }
            && record.leave()
        {
            OWN.set(ptr::null());
        }
    }
}

/// A pin of the calling thread. Stays on it.
#[derive(Debug)]
pub(crate) struct Hold {
    record: &'static Record,
    /// The record is this thread's.
    stays: PhantomData<*const ()>,
}

impl Hold {
    /// Pins the thread.
    #[inline]
    pub(crate) fn new() -> Self {
        // SAFETY: records are never freed.
        let own = unsafe { OWN.with(Cell::get).as_ref() };
        let record = own.unwrap_or_else(|| first_record());
        record.pin();
        Self {
            record,
            stays: PhantomData,
        }
    }
}

impl Drop for Hold {
    #[inline]
    fn drop(&mut self) {
        if self.record.unpin() {
            forget_record();
        }
    }
}

#[cold]
fn first_record() -> &'static Record {
    let record = Domain::global().take_record();
    OWN.with(|own| own.set(record));
    #[cfg(not(loom))]
    if LEASE.try_with(|_| ()).is_err() {
        // The thread is past its lease: the record goes back with the pin that it is taken for.
        record.lend();
    }
    record
}

#[cold]
fn forget_record() {
    OWN.with(|own| own.set(ptr::null()));
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::cell::RefCell;
    use std::sync::mpsc::{Sender, channel};

    use super::{Hold, LEASE, OWN};

    /// Pins when its thread ends, and tells whether that was past the lease, and whether the record is kept.
    struct Late(RefCell<Option<Sender<(bool, bool)>>>);

    impl Drop for Late {
        fn drop(&mut self) {
            drop(Hold::new());
            if let Some(told) = self.0.take() {
                let _ = told.send((LEASE.try_with(|_| ()).is_err(), !OWN.get().is_null()));
            }
        }
    }

    #[test]
    fn a_thread_past_its_lease_forgets_the_record_that_its_pin_gave_back() {
        thread_local! {
            static BEFORE: Late = const { Late(RefCell::new(None)) };
            static AFTER: Late = const { Late(RefCell::new(None)) };
        }
        let (told, late) = channel();
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                // One is registered before the lease and one after it: whichever way round the system runs them, one of them
                // comes after.
                BEFORE.with(|late| late.0.replace(Some(told.clone())));
                drop(Hold::new());
                AFTER.with(|late| late.0.replace(Some(told.clone())));
            });
            thread.join().unwrap();
        });
        drop(told);
        let late: Vec<_> = late.iter().collect();
        // Kept within the lease, for the next pin, and not after: another thread may have it.
        assert!(
            late.iter().all(|(is_past, is_kept)| is_past != is_kept),
            "{late:?}"
        );
        assert!(late.iter().any(|(is_past, _)| *is_past));
    }
}
