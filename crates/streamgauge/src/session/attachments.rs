//! What few sessions have, behind one word of each: text of the program's own, and writers.
//!
//! Made when the first of them is asked for, and never taken away while the session lives. Two threads that make them at
//! once both allocate, and one allocation stands: nobody waits. The word is once_cell's `OnceBox`, since std's `OnceLock`
//! takes two words.

use once_cell::race::OnceBox;

use super::writer::{Counts, WriterCells};
use crate::collector::population::Population;
use crate::slot::OptionalSlot;

/// The attachments of one session.
#[derive(Debug)]
pub(super) struct Attachments {
    pub(super) extra: OptionalSlot<Box<str>>,
    pub(super) writers: WriterCells,
}

impl Attachments {
    /// Counts with those of the writers.
    #[cold]
    pub(super) fn add_to(&self, counts: Counts) -> Counts {
        counts.plus(self.writers.counts())
    }

    /// Lets the cells of dropped writers go.
    #[cold]
    pub(super) fn let_writers_go(&self, population: &Population) {
        population.leave_writers(self.writers.let_go());
    }
}

/// One word: a session's attachments, once there are any.
#[derive(Debug)]
pub(super) struct Attached(OnceBox<Attachments>);

impl Attached {
    pub(super) const fn nothing() -> Self {
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
            })
        })
    }
}
