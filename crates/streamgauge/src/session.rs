//! One session: what it shows, and the handle that counts for it.

mod attachments;
pub(crate) mod closed;
pub(crate) mod core;
pub(crate) mod counter;
pub(crate) mod id;
pub(crate) mod labels;
pub(crate) mod owned;
pub(crate) mod phase;
pub(crate) mod shared;
pub(crate) mod stripes;
pub(crate) mod top;
pub(crate) mod waiters;
pub(crate) mod words;
pub(crate) mod writer;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use self::closed::Closed;
use self::core::SessionRef;
use self::id::{SessionId, SessionIdRef};
use self::owned::OwnedSession;
use self::shared::SharedHandle;
use self::stripes::Stripes;
use self::top::whole_bitrate;
use self::words::Whole;
use self::writer::{Writer, WriterCell};
use crate::collector::roster::Roster;
use crate::direction::Direction;
use crate::error::SessionClosed;
use crate::label::Label;
use crate::summary::active::as_bitrate;
use crate::verdict::{RefuseReason, Verdict};

/// An active session, as a summary or [`Collector::active`](crate::Collector::active) shows it. Bitrates are in bit/s.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// What it is accounted under: the stream, file or service.
    pub reference: Label,
    /// When it was registered.
    pub created_at: SystemTime,
    /// The local end.
    pub location: Label,
    /// The remote end.
    pub peer: Label,
    /// What `extra` set; empty if nothing.
    pub extra: Arc<str>,
    /// Bytes received.
    pub rx_bytes: u64,
    /// The ingress bitrate, as of the last tick.
    pub rx_bitrate: f64,
    /// The decaying top of the ingress bitrate.
    pub top_rx_bitrate: f64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// The egress bitrate, as of the last tick.
    pub tx_bitrate: f64,
    /// The decaying top of the egress bitrate.
    pub top_tx_bitrate: f64,
    /// Packets received; 0 where packets are not counted.
    pub rx_packets: u64,
    /// Packets sent; 0 where packets are not counted.
    pub tx_packets: u64,
}

/// A registered session: counts without a lookup.
///
/// Cloning it copies two pointers. It does not keep the collector running: once that has stopped, or was dropped, calls
/// answer `Closed(Stopped)`. The handle of a null collector answers `Counted` to everything.
///
/// ```
/// use streamgauge::{CloseReason, Collector, CollectorConfig, ManualClock, Verdict};
///
/// let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
/// let session = collector.register("client", "stream", "here", "there");
/// assert_eq!(session.ingress(1_500), Verdict::Counted);
/// assert_eq!(collector.refresh().live.total_rx_bytes, 1_500);
/// session.unregister();
/// assert_eq!(session.ingress(1_500), Verdict::Closed(CloseReason::Unregistered));
/// ```
#[derive(Clone)]
pub struct SessionHandle {
    inner: Option<Inner>,
}

#[derive(Clone)]
struct Inner {
    session: SessionRef,
    roster: Arc<Roster>,
}

impl SessionHandle {
    pub(crate) fn null() -> Self {
        Self { inner: None }
    }

    pub(crate) fn new(session: SessionRef, roster: Arc<Roster>) -> Self {
        Self {
            inner: Some(Inner { session, roster }),
        }
    }

