//! A collector without its threads: what they, its handles and its companions share.
//!
//! Locks, in the order in which one thread may take them: the collection's, then those of the roster. `begun` and the
//! health board's are held for a moment each, with nothing taken inside.

use std::sync::Arc;

use crossbeam_utils::CachePadded;

use super::admission::Turnstile;
use super::companions::Companions;
use super::config::CollectorConfig;
use super::limits::{LimitWords, Limits};
use super::roster::Roster;
use crate::clock::{Clock, Moment};
use crate::direction::{Direction, PerDirection};
use crate::event::{ClosedSession, SessionEvent};
use crate::health::{Health, HealthBoard, contain};
use crate::history::ledger::Ledger;
use crate::sampler::collection::{Collection, Purpose};
use crate::session::waiters::Wakers;
use crate::slot::Slot;
use crate::stats::Stats;
use crate::summary::Summary;
use crate::summary::active::as_bitrate;
use crate::sync::{AtomicF64, Mutex, Ordering, lock};
use crate::verdict::CloseReason;
use crate::worker::Worker;
use crate::worker::outlet::Outlet;
use crate::worker::persister::{Offer, Persister, Recovered};

/// A collector's shared state.
#[derive(Debug)]
pub(crate) struct CollectorCore {
    pub(crate) config: CollectorConfig,
    pub(crate) roster: Arc<Roster>,
    pub(crate) clock: Clock,
    pub(crate) companions: Companions,
    pub(crate) turnstile: Turnstile,
    pub(crate) limits: LimitWords,
    pub(crate) health: Arc<HealthBoard>,
    summary: Slot<Summary>,
    bitrates: CachePadded<PerDirection<Bitrate>>,
    /// How many collections have begun.
    begun: Mutex<u64>,
    state: Mutex<State>,
    worker: Arc<Worker>,
    outlet: Arc<Outlet>,
    persister: Option<Arc<Persister>>,
}

#[derive(Debug)]
struct State {
    collection: Collection,
    is_finished: bool,
    /// The history is somebody else's now.
    is_released: bool,
    /// The sampler panicked in here: what is in the collection may not add up any more.
    is_broken: bool,
    /// Has the next collection panic, which nothing outside can.
    #[cfg(all(test, not(loom)))]
    planted: Option<Planted>,
    persisted_at: u64,
    /// What was last offered to the store: the books' revision, and what the active and the pending sessions moved. One of
    /// them changes with whatever a store keeps. Their sum would not do: an activation moves a session from one to the other.
    /// None where the store is known to have other than that.
    persisted: Option<(u64, [Stats; 2])>,
}

/// Where a collection is to panic: before it did anything, or after all of it.
#[cfg(all(test, not(loom)))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Planted {
    Before,
    After,
}

/// What a collector is made of beside its configuration.
pub(crate) struct Parts {
    pub(crate) name: Arc<str>,
    pub(crate) clock: Clock,
    pub(crate) worker: Arc<Worker>,
    pub(crate) ledger: Ledger,
    pub(crate) health: Arc<HealthBoard>,
    pub(crate) persister: Option<Arc<Persister>>,
    /// What was loaded into the ledger beside ended sessions.
    pub(crate) recovered: Recovered,
}

