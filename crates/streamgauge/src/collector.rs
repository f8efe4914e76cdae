//! The collector: who is active, how much each moved, how fast, and whether a limit is reached.

pub(crate) mod admission;
pub(crate) mod bitrates;
pub(crate) mod burst;
pub(crate) mod companions;
pub(crate) mod config;
pub(crate) mod core;
pub(crate) mod engine;
pub(crate) mod intake;
pub(crate) mod limits;
pub(crate) mod live;
pub(crate) mod owner;
pub(crate) mod population;
pub(crate) mod roster;

use std::fmt;
use std::sync::{Arc, OnceLock};

use self::admission::Admission;
use self::burst::Burst;
use self::config::CollectorConfig;
use self::core::CollectorCore;
use self::engine::Engine;
use self::owner::{Owner, Placement};
use self::roster::Application;
use crate::clock::ManualClock;
use crate::direction::Direction;
use crate::error::{AdmissionError, Error};
use crate::health::{Health, contain};
use crate::limiter::parse_ip;
use crate::session::{Session, SessionHandle};
use crate::summary::Summary;
use crate::table::Lookup;
use crate::verdict::Verdict;

/// Meters the sessions of one service.
///
/// Cheap to clone; clones are the same collector. Dropping the last one stops it, as [`stop`](Self::stop) does: that may
/// wait for the disk, so in async code drop it where blocking is allowed.
///
/// A program opens a session per client or flow and reports the bytes that pass, in one of three ways: by id
/// ([`ingress`](Self::ingress); [`burst`](Self::burst) for many at once), by handle ([`SessionHandle`], no lookup), or by
/// writer ([`Writer`](crate::Writer), no locked instruction). It reads what the sampler publishes once a second
/// ([`summary`](Self::summary)), or live counters ([`active`](Self::active)).
///
/// ```
/// use std::time::Duration;
/// use streamgauge::{Collector, CollectorConfig, ManualClock, Verdict};
///
/// let clock = ManualClock::default();
/// let collector = Collector::manual(CollectorConfig::default(), clock.clone());
///
/// collector.register("viewer-7", "stream-1", "edge-1", "198.51.100.7");
/// assert_eq!(collector.egress("viewer-7", 1_250_000), Verdict::Counted);
/// assert_eq!(collector.egress("nobody", 1_250_000), Verdict::Unknown);
///
/// clock.advance(Duration::from_secs(1));
/// collector.tick();
/// assert_eq!(collector.egress_bitrate(), 10_000_000.0);
/// assert_eq!(collector.sessions(), 1);
///
/// collector.unregister("viewer-7");
/// let summary = collector.refresh();
/// assert_eq!(summary.history.peers.get("198.51.100.7").unwrap().stats.total_tx_bytes, 1_250_000);
/// ```
#[derive(Clone)]
pub struct Collector {
    inner: Option<Inner>,
}

#[derive(Clone)]
struct Inner {
    core: Arc<CollectorCore>,
    /// Stops the collector when the last clone goes.
    owner: Arc<Owner>,
}

impl Collector {
    /// Starts a collector with a sampler thread and a worker thread of its own.
    ///
    /// Where they cannot be started, or the configuration cannot be followed, the error is logged and the collector is a
    /// [`null`](Self::null) one; [`try_new`](Self::try_new) tells instead.
    #[must_use]
    pub fn new(config: CollectorConfig) -> Self {
        Self::try_new(config).unwrap_or_else(|error| {
            tracing::error!(%error, "a collector could not be started: nothing will be metered");
            Self::null()
        })
    }

    /// Starts a collector with a sampler thread and a worker thread of its own.
    ///
    /// # Errors
    ///
    /// When a thread cannot be started, or the configuration cannot be followed.
    pub fn try_new(config: CollectorConfig) -> Result<Self, Error> {
        config.check()?;
        Ok(Self::placed(config, Placement::alone(Engine::start()?)))
    }

