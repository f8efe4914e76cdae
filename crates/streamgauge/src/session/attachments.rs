//! What few sessions have, behind one word of each: text of the program's own, writers, stripes, tasks that wait.
//!
//! Made when the first of them is asked for, and never taken away while the session lives. Two threads that make them at
//! once both allocate, and one allocation stands: nobody waits. The word is once_cell's `OnceBox`, since std's `OnceLock`
//! takes two words; `sync` names it.

use super::stripes::Stripes;
use super::waiters::Waiters;
use super::writer::{Counts, WriterCells};
use crate::collector::population::Population;
use crate::slot::OptionalSlot;
use crate::sync::{AtomicBool, OnceBox, Ordering};

/// The attachments of one session.
#[derive(Debug)]
pub(super) struct Attachments {
    pub(super) extra: OptionalSlot<Box<str>>,
    pub(super) writers: WriterCells,
    pub(super) waiters: Waiters,
    stripes: OnceBox<Stripes>,
}

impl Attachments {
    pub(super) fn stripes(&self) -> Option<&Stripes> {
        self.stripes.get()
    }

    pub(super) fn stripes_or_make(&self, counts_packets: bool) -> &Stripes {
        self.stripes
            .get_or_init(|| Box::new(Stripes::new(counts_packets)))
    }

    /// Counts with those of the writers and stripes; `None` where a stripe has closed.
    #[cold]
    pub(super) fn add_to(&self, counts: Counts) -> Option<Counts> {
        let counts = counts.plus(self.writers.counts());
        match self.stripes() {
            Some(stripes) => Some(counts.plus(stripes.read()?)),
            None => Some(counts),
        }
    }

    /// Lets the cells of dropped writers go.
    #[cold]
    pub(super) fn let_writers_go(&self, population: &Population) {
        population.leave_writers(self.writers.let_go());
    }
}

/// Whether a session has attachments, to be asked on the line of its bytes: most have none, and a collection asks all.
#[derive(Debug)]
pub(super) struct HasAttachments(AtomicBool);

impl HasAttachments {
    pub(super) fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Said by whoever asked for the attachments, before it counts by way of them.
    pub(super) fn set(&self) {
        // Release: the attachments are there before this says so. Pairs with Acquire in get(). A count by a writer or in a
        // stripe that returned before a collection began comes after this, so the collection finds it [M5].
        self.0.store(true, Ordering::Release);
    }

    #[inline]
    pub(super) fn get(&self) -> bool {
        // Acquire: pairs with Release in set() [M5].
        self.0.load(Ordering::Acquire)
    }
}

/// One word: a session's attachments, once there are any.
#[derive(Debug)]
pub(super) struct Attached(OnceBox<Attachments>);

impl Attached {
    pub(super) fn nothing() -> Self {
        Self(OnceBox::new())
    }

    #[inline]
    pub(super) fn get(&self) -> Option<&Attachments> {
        self.0.get()
    }

    pub(super) fn get_or_make(&self) -> &Attachments {
        self.0.get_or_init(|| {
            Box::new(Attachments {
                extra: OptionalSlot::empty(),
                writers: WriterCells::default(),
                waiters: Waiters::default(),
                stripes: OnceBox::new(),
            })
        })
    }
}
