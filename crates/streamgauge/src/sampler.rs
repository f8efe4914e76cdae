//! The sampler thread: ticks collectors when they are due. One per registry; a stand-alone collector has its own.
//!
//! The thread is a thin wrapper. What a tick does is in [`collection`], a function of the collector's state and the
//! moment it is handed.

pub(crate) mod books;
pub(crate) mod chunk;
pub(crate) mod collection;
pub(crate) mod expiry;
pub(crate) mod lingering;
pub(crate) mod timeline;

use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::clock::{Clock, nanos};
use crate::collector::core::CollectorCore;
use crate::error::Error;
use crate::sync::{Condvar, Mutex, lock};
use crate::worker::Worker;

/// The sampler thread.
#[derive(Debug)]
pub(crate) struct Sampler {
    agenda: Arc<Agenda>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the thread has to do, and the signal that it changed.
#[derive(Debug, Default)]
struct Agenda {
    plan: Mutex<Plan>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Plan {
    appointments: Vec<Appointment>,
    /// Collectors whose stop was asked for on one of their own threads. Each stays here until it is finished.
    to_finish: Vec<Arc<CollectorCore>>,
    is_ending: bool,
    /// The thread, on its way out, finishes all collectors and tells the worker to quit.
    finishes_all: bool,
}

#[derive(Debug)]
struct Appointment {
    core: Arc<CollectorCore>,
    due: u64,
}

impl Sampler {
    /// Starts a sampler thread that has nothing to do yet.
    pub(crate) fn start(clock: Clock, worker: Arc<Worker>) -> Result<Self, Error> {
        let agenda = Arc::new(Agenda::default());
        let shared = Arc::clone(&agenda);
        let thread = thread::Builder::new()
            .name("streamgauge-sampler".to_owned())
            .spawn(move || shared.run(&clock, &worker))
            .map_err(|source| Error::Thread {
                thread: "sampler",
                source,
            })?;
        Ok(Self {
            agenda,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Ticks a collector from now on.
    pub(crate) fn add(&self, core: &Arc<CollectorCore>) {
        let due = core
            .clock
            .now()
            .monotonic
            .saturating_add(nanos(core.config.sample_interval));
        lock(&self.agenda.plan).appointments.push(Appointment {
            core: Arc::clone(core),
            due,
        });
        self.agenda.changed.notify_one();
    }

    /// Ticks a collector no more; a tick under way may still end later.
    pub(crate) fn remove(&self, core: &Arc<CollectorCore>) {
        lock(&self.agenda.plan)
            .appointments
            .retain(|appointment| !Arc::ptr_eq(&appointment.core, core));
    }

    /// Has the thread finish a collector, for a caller that must not wait.
    pub(crate) fn ask_to_finish(&self, core: &Arc<CollectorCore>) {
        self.remove(core);
        lock(&self.agenda.plan).to_finish.push(Arc::clone(core));
        self.agenda.changed.notify_one();
    }

    /// Finishes what [`ask_to_finish`](Self::ask_to_finish) was asked for and is not finished yet. Waits for the disk.
    pub(crate) fn finish_asked(&self) {
        // A statement of its own, so that the plan is not locked meanwhile.
        let asked = lock(&self.agenda.plan).to_finish.clone();
        for core in asked {
            core.finish();
        }
    }

    /// Has the thread finish all its collectors, tell the worker to quit, and end. Returns at once.
    pub(crate) fn ask_to_end(&self) {
        let mut plan = lock(&self.agenda.plan);
        plan.is_ending = true;
        plan.finishes_all = true;
        drop(plan);
        self.agenda.changed.notify_one();
    }

    /// Ends the thread and waits until it has.
    pub(crate) fn join(&self) {
        lock(&self.agenda.plan).is_ending = true;
        self.agenda.changed.notify_one();
        if let Some(thread) = lock(&self.thread).take() {
            // What it panicked with was noted where it was caught.
            drop(thread.join());
        }
    }
}

impl Agenda {
    fn run(&self, clock: &Clock, worker: &Worker) {
        let mut plan = lock(&self.plan);
        loop {
            if let Some(core) = plan.to_finish.first().map(Arc::clone) {
                drop(plan);
                core.finish();
                plan = lock(&self.plan);
                plan.to_finish.retain(|finished| !Arc::ptr_eq(finished, &core));
            } else if plan.is_ending {
                break;
            } else if let Some(core) = plan.next_due(clock.now().monotonic) {
                drop(plan);
                let ticked_at = core.tick();
                plan = lock(&self.plan);
                // From that tick, not from when it was due: ticks are never closer than the interval, so each one rolls.
                plan.postpone(
                    &core,
                    ticked_at.saturating_add(nanos(core.config.sample_interval)),
                );
            } else {
                plan = match plan.earliest() {
                    Some(due) => {
                        let wait = Duration::from_nanos(due.saturating_sub(clock.now().monotonic));
                        let waited = self.changed.wait_timeout(plan, wait);
                        waited.unwrap_or_else(PoisonError::into_inner).0
                    }
                    None => self.changed.wait(plan).unwrap_or_else(PoisonError::into_inner),
                };
            }
        }
        if plan.finishes_all {
            let cores: Vec<_> = plan
                .appointments
                .drain(..)
                .map(|appointment| appointment.core)
                .collect();
            drop(plan);
            for core in cores {
                core.finish();
            }
            worker.quit();
        }
    }
}

impl Plan {
    fn next_due(&self, now: u64) -> Option<Arc<CollectorCore>> {
        let due = self
            .appointments
            .iter()
            .filter(|appointment| appointment.due <= now);
        due.min_by_key(|appointment| appointment.due)
            .map(|appointment| Arc::clone(&appointment.core))
    }

    fn earliest(&self) -> Option<u64> {
        self.appointments.iter().map(|appointment| appointment.due).min()
    }

    fn postpone(&mut self, core: &Arc<CollectorCore>, due: u64) {
        let appointment = self
            .appointments
            .iter_mut()
            .find(|appointment| Arc::ptr_eq(&appointment.core, core));
        if let Some(appointment) = appointment {
            appointment.due = due;
        }
    }
}