impl CollectorCore {
    pub(crate) fn new(config: CollectorConfig, parts: Parts) -> Self {
        let Parts {
            name,
            clock,
            worker,
            ledger,
            health,
            persister,
            recovered,
        } = parts;
        let now = clock.now();
        let labels = Arc::clone(ledger.labels());
        let roster = Arc::new(Roster::new(&config, clock.clone(), labels, recovered.next_serial));
        let outlet = Arc::new(Outlet::new(&config, Arc::clone(&health)));
        if outlet.is_observed()
            && let Some(at) = recovered.saved_at
        {
            for session in &recovered.sessions {
                let closed = ClosedSession::recovered(&name, session, at);
                outlet.offer(SessionEvent::Closed(closed), &worker);
            }
        }
        let persisted = (!recovered.is_to_be_saved).then(|| (ledger.revision(), [Stats::default(); 2]));
        let mut collection = Collection::new(
            &config,
            Arc::clone(&roster),
            name,
            ledger,
            Arc::clone(&health),
            now,
        );
        let summary = Slot::new(Arc::default());
        // The first summary shows the limits, and the history that was loaded.
        collection.collect(Purpose::Refresh, now, &summary, false);
        Self {
            limits: LimitWords::new(Limits::of(&config)),
            config,
            roster,
            clock,
            companions: Companions::new(),
            turnstile: Turnstile::default(),
            health,
            summary,
            bitrates: CachePadded::new(PerDirection::default()),
            begun: Mutex::new(0),
            state: Mutex::new(State {
                collection,
                is_finished: false,
                is_released: false,
                is_broken: false,
                #[cfg(all(test, not(loom)))]
                planted: None,
                persisted_at: now.monotonic,
                persisted,
            }),
            worker,
            outlet,
            persister,
        }
    }

    #[inline]
    pub(crate) fn summary(&self) -> Arc<Summary> {
        self.summary.load_full()
    }

    #[inline]
    pub(crate) fn with_summary<R>(&self, read: impl FnOnce(&Summary) -> R) -> R {
        read(&self.summary.load())
    }

    #[inline]
    pub(crate) fn bitrate(&self, direction: Direction) -> f64 {
        self.bitrates.get(direction).read()
    }

    pub(crate) fn top_bitrate(&self, direction: Direction) -> f64 {
        as_bitrate(self.roster.population.tops().read(direction))
    }

    /// Under the collection's lock, so that no summary shows some of them as they were before.
    pub(crate) fn set_limits(&self, limits: Limits) {
        if self.roster.is_forked() {
            return;
        }
        let mut state = lock(&self.state);
        self.limits.write(limits);
        state.collection.set_limits(limits);
    }

    pub(crate) fn companion_bitrate(&self, direction: Direction) -> f64 {
        self.bitrate(direction) + self.companions.sum(|companion| companion.bitrate(direction))
    }

    pub(crate) fn companion_top_bitrate(&self, direction: Direction) -> f64 {
        self.top_bitrate(direction) + self.companions.sum(|companion| companion.top_bitrate(direction))
    }

    pub(crate) fn health(&self) -> Health {
        self.health.read()
    }

    /// One tick at the clock's now, which it answers on the monotonic clock.
    pub(crate) fn tick(&self) -> u64 {
        if self.roster.is_forked() {
            return self.clock.now().monotonic;
        }
        let mut state = lock(&self.state);
        // Read under the lock: another collection may have held it for long.
        let now = self.clock.now();
        if !state.is_finished {
            self.collect(&mut state, Purpose::Tick, now);
            self.persist_if_due(&mut state, now);
        }
        let waiters = state.collection.take_waiters();
        drop(state);
        waiters.wake();
        self.roster.table.reclaim();
        self.worker.run_pending();
        now.monotonic
    }

    /// A summary of this very moment. Callers that arrive while a collection runs share the next one.
    pub(crate) fn refresh(&self) -> Arc<Summary> {
        if self.roster.is_forked() {
            return self.summary();
        }
        let arrival = *lock(&self.begun);
        let mut state = lock(&self.state);
        // A collection that began after the arrival has seen everything that this one would have to.
        let is_served = *lock(&self.begun) > arrival;
        if !is_served {
            self.collect(&mut state, Purpose::Refresh, self.clock.now());
        }
        // Under the lock: what is loaded is that collection's summary, or a later one's.
        let summary = self.summary();
        let waiters = state.collection.take_waiters();
        drop(state);
        waiters.wake();
        if !is_served {
            self.roster.table.reclaim();
        }
        self.worker.run_pending();
        summary
    }

