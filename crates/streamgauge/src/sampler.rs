//! The sampler thread: ticks collectors when they are due. One per registry; a stand-alone collector has its own.
//!
//! The thread is a thin wrapper. What a tick does is in [`collection`], a function of the collector's state and the
//! moment it is handed.

pub(crate) mod books;
pub(crate) mod chunk;
pub(crate) mod collection;
pub(crate) mod expiry;
pub(crate) mod lingering;
pub(crate) mod marks;
pub(crate) mod rate;
pub(crate) mod ring;
pub(crate) mod tally;
pub(crate) mod timeline;

use std::sync::{Arc, PoisonError, Weak};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::Duration;

use crate::clock::{Clock, nanos};
use crate::collector::core::CollectorCore;
use crate::error::Error;
use crate::health::contain;
use crate::sync::{Condvar, Mutex, lock};

/// The sampler thread.
#[derive(Debug)]
pub(crate) struct Sampler {
    agenda: Arc<Agenda>,
    id: ThreadId,
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
    is_ending: bool,
}

#[derive(Debug)]
struct Appointment {
    core: Arc<CollectorCore>,
    due: u64,
}

impl Sampler {
    /// Starts a sampler thread that has nothing to do yet.
    pub(crate) fn start(clock: Clock) -> Result<Self, Error> {
        let agenda = Arc::new(Agenda::default());
        let shared = Arc::clone(&agenda);
        let thread = thread::Builder::new()
            .name("streamgauge-sampler".to_owned())
            .spawn(move || shared.run(&clock))
            .map_err(|source| Error::Thread {
                thread: "sampler",
                source,
            })?;
        Ok(Self {
            agenda,
            id: thread.thread().id(),
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

    /// Has the thread end, once a tick under way has. Returns at once.
    pub(crate) fn end(&self) {
        lock(&self.agenda.plan).is_ending = true;
        self.agenda.changed.notify_one();
    }

    /// Waits until the thread has ended.
    pub(crate) fn join(&self) {
        let thread = lock(&self.thread).take();
        if let Some(thread) = thread {
            // What it panicked with was noted where it was caught.
            drop(thread.join());
        }
    }

    /// Whether the calling thread is the sampler's.
    pub(crate) fn is_current_thread(&self) -> bool {
        self.id == thread::current().id()
    }
}

impl Agenda {
    fn run(&self, clock: &Clock) {
        let mut plan = lock(&self.plan);
        while !plan.is_ending {
            if let Some(core) = plan.next_due(clock.now().monotonic) {
                drop(plan);
                // From that tick, not from when it was due: ticks are never closer than the interval, so each one rolls.
                let due = core.tick().saturating_add(nanos(core.config.sample_interval));
                let ticked = Arc::downgrade(&core);
                // Not under the lock: this may be the last of the collector, and of whatever its observer owns.
                // There is nobody left to tell of a panic in that.
                let _ = contain(|| drop(core));
                plan = lock(&self.plan);
                plan.postpone(&ticked, due);
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
        let left = std::mem::take(&mut plan.appointments);
        drop(plan);
        let _ = contain(|| drop(left));
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

    fn postpone(&mut self, core: &Weak<CollectorCore>, due: u64) {
        let mut appointments = self.appointments.iter_mut();
        if let Some(appointment) = appointments.find(|one| Arc::as_ptr(&one.core) == core.as_ptr()) {
            appointment.due = due;
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::{Appointment, Arc, Clock, CollectorCore, Duration, Plan, Sampler, lock};
    use crate::clock::ManualClock;
    use crate::collector::config::CollectorConfig;
    use crate::collector::core::Parts;
    use crate::event::{SessionEvent, SessionObserver};
    use crate::history::ledger::Ledger;
    use crate::worker::Worker;

    /// Of a clock that is far ahead of the thread's, by which it is never due.
    fn core() -> Arc<CollectorCore> {
        core_of(CollectorConfig::default())
    }

    fn core_of(config: CollectorConfig) -> Arc<CollectorCore> {
        let clock = ManualClock::default();
        clock.advance(Duration::from_secs(1 << 32));
        let parts = Parts {
            name: Arc::default(),
            clock: Clock::Manual(clock),
            worker: Arc::new(Worker::inline()),
            ledger: Ledger::new(9),
            health: Arc::default(),
            persister: None,
        };
        Arc::new(CollectorCore::new(config, parts))
    }

    #[test]
    fn who_is_due_longest_comes_first_and_the_thread_sleeps_until_somebody_is() {
        let (one, other) = (core(), core());
        let appointment = |core: &Arc<CollectorCore>, due| Appointment {
            core: Arc::clone(core),
            due,
        };
        let mut plan = Plan::default();
        assert_eq!(plan.earliest(), None);
        plan.appointments = vec![appointment(&one, 70), appointment(&other, 50)];
        assert_eq!(plan.earliest(), Some(50));
        assert!(plan.next_due(49).is_none());
        let is_next =
            |plan: &Plan, now, core| plan.next_due(now).is_some_and(|next| Arc::ptr_eq(&next, core));
        assert!(is_next(&plan, 50, &other) && is_next(&plan, 99, &other));
        plan.postpone(&Arc::downgrade(&other), 90);
        assert_eq!(plan.earliest(), Some(70));
        assert!(is_next(&plan, 99, &one));
    }

    #[test]
    fn a_collector_that_is_removed_is_let_go_and_the_others_stay() {
        let (one, other) = (core(), core());
        let sampler = Sampler::start(Clock::System).unwrap();
        sampler.add(&one);
        sampler.add(&other);
        sampler.remove(&one);
        let stays = |core| {
            let plan = lock(&sampler.agenda.plan);
            plan.appointments
                .iter()
                .any(|appointment| Arc::ptr_eq(&appointment.core, core))
        };
        assert!(!stays(&one) && stays(&other));
        assert!(!sampler.is_current_thread());
        sampler.end();
        sampler.join();
        assert!(lock(&sampler.thread).is_none());
        // Whatever it had is let go as it ends.
        assert!(!stays(&other));
    }

    /// Tells as it is dropped whether that is on the sampler's thread.
    struct Teller(Arc<Sampler>, Sender<bool>);

    impl SessionObserver for Teller {
        fn on_event(&self, _: &SessionEvent) {}
    }

    impl Drop for Teller {
        fn drop(&mut self) {
            let _ = self.1.send(self.0.is_current_thread());
        }
    }

    #[test]
    fn what_an_observer_drops_on_the_thread_finds_that_it_is_there_and_has_not_to_be_waited_for() {
        let sampler = Arc::new(Sampler::start(Clock::System).unwrap());
        let (tell, told) = channel();
        let only = core_of(CollectorConfig {
            observer: Some(Arc::new(Teller(Arc::clone(&sampler), tell))),
            ..CollectorConfig::default()
        });
        sampler.add(&only);
        drop(only);
        sampler.end();
        assert_eq!(told.recv(), Ok(true));
        sampler.join();
    }
}