    /// A collector that knows nothing, counts nothing, and allows every IP, at no cost.
    ///
    /// ```
    /// use streamgauge::{Collector, Verdict};
    ///
    /// let collector = Collector::null();
    /// let session = collector.register("a", "stream", "here", "there");
    /// assert_eq!(session.ingress(1_000), Verdict::Counted);
    /// assert_eq!(collector.ingress("a", 1_000), Verdict::Counted);
    /// assert!(!collector.is_known_session("a"));
    /// assert_eq!(collector.summary().totals.total_rx_bytes, 0);
    /// ```
    #[must_use]
    pub fn null() -> Self {
        Self { inner: None }
    }

    /// A collector without threads: the caller brings the time and calls [`tick`](Self::tick).
    ///
    /// Observers are called by the thread that ticks. A configuration that cannot be followed is logged, and makes a
    /// [`null`](Self::null) collector.
    #[must_use]
    pub fn manual(config: CollectorConfig, clock: ManualClock) -> Self {
        if let Err(error) = config.check() {
            tracing::error!(%error, "a collector could not be made: nothing will be metered");
            return Self::null();
        }
        Self::placed(config, Placement::alone(Engine::manual(clock)))
    }

    #[inline]
    fn core(&self) -> Option<&Arc<CollectorCore>> {
        self.inner.as_ref().map(|inner| &inner.core)
    }

    /// What `answer` says of the collector, or `null` where there is none.
    #[inline]
    fn ask<R>(&self, null: R, answer: impl FnOnce(&Arc<CollectorCore>) -> R) -> R {
        self.core().map_or(null, answer)
    }

    /// One sampler tick at the clock's now: closes what was silent for too long, rolls the windows if a sample interval
    /// has passed, publishes a summary, and persists if that is due.
    ///
    /// The sampler thread does this by itself; a manual collector's owner does it. Ticks, refreshes and stops run one at a
    /// time.
    ///
    /// Cost: a pass over all sessions. Bench: tick.
    pub fn tick(&self) {
        self.ask((), |core| {
            core.tick();
        });
    }

    /// Publishes a summary of this very moment, and returns it: bytes are fresh, bitrates those of the last tick, and tops
    /// too, but for those that were set since. Windows do not roll and nothing times out; a session whose counter is full
    /// closes. Calls that arrive while one runs share the next.
    ///
    /// Cost: a pass over all sessions; waits for a tick under way.
    pub fn refresh(&self) -> Arc<Summary> {
        self.ask_or_else(empty_summary, |core| core.refresh())
    }

    #[inline]
    fn ask_or_else<R>(&self, null: impl FnOnce() -> R, answer: impl FnOnce(&Arc<CollectorCore>) -> R) -> R {
        match self.core() {
            Some(core) => answer(core),
            None => null(),
        }
    }

    /// Registers a session. It is pending until its first bytes, or until it is activated.
    ///
    /// An id that is known changes nothing and gives the handle there is. An empty location or peer becomes "unknown"; a
    /// peer that is an IP address becomes its network where `peer_truncation` is set; labels longer than `max_label_bytes`
    /// are cut. `max_sessions` is not looked at: see [`try_register`](Self::try_register). An empty id, one longer than
    /// `max_id_bytes`, a collector that has stopped or is at `max_tracked_sessions`: the handle answers
    /// [`Verdict::Refused`], and the summary counts it.
    ///
    /// Cost: allocations, two locks that no counting call takes, and the clock. Bench: register.
    pub fn register(
        &self,
        id: impl AsRef<[u8]>,
        reference: &str,
        location: &str,
        peer: &str,
    ) -> SessionHandle {
        let application = Application {
            id: id.as_ref(),
            reference,
            location,
            peer,
        };
        self.ask_or_else(SessionHandle::null, |core| {
            let registration = core.roster.register(&application, |_| {});
            core.roster.handle(application.id, registration)
        })
    }

