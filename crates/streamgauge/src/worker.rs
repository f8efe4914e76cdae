//! The worker: where observers are called and histories written, so that neither delays a tick.
//!
//! A thread, or, for manual collectors, a queue that the caller of a tick works off before it returns.

pub(crate) mod outlet;
pub(crate) mod persister;

use std::collections::VecDeque;
use std::sync::{Arc, TryLockError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crossbeam_channel::{Receiver, SendError, Sender, unbounded};

use self::outlet::Outlet;
use self::persister::Persister;
use crate::error::Error;
use crate::event::SessionEvent;
use crate::health::HealthBoard;
use crate::sync::{Mutex, lock};

/// Something for the worker to do. Each collector has at most `max_queued_events` events and two writes in the queue.
#[derive(Debug)]
enum Job {
    Deliver(Arc<Outlet>, Box<SessionEvent>),
    Persist(Arc<Persister>),
    Quit,
}

/// The worker of a collector, or of all collectors of a registry.
#[derive(Debug)]
pub(crate) struct Worker {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Thread {
        jobs: Sender<Job>,
        thread: ThreadId,
        /// Disconnects when the thread ends.
        ended: Receiver<()>,
        /// Set when nobody waits any more: what is left is counted and not delivered.
        is_abandoned: Arc<Mutex<bool>>,
    },
    Inline {
        jobs: Mutex<VecDeque<Job>>,
        /// Held by the thread that works the queue off.
        at_work: Mutex<()>,
    },
}

impl Worker {
    /// Starts a worker thread.
    pub(crate) fn start() -> Result<Self, Error> {
        let (jobs, inbox) = unbounded();
        let (alive, ended) = unbounded();
        let is_abandoned = Arc::new(Mutex::new(false));
        let abandoned = Arc::clone(&is_abandoned);
        let thread = thread::Builder::new()
            .name("streamgauge-worker".to_owned())
            .spawn(move || {
                run(&inbox, &abandoned);
                drop(alive);
            })
            .map_err(|source| Error::Thread {
                thread: "worker",
                source,
            })?;
        Ok(Self {
            kind: Kind::Thread {
                jobs,
                thread: thread.thread().id(),
                ended,
                is_abandoned,
            },
        })
    }

    /// A queue that [`run_pending`](Self::run_pending) works off.
    pub(crate) fn inline() -> Self {
        Self {
            kind: Kind::Inline {
                jobs: Mutex::default(),
                at_work: Mutex::default(),
            },
        }
    }

    /// The thread is gone only after a stop; what is sent then is given up.
    fn send(&self, job: Job) {
        match &self.kind {
            Kind::Thread { jobs, .. } => {
                if let Err(SendError(job)) = jobs.send(job) {
                    work(job, true);
                }
            }
            Kind::Inline { jobs, .. } => lock(jobs).push_back(job),
        }
    }

    fn deliver(&self, outlet: &Arc<Outlet>, event: SessionEvent) {
        self.send(Job::Deliver(Arc::clone(outlet), Box::new(event)));
    }

    /// Has a persister write what it was offered.
    pub(crate) fn persist(&self, persister: &Arc<Persister>) {
        self.send(Job::Persist(Arc::clone(persister)));
    }

    /// Works the queue off, where there is no thread for it. Inside an observer this returns at once: the outer call goes
    /// on with what was added.
    pub(crate) fn run_pending(&self) {
        let Kind::Inline { jobs, at_work } = &self.kind else {
            return;
        };
        while !lock(jobs).is_empty() {
            let _working = match at_work.try_lock() {
                Ok(working) => working,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            loop {
                // A statement of its own, so that the queue is not locked while the job is done.
                let job = lock(jobs).pop_front();
                let Some(job) = job else { break };
                work(job, false);
            }
            // Looked at once more after the queue was found empty and `at_work` let go: a job that came in between met
            // it held, and its sender left it to us.
        }
    }

    /// Whether the calling thread is the worker's.
    pub(crate) fn is_current_thread(&self) -> bool {
        matches!(&self.kind, Kind::Thread { thread, .. } if *thread == thread::current().id())
    }

    /// Has the thread end after the jobs that were sent.
    pub(crate) fn quit(&self) {
        if let Kind::Thread { jobs, .. } = &self.kind {
            drop(jobs.send(Job::Quit));
        }
    }

    /// Waits for the thread to end, but no longer than `timeout`; then it is left to itself, and what it has not
    /// delivered is counted.
    pub(crate) fn wait(&self, timeout: Duration) {
        if let Kind::Thread {
            ended, is_abandoned, ..
        } = &self.kind
        {
            // Nothing is ever sent: an answer before the timeout means that the thread has ended.
            let waited = ended.recv_timeout(timeout);
            if matches!(waited, Err(crossbeam_channel::RecvTimeoutError::Timeout)) {
                *lock(is_abandoned) = true;
            }
        }
    }
}

fn run(inbox: &Receiver<Job>, is_abandoned: &Mutex<bool>) {
    for job in inbox {
        if matches!(job, Job::Quit) {
            break;
        }
        // Read into a place of its own: a lock held over the work would keep `wait` from giving an observer up.
        let is_abandoned = *lock(is_abandoned);
        work(job, is_abandoned);
    }
    for job in inbox.try_iter() {
        work(job, true);
    }
}

/// Does a job and lets go of it. What it holds may be the last of a collector, and of whatever the observer owns.
fn work(job: Job, is_abandoned: bool) {
    let Some(health) = job.health() else { return };
    health.contain(|| match job {
        Job::Deliver(outlet, event) if is_abandoned => outlet.give_up(*event),
        Job::Deliver(outlet, event) => outlet.deliver(&event),
        Job::Persist(persister) => persister.run(),
        Job::Quit => {}
    });
}

impl Job {
    /// Where its collector notes how it fares.
    fn health(&self) -> Option<Arc<HealthBoard>> {
        match self {
            Self::Deliver(outlet, _) => Some(Arc::clone(outlet.health())),
            Self::Persist(persister) => Some(Arc::clone(persister.health())),
            Self::Quit => None,
        }
    }
}