    /// Closes all sessions, accounts and persists them, and publishes for the last time. Once more it does nothing, but for
    /// a save that failed: that is tried again.
    pub(crate) fn finish(&self) {
        if self.roster.is_forked() {
            return;
        }
        self.roster.intake.open().shut();
        let mut state = lock(&self.state);
        let mut waiters = Wakers::default();
        if !state.is_finished {
            state.is_finished = true;
            if state.is_broken {
                waiters.append(self.roster.close_all(CloseReason::Stopped));
            } else {
                self.collect(&mut state, Purpose::Stop, self.clock.now());
                self.offer_snapshot(&mut state, Persister::is_in_doubt);
            }
            for bitrate in [&self.bitrates.rx, &self.bitrates.tx] {
                bitrate.write(0.0);
            }
            self.health.note(|health| health.is_stopped = true);
        } else if !state.is_released && self.persister.as_ref().is_some_and(|one| one.is_to_be_retried()) {
            // No interval does.
            self.offer_snapshot(&mut state, Persister::has_failed);
        }
        waiters.append(state.collection.take_waiters());
        drop(state);
        waiters.wake();
        self.roster.table.reclaim();
        // Also for who comes second: the write is done when it returns.
        if let Some(persister) = &self.persister {
            persister.run();
        }
    }

    /// Finishes for good: nothing is written any more when it returns, and later stops try nothing again. Another collector
    /// may have the history then. Inside the store's own save it returns before that is done.
    pub(crate) fn release(&self) {
        self.finish();
        lock(&self.state).is_released = true;
        // A stop that came in between may have offered once more.
        if let Some(persister) = &self.persister {
            persister.run();
            persister.release();
        }
    }

    fn collect(&self, state: &mut State, purpose: Purpose, now: Moment) {
        if state.is_broken {
            return;
        }
        *lock(&self.begun) += 1;
        let is_observed = self.outlet.is_observed();
        let collected = contain(|| {
            #[cfg(all(test, not(loom)))]
            assert!(state.planted != Some(Planted::Before), "planted");
            let events = state.collection.collect(purpose, now, &self.summary, is_observed);
            #[cfg(all(test, not(loom)))]
            assert!(state.planted != Some(Planted::After), "planted");
            events
        });
        let events = match collected {
            Ok(events) => events,
            Err(message) => {
                state.is_broken = true;
                self.health.note(|health| health.sampler_failure = Some(message));
                return;
            }
        };
        for event in events {
            self.outlet.offer(event, &self.worker);
        }
        if purpose == Purpose::Tick {
            let bitrates = state.collection.bitrates();
            self.bitrates.rx.write(bitrates.rx);
            self.bitrates.tx.write(bitrates.tx);
            let took = self.clock.now().since(now.monotonic);
            self.health.note(|health| {
                health.last_tick = Some(now.wall);
                health.last_tick_duration = took;
            });
        }
    }

    fn persist_if_due(&self, state: &mut State, now: Moment) {
        let interval = self.config.persist_interval;
        if interval.is_zero() || now.since(state.persisted_at) < interval {
            return;
        }
        state.persisted_at = now.monotonic;
        let Some(persister) = &self.persister else { return };
        if self.offer_snapshot(state, Persister::has_failed) || persister.take_work() {
            self.worker.persist(persister);
        }
    }

    /// Hands the history over, and the open sessions of the summary that was published last, if either changed since the
    /// last time or `is_lost` says that this is to be written again; answers whether a write is to be asked for.
    fn offer_snapshot(&self, state: &mut State, is_lost: impl FnOnce(&Persister) -> bool) -> bool {
        let Some(persister) = &self.persister else {
            return false;
        };
        // The books of a broken collection and the summary before it are not of one moment.
        if state.is_broken {
            return false;
        }
        // Under the collection's lock: this is the summary of the collection that the books are of.
        let summary = self.summary();
        let current = (state.collection.revision(), [summary.live, summary.pending]);
        if Some(current) == state.persisted && !is_lost(persister) {
            return false;
        }
        state.persisted = Some(current);
        persister.offer(Offer {
            ended: state.collection.snapshot(),
            changed: state.collection.take_changes(),
            summary,
        })
    }
}

