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
//! Sessions stay listed until a summary that has them is published (see [`Intake::forget_opened`]), so that `active()` finds
//! every session in the intake or in the summary.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::clock::Moment;
use crate::session::core::{Final, SessionCore};
use crate::sync::lock;
use crate::verdict::CloseReason;

/// A closed session and what its closer took.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) session: Arc<SessionCore>,
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
    opened: VecDeque<Arc<SessionCore>>,
    ended: Vec<Ended>,
    relabelled: Vec<Arc<SessionCore>>,
    is_shut: bool,
}

impl Intake {
    pub(crate) fn open(&self) -> MutexGuard<'_, Desk> {
        lock(&self.desk)
    }
}

impl Desk {
    /// Announces a new session.
    pub(crate) fn announce(&mut self, session: &Arc<SessionCore>) -> Result<(), Shut> {
        if self.is_shut {
            return Err(Shut);
        }
        session.population().enter_open();
        self.opened.push_back(Arc::clone(session));
        Ok(())
    }

    /// Closes a session and records its final; `false` if it was closed already.
    pub(crate) fn close(&mut self, session: &Arc<SessionCore>, reason: CloseReason, at: Moment) -> bool {
        let Some(taken) = session.close(reason) else {
            return false;
        };
        self.ended.push(Ended {
            session: Arc::clone(session),
            taken,
            reason,
            at,
        });
        true
    }

    /// Says that a session's extra changed.
    pub(crate) fn relabel(&mut self, session: &Arc<SessionCore>) {
        self.relabelled.push(Arc::clone(session));
    }

    pub(crate) fn shut(&mut self) {
        self.is_shut = true;
    }

    /// The sessions that no published summary has, in order of registration.
    pub(crate) fn opened(&self) -> impl Iterator<Item = &Arc<SessionCore>> {
        self.opened.iter()
    }

    /// Drops the first `published` of [`opened`](Self::opened).
    pub(crate) fn forget_opened(&mut self, published: usize) {
        self.opened.drain(..published.min(self.opened.len()));
    }

    pub(crate) fn take_ended(&mut self) -> Vec<Ended> {
        std::mem::take(&mut self.ended)
    }

    pub(crate) fn take_relabelled(&mut self) -> Vec<Arc<SessionCore>> {
        std::mem::take(&mut self.relabelled)
    }
}
