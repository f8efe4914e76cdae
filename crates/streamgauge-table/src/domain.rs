//! The epoch, and the records of all threads: what a reclaimer asks before it frees. One for the process.
//!
//! The epoch is a number that reclaimers raise. What was unlinked before a raise may be freed when every pin there is began
//! after it. A record is never freed: a thread that ends hands it back, and another takes it over. So the list only grows, to
//! the most threads that looked something up at once.
//!
//! Readers load the epoch, reclaimers raise it and read the records. Cost of a reclaimer's question: one membarrier, and a
//! line for each record.

use std::ptr::{self, NonNull};

use crate::barrier::Barrier;
use crate::record::Record;
use crate::sync::{AtomicPtr, AtomicU64, Ordering};

/// Where the records are, and the epoch.
#[repr(align(128))]
pub(crate) struct Domain {
    epoch: AtomicU64,
    records: AtomicPtr<Record>,
}

#[cfg(not(loom))]
static DOMAIN: Domain = Domain {
    epoch: AtomicU64::new(1),
    records: AtomicPtr::new(ptr::null_mut()),
};

#[cfg(loom)]
loom::lazy_static! {
    static ref DOMAIN: Domain = Domain {
        epoch: AtomicU64::new(1),
        records: AtomicPtr::new(ptr::null_mut()),
    };
}

impl Domain {
    /// The process's one.
    #[inline]
    pub(crate) fn global() -> &'static Self {
        &DOMAIN
    }

    /// The epoch that a pin begins in; never 0.
    #[inline]
    pub(crate) fn epoch(&self) -> u64 {
        // Acquire: a pin that begins in an epoch sees all that was unlinked before it. Pairs with AcqRel in advance() [M9].
        self.epoch.load(Ordering::Acquire)
    }

    /// Begins a new epoch and answers it: pins that began in it, or later, cannot find what the caller unlinked before.
    pub(crate) fn advance(&self) -> u64 {
        // AcqRel: what was unlinked before the raise is seen by who reads the epoch. Pairs with Acquire in epoch() [M9].
        self.epoch.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// The epoch of the oldest pin that can still find what was unlinked before this call; the highest number if there is no
    /// such pin, and nothing if it could not be found out.
    pub(crate) fn oldest_pin(&self) -> Option<u64> {
        let barrier = Barrier::chosen();
        if !barrier.pass() {
            return None;
        }
        let mut oldest = u64::MAX;
        let mut next = self.first_in_order();
        while let Some(record) = next {
            // SAFETY: records are never freed.
            let record = unsafe { record.as_ref() };
            oldest = record
                .pinned_since(barrier)
                .map_or(oldest, |epoch| oldest.min(epoch));
            next = record.next();
        }
        Some(oldest)
    }

    /// A record for the calling thread: one that was handed back, or a new one.
    #[cold]
    pub(crate) fn take_record(&self) -> &'static Record {
        // Acquire: the records' links. Pairs with AcqRel in publish() [M9].
        let mut next = NonNull::new(self.records.load(Ordering::Acquire));
        while let Some(record) = next {
            // SAFETY: records are never freed.
            let record = unsafe { record.as_ref() };
            if record.take_over() {
                return record;
            }
            next = record.next();
        }
        self.publish(NonNull::from(Box::leak(Box::new(Record::new(Barrier::chosen())))))
    }

    /// Puts a new record at the front of the list.
    fn publish(&self, record: NonNull<Record>) -> &'static Record {
        // Relaxed: the exchange decides [M9].
        let mut first = self.records.load(Ordering::Relaxed);
        loop {
            // SAFETY: the record is the caller's alone until the exchange succeeds.
            unsafe { (*record.as_ptr()).set_next(first) };
            // AcqRel: the record and its link are whole before they can be found; and a reclaimer that has read the list
            // without this record unlinked its batch before its thread's first pin. Pairs with AcqRel in first_in_order()
            // [M9].
            match self
                .records
                .compare_exchange(first, record.as_ptr(), Ordering::AcqRel, Ordering::Relaxed)
            {
                // SAFETY: records are never freed.
                Ok(_) => return unsafe { record.as_ref() },
                Err(found) => first = found,
            }
        }
    }

    /// The first record, read by an exchange that changes nothing: a record that comes later comes after it in the word's
    /// order.
    fn first_in_order(&self) -> Option<NonNull<Record>> {
        // Relaxed: the exchange decides [M9].
        let mut first = self.records.load(Ordering::Relaxed);
        loop {
            // AcqRel: as in publish(), with which it pairs, both ways [M9].
            match self
                .records
                .compare_exchange(first, first, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(first) => return NonNull::new(first),
                Err(found) => first = found,
            }
        }
    }
}