/// A bitrate that the sampler writes and anyone reads.
#[derive(Debug, Default)]
pub(crate) struct Bitrate(AtomicF64);

impl Bitrate {
    #[inline]
    pub(crate) fn read(&self) -> f64 {
        // Relaxed: one number [M6].
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn write(&self, bitrate: f64) {
        // Relaxed: one number [M6].
        self.0.store(bitrate, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod broken;

#[cfg(all(test, not(loom)))]
mod tests {
    use std::time::Duration;

    use super::{Clock, CollectorConfig, CollectorCore, HealthBoard, Ledger, Parts, Recovered, Worker};
    use crate::clock::ManualClock;
    use crate::collector::roster::{Application, Registration};
    use crate::table::{Claim, Lookup};
    use std::sync::Arc;

    fn core(clock: &ManualClock) -> CollectorCore {
        let config = CollectorConfig::default();
        let parts = Parts {
            name: Arc::default(),
            clock: Clock::Manual(clock.clone()),
            worker: Arc::new(Worker::inline()),
            ledger: Ledger::new(config.max_history_keys),
            health: Arc::<HealthBoard>::default(),
            persister: None,
            recovered: Recovered::default(),
        };
        CollectorCore::new(config, parts)
    }

    #[test]
    fn p5_a_closed_session_leaves_the_table_whoever_closed_it() {
        let clock = ManualClock::default();
        let core = core(&clock);
        let is_there = |id: &[u8]| core.roster.table.with(id, |_| ()).is_some();
        let register = |id| {
            let application = Application {
                id,
                reference: "",
                location: "",
                peer: "",
            };
            match core.roster.register(&application, |_| {}) {
                Registration::New(session) => session,
                _ => panic!("not new"),
            }
        };
        register(b"expired");
        clock.advance(Duration::from_secs(5));
        core.tick();
        assert!(!is_there(b"expired"));
        let unregistered = register(b"unregistered");
        assert!(is_there(b"unregistered"));
        core.roster.unregister(&unregistered);
        assert!(!is_there(b"unregistered"));
        register(b"stopped");
        core.finish();
        assert!(!is_there(b"stopped"));
    }

    #[test]
    fn a_young_session_divides_by_its_age_also_where_an_older_stamp_follows_it() {
        let clock = ManualClock::default();
        let core = core(&clock);
        let stamp_of_a_slow_registration = core.clock.now();
        for _ in 0..20 {
            clock.advance(Duration::from_secs(1));
            core.tick();
        }
        let announce = |id: &[u8], at| {
            let (labels, _) = crate::session::labels::Labels::new("", "", "", 9, |text| text.into());
            let session = crate::session::core::SessionCore::new(
                labels,
                crate::collector::config::Activation::OnTraffic,
                false,
            );
            let session = crate::session::core::SessionRef::new(id, session);
            let desk = || {
                core.roster
                    .intake
                    .open()
                    .announce(&core.roster.population, &session, at)
            };
            assert!(core.roster.population.enter_tracked(9));
            let claim = core.roster.table.claim(&session, || desk().map_err(|_| ()));
            assert!(matches!(claim, Claim::Inserted));
            session
        };
        let young = announce(b"young", core.clock.now());
        // It read the clock long ago, and was kept from the table's lock since.
        announce(b"slow", stamp_of_a_slow_registration);
        young.count(crate::direction::Direction::Ingress, 1_000, || {
            &core.roster.population
        });
        clock.advance(Duration::from_secs(1));
        core.tick();
        let summary = core.summary();
        let shown = summary.active.iter().next().unwrap().rx_bitrate;
        assert!((shown - 8_000.0).abs() < 1.0, "{shown} bit/s");
    }
}
