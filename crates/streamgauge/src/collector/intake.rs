//! What registrations and closes hand to the sampler.
//!
//! One mutex, taken by cold paths alone; the lock *is* the hand-over:
//!
//! * A registration pushes its session inside the table entry's lock, before any lookup can find it. So a collection that
//!   copies the list after a call returned has the session of that call.
//! * A closer holds the lock from before the phase moves until its final is pushed. So a collection that meets a session
//!   closed without a final takes the lock once more, and then has it.
//! * `stop` shuts the intake under the lock: a registration is either in the list or declined.
//!
//! Sessions stay listed until a summary that has them is published (see [`Desk::forget`]), so that `active()` finds every
//! session in the intake or in the summary. They are listed in batches of a chunk's size, which the sampler shares and
//! takes over as they are, without touching the sessions.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::clock::Moment;
use crate::collector::population::Population;
use crate::session::core::{Final, SessionRef};
use crate::summary::active::Rows;
use crate::sync::{Mutex, MutexGuard, lock};
use crate::verdict::CloseReason;

/// The most sessions of a batch.
pub(crate) const BATCH: usize = 1_024;

/// A closed session and what its closer took.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) session: SessionRef,
    pub(crate) taken: Final,
    pub(crate) reason: CloseReason,
    pub(crate) at: Moment,
}

/// The registration came after the stop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shut;

/// The mailbox of the sampler.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    desk: Mutex<Desk>,
}

/// What lies in the mailbox, while its lock is held.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    /// Full batches, and those that a collection took; in order of registration.
    batches: VecDeque<Arc<Rows>>,
    /// The batch that registrations add to.
    filling: Rows,
    /// The serial of the session that comes next.
    next_serial: u64,
    ended: Vec<Ended>,
    relabelled: Relabelled,
    is_shut: bool,
}

/// Sessions whose extra changed, each once however often it did.
#[derive(Debug, Default)]
pub(crate) struct Relabelled {
    /// By address; the session is kept, so that no other one gets its address.
    sessions: HashMap<usize, SessionRef, ahash::RandomState>,
}

impl Relabelled {
    pub(crate) fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    pub(crate) fn contains(&self, session: &SessionRef) -> bool {
        self.sessions.contains_key(&session.address())
    }

    fn insert(&mut self, session: &SessionRef) {
        self.sessions.insert(session.address(), session.clone());
    }
}

impl Intake {
    /// A mailbox whose sessions have serials from this one on.
    pub(crate) fn from_serial(next_serial: u64) -> Self {
        let desk = Desk {
            next_serial,
            ..Desk::default()
        };
        Self {
            desk: Mutex::new(desk),
        }
    }

    pub(crate) fn open(&self) -> MutexGuard<'_, Desk> {
        lock(&self.desk)
    }
}

impl Desk {
    /// Announces a session that was registered just now.
    pub(crate) fn announce(
        &mut self,
        population: &Population,
        session: &SessionRef,
        now: Moment,
    ) -> Result<(), Shut> {
        if self.is_shut {
            return Err(Shut);
        }
        population.enter_open();
        self.filling.push(session.clone(), now.into(), self.next_serial);
        self.next_serial += 1;
        if self.filling.len() == BATCH {
            self.end_batch();
        }
        Ok(())
    }

    /// Closes a session and records its final; `false` if it was closed already.
    pub(crate) fn close(
        &mut self,
        population: &Population,
        session: &SessionRef,
        reason: CloseReason,
        at: Moment,
    ) -> bool {
        let Some(taken) = session.close(population, reason) else {
            return false;
        };
        self.ended.push(Ended {
            session: session.clone(),
            taken,
            reason,
            at,
        });
        true
    }

    /// Says that a session's extra changed.
    pub(crate) fn relabel(&mut self, session: &SessionRef) {
        self.relabelled.insert(session);
    }

    pub(crate) fn is_shut(&self) -> bool {
        self.is_shut
    }

    pub(crate) fn shut(&mut self) {
        self.is_shut = true;
    }

    fn end_batch(&mut self) {
        let rows = std::mem::take(&mut self.filling);
        self.batches.push_back(Arc::new(rows));
    }

    /// The sessions that no published summary has, in order of registration. They stay listed until
    /// [`forget`](Self::forget).
    pub(crate) fn batches(&mut self) -> Vec<Arc<Rows>> {
        if self.filling.len() > 0 {
            self.end_batch();
        }
        self.batches.iter().map(Arc::clone).collect()
    }

    /// Takes the first `published` batches out, to be dropped outside the lock.
    pub(crate) fn forget(&mut self, published: usize) -> VecDeque<Arc<Rows>> {
        let rest = self.batches.split_off(published.min(self.batches.len()));
        std::mem::replace(&mut self.batches, rest)
    }

    pub(crate) fn take_ended(&mut self) -> Vec<Ended> {
        std::mem::take(&mut self.ended)
    }

    pub(crate) fn take_relabelled(&mut self) -> Relabelled {
        std::mem::take(&mut self.relabelled)
    }
}