    /// Registers a session and activates it.
    pub fn register_and_activate(
        &self,
        id: impl AsRef<[u8]>,
        reference: &str,
        location: &str,
        peer: &str,
    ) -> SessionHandle {
        let session = self.register(id, reference, location, peer);
        session.activate();
        session
    }

    /// Registers a session if the limits have room for it: the check and the taking of the place are one step.
    ///
    /// Refused when pending and active sessions have reached `max_sessions`, or when the top bitrates of this collector
    /// and its companions, times the headroom, plus what is expected, reach the limit of that direction. What is expected
    /// becomes the session's top bitrate, which every later admission sees, and decays like any top. An id that is
    /// known gives its handle and takes nothing. What sessions then really take may still pass a limit.
    ///
    /// # Errors
    ///
    /// The limit that is reached; or why [`register`](Self::register) would have refused it.
    ///
    /// Cost: as `register`, and a lock for all admissions that can see each other.
    pub fn try_register(
        &self,
        id: impl AsRef<[u8]>,
        reference: &str,
        location: &str,
        peer: &str,
        admission: Admission,
    ) -> Result<SessionHandle, AdmissionError> {
        let application = Application {
            id: id.as_ref(),
            reference,
            location,
            peer,
        };
        self.ask_or_else(
            || Ok(SessionHandle::null()),
            |core| admission::try_register(core, &application, &admission),
        )
    }

    /// The handle of an open session.
    #[must_use]
    pub fn session(&self, id: impl AsRef<[u8]>) -> Option<SessionHandle> {
        let core = self.core()?;
        let session = core.roster.find(id.as_ref())?;
        Some(SessionHandle::new(session, Arc::clone(&core.roster)))
    }

    /// Makes a pending session active. True for the one call that did; false for an unknown id.
    pub fn activate(&self, id: impl AsRef<[u8]>) -> bool {
        self.ask(false, |core| {
            core.roster
                .table
                .with(id.as_ref(), |session| session.activate(&core.roster.population))
                .unwrap_or(false)
        })
    }

    /// Attaches text of the program's own to a session, in place of what was attached before. Cut at `max_label_bytes`.
    pub fn extra(&self, id: impl AsRef<[u8]>, extra: &str) {
        if let Some(session) = self.session(id) {
            session.extra(extra);
        }
    }

    /// Closes a session; false if there is none. The id is unknown as soon as the call returns.
    pub fn unregister(&self, id: impl AsRef<[u8]>) -> bool {
        self.session(id).is_some_and(|session| session.unregister())
    }

    /// Counts `bytes` received by a session. At most 2^48 in one call.
    ///
    /// Answers `Unknown`, never `Closed`, for a session that has closed.
    ///
    /// Cost: a hash, a lookup and one relaxed RMW on the session's own line, two where packets are counted; no lock; no
    /// clock; no alloc; no free. Bench: record/ingress.
    #[inline]
    pub fn ingress(&self, id: impl AsRef<[u8]>, bytes: u64) -> Verdict {
        self.count(id.as_ref(), Direction::Ingress, bytes)
    }

    /// Counts `bytes` sent by a session. As [`ingress`](Self::ingress).
    ///
    /// Cost: as [`ingress`](Self::ingress). Bench: record/ingress.
    #[inline]
    pub fn egress(&self, id: impl AsRef<[u8]>, bytes: u64) -> Verdict {
        self.count(id.as_ref(), Direction::Egress, bytes)
    }

    #[inline]
    fn count(&self, id: &[u8], direction: Direction, bytes: u64) -> Verdict {
        match &self.inner {
            Some(inner) => {
                let roster = &inner.core.roster;
                roster.table.count(&roster.population, id, direction, bytes)
            }
            None => Verdict::Counted,
        }
    }