    /// The session and what its extraordinary calls need; none for a null collector's.
    pub(crate) fn whole(&self) -> Option<Whole<'_>> {
        self.inner.as_ref().map(|inner| Whole {
            session: &inner.session,
            population: &inner.roster.population,
        })
    }

    /// Counts `bytes` received.
    ///
    /// Cost: one relaxed RMW on the session's own line, two where packets are counted; no alloc; no lock; no clock.
    /// Bench: record/ingress.
    #[inline]
    pub fn ingress(&self, bytes: u64) -> Verdict {
        self.count(Direction::Ingress, bytes)
    }

    /// Counts `bytes` sent.
    ///
    /// Cost: as [`ingress`](Self::ingress). Bench: record/ingress.
    #[inline]
    pub fn egress(&self, bytes: u64) -> Verdict {
        self.count(Direction::Egress, bytes)
    }

    #[inline]
    pub(crate) fn count(&self, direction: Direction, bytes: u64) -> Verdict {
        match &self.inner {
            Some(inner) => inner.session.count(direction, bytes, || &inner.roster.population),
            None => Verdict::Counted,
        }
    }

    /// A counter of this session for one thread alone, without a locked instruction per call.
    ///
    /// On a closed session it answers as the handle does. At `max_writers` it answers `Refused(TooManyWriters)`, and the
    /// summary counts that.
    ///
    /// Cost: one allocation of a cache line, and a lock that only writers being made, and the sampler, take.
    #[must_use]
    pub fn writer(&self) -> Writer {
        let Some(Inner { session, roster }) = &self.inner else {
            return Writer::new(self.clone(), Arc::new(WriterCell::new(false)));
        };
        if !session.is_open() {
            return Writer::ended(self.clone(), None);
        }
        if roster.is_forked() {
            return Writer::ended(self.clone(), Some(RefuseReason::Stopped));
        }
        if !roster.enter_writers() {
            return Writer::ended(self.clone(), Some(RefuseReason::TooManyWriters));
        }
        let cell = Arc::new(WriterCell::new(session.counts_packets()));
        if session.admit_writer(&cell) {
            return Writer::new(self.clone(), cell);
        }
        roster.leave_writers(1);
        Writer::ended(self.clone(), None)
    }

    /// A handle for many threads that count for this session at once, each in a stripe of its own as far as they go.
    ///
    /// Cost: the first for a session allocates 128 bytes for each thread that can run at once, at least 2 and at most 16
    /// times, which stay as long as the session; no lock.
    #[must_use]
    pub fn shared(&self) -> SharedHandle {
        let stripes = match &self.inner {
            Some(inner) if !inner.roster.is_forked() => inner.session.stripes(),
            _ => Stripes::default(),
        };
        SharedHandle::new(self.clone(), stripes)
    }

    /// Makes a pending session active; `true` for the one call that did.
    pub fn activate(&self) -> bool {
        self.inner
            .as_ref()
            .is_some_and(|inner| inner.session.activate(&inner.roster.population))
    }

    /// Attaches text of the program's own, in place of what was attached before. Cut at `max_label_bytes`.
    pub fn extra(&self, extra: &str) {
        if let Some(inner) = &self.inner {
            inner.roster.set_extra(&inner.session, extra);
        }
    }

    /// Closes the session; `false` if it was closed already. The id is unknown when the call returns.
    pub fn unregister(&self) -> bool {
        self.inner
            .as_ref()
            .is_some_and(|inner| inner.roster.unregister(&inner.session))
    }

    /// A future that resolves when the session closes, whoever closes it. For a task that waits for its peer, and has to end
    /// when the session is kicked.
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::task::{Context, Poll, Waker};
    ///
    /// use streamgauge::{CloseReason, Collector, CollectorConfig, ManualClock, Verdict};
    ///
    /// let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
    /// let session = collector.register("client", "stream", "here", "there");
    /// let mut closed = pin!(session.closed());
    /// let mut task = Context::from_waker(Waker::noop());
    /// assert_eq!(closed.as_mut().poll(&mut task), Poll::Pending);
    /// collector.unregister("client");
    /// let verdict = Verdict::Closed(CloseReason::Unregistered);
    /// assert_eq!(closed.as_mut().poll(&mut task), Poll::Ready(verdict));
    /// ```
    pub fn closed(&self) -> Closed {
        Closed::new(self.clone())
    }

    /// A guard that closes the session when it is dropped.
    pub fn owned(self) -> OwnedSession {
        OwnedSession::new(self)
    }

    /// Whether the session is open: registered, and not closed.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.inner.as_ref().is_some_and(|inner| inner.session.is_open())
    }

    /// Nothing while the session is open, and otherwise what its connection ends with. For what moves bytes first and counts
    /// them after: it asks before it moves any.
    ///
    /// Always in order for the handle of a null collector, which counts everything.
    ///
    /// # Errors
    ///
    /// When the session has closed, or was refused.
    ///
    /// Cost: one load.
    #[inline]
    pub fn ensure_open(&self) -> Result<(), SessionClosed> {
        match &self.inner {
            Some(inner) if !inner.session.is_open() => Err(SessionClosed(inner.session.verdict_of_closed())),
            _ => Ok(()),
        }
    }

    /// The session's id; none for a null collector's.
    #[must_use]
    pub fn id(&self) -> Option<SessionIdRef<'_>> {
        self.inner
            .as_ref()
            .map(|inner| SessionIdRef::from(inner.session.key()))
    }

    /// The decaying top of the session's ingress bitrate, in bit/s; 0 once it closed.
    #[must_use]
    pub fn top_ingress_bitrate(&self) -> f64 {
        self.top(Direction::Ingress)
    }

    /// The decaying top of the session's egress bitrate, in bit/s; 0 once it closed.
    #[must_use]
    pub fn top_egress_bitrate(&self) -> f64 {
        self.top(Direction::Egress)
    }

    /// Sets the top of the session's ingress bitrate, in bit/s, rounded to whole ones. NaN and negatives are ignored.
    pub fn set_top_ingress_bitrate(&self, bitrate: f64) {
        self.set_top(Direction::Ingress, bitrate);
    }

    /// Sets the top of the session's egress bitrate, in bit/s, rounded to whole ones. NaN and negatives are ignored.
    pub fn set_top_egress_bitrate(&self, bitrate: f64) {
        self.set_top(Direction::Egress, bitrate);
    }

    fn top(&self, direction: Direction) -> f64 {
        self.inner
            .as_ref()
            .map_or(0.0, |inner| as_bitrate(inner.session.top(direction)))
    }

    fn set_top(&self, direction: Direction, bitrate: f64) {
        if let (Some(inner), Some(top)) = (&self.inner, whole_bitrate(bitrate)) {
            inner.session.set_top(&inner.roster.population, direction, top);
        }
    }
}

impl fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionHandle")
            .field("id", &self.id())
            .field("is_known", &self.is_known())
            .finish_non_exhaustive()
    }
}