    /// Counts by id, many calls under one pin of the session table.
    #[must_use]
    #[inline]
    pub fn burst(&self) -> Burst<'_> {
        Burst::new(self.inner.as_ref().map(|inner| &*inner.core.roster))
    }

    /// Whether pending and active sessions, now, have reached `max_sessions`. False where there is no limit.
    #[must_use]
    pub fn is_sessions_exceeded(&self) -> bool {
        self.ask(false, |core| {
            let max = core.limits.max_sessions();
            max != 0 && core.roster.population.open() >= max
        })
    }

    /// Whether an open session has this id.
    #[must_use]
    pub fn is_known_session(&self, id: impl AsRef<[u8]>) -> bool {
        self.ask(false, |core| {
            core.roster
                .table
                .with(id.as_ref(), |session| session.is_open())
                .unwrap_or(false)
        })
    }

    /// Whether traffic of this address is to be metered. Text that is no IP address is not collectable. A limiter that
    /// panics is counted in [`health`](Self::health), and the address is not collectable.
    #[must_use]
    pub fn is_collectable_ip(&self, ip: &str) -> bool {
        self.ask(true, |core| {
            if parse_ip(ip).is_none() {
                return false;
            }
            let Some(limiter) = &core.config.limiter else {
                return true;
            };
            contain(|| limiter.is_allowed(ip)).unwrap_or_else(|_| {
                core.health.note(|health| health.limiter_panics += 1);
                false
            })
        })
    }

    /// The last summary. Never waits.
    ///
    /// Cost: two RMWs on the summary's reference count, its drop's included, and two on a line of this thread's own; no alloc;
    /// no free; no lock.
    #[must_use]
    #[inline]
    pub fn summary(&self) -> Arc<Summary> {
        self.ask_or_else(empty_summary, |core| core.summary())
    }

    /// Reads the last summary without touching its reference count. Never waits.
    ///
    /// Cost: two RMWs on a line of this thread's own; no alloc; no free; no lock.
    #[inline]
    pub fn with_summary<R>(&self, read: impl FnOnce(&Summary) -> R) -> R {
        match self.core() {
            Some(core) => core.with_summary(read),
            None => read(&empty_summary()),
        }
    }

    /// The active sessions now, in order of registration: counts and tops of this moment, bitrates of the last tick.
    ///
    /// Cost: allocations, and for a moment a lock that registrations take. [`summary`](Self::summary) has the same
    /// sessions as of the last tick, for less.
    #[must_use]
    pub fn active(&self) -> Vec<Session> {
        self.ask_or_else(Vec::new, |core| live::active(core))
    }

    /// The active sessions, now.
    ///
    /// Cost: one relaxed load.
    #[must_use]
    pub fn sessions(&self) -> u64 {
        self.ask(0, |core| core.roster.population.active())
    }

    /// How the collector's own machinery fares.
    #[must_use]
    pub fn health(&self) -> Health {
        self.ask_or_else(Health::default, |core| core.health())
    }

    /// Stops: closes all sessions, accounts them, persists, and ends the threads. Idempotent, but for a last save that
    /// failed, as [`health`](Self::health) says: while the collector is registered, the next stop tries that again.
    ///
    /// Reads give the last summary from then on; registrations are refused; handles answer `Closed(Stopped)`. May wait for
    /// the disk, and up to `stop_timeout` for an observer. Called from an observer it does not wait for the threads; nor does a
    /// collector of a registry, whose observer may be told of the last sessions after this returned.
    pub fn stop(&self) {
        if let Some(inner) = &self.inner {
            inner.owner.stop();
        }
    }

    /// The part of [`stop`](Self::stop) that calls no observer: closes, accounts and persists, for good.
    pub(crate) fn release(&self) {
        if let Some(inner) = &self.inner {
            inner.owner.release();
        }
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(core) = self.core() else {
            return f.write_str("Collector(null)");
        };
        f.debug_struct("Collector")
            .field("config", &core.config)
            .finish_non_exhaustive()
    }
}

/// The one summary of all that is not there.
pub(crate) fn empty_summary() -> Arc<Summary> {
    static EMPTY: OnceLock<Arc<Summary>> = OnceLock::new();
    Arc::clone(EMPTY.get_or_init(Arc::default))
}
