//! What observers are told.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::clock::Stamp;
use crate::history::open::OpenSession;
use crate::label::Label;
use crate::sampler::timeline::bitrate;
use crate::session::core::SessionRef;
use crate::session::id::SessionId;
use crate::stats::Stats;
use crate::verdict::CloseReason;

/// Is told of sessions registered, activated and closed.
///
/// Called on the worker thread, one event at a time, in the order of the collections that noticed them: a slow observer
/// delays other events and writes to disk, and neither ticks nor packets nor readers. Events beyond `max_queued_events` are
/// dropped, and a panic is caught; both are counted in [`Health`](crate::Health), and neither loses a byte of any total. A
/// manual collector has no worker: there a thread that calls `tick`, `refresh` or `stop` delivers them before it returns,
/// unless another one is at it already.
///
/// Where panics abort (`panic = "abort"`), a panicking observer aborts the program.
pub trait SessionObserver: Send + Sync {
    /// One event.
    fn on_event(&self, event: &SessionEvent);
}

/// Several observers of one collector: each is told of each event, in order, also after one before it panicked.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use streamgauge::{Collector, CollectorConfig, ManualClock, SessionEvent, SessionObserver};
///
/// #[derive(Default)]
/// struct Count(AtomicU64);
///
/// impl SessionObserver for Count {
///     fn on_event(&self, _event: &SessionEvent) {
///         self.0.fetch_add(1, Ordering::Relaxed);
///     }
/// }
///
/// let (one, other) = (Arc::<Count>::default(), Arc::<Count>::default());
/// let both: Vec<Arc<dyn SessionObserver>> = vec![one.clone(), other.clone()];
/// let mut config = CollectorConfig::default();
/// config.observer = Some(Arc::new(both));
/// let collector = Collector::manual(config, ManualClock::default());
/// collector.register("client", "stream", "here", "there");
/// collector.tick();
/// assert_eq!([one, other].map(|count| count.0.load(Ordering::Relaxed)), [1, 1]);
/// ```
impl SessionObserver for Vec<Arc<dyn SessionObserver>> {
    fn on_event(&self, event: &SessionEvent) {
        let mut panicked = None;
        for observer in self {
            let told = catch_unwind(AssertUnwindSafe(|| observer.on_event(event)));
            panicked = panicked.or(told.err());
        }
        if let Some(panic) = panicked {
            resume_unwind(panic);
        }
    }
}

/// Something that happened to a session.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// It was registered, and is pending or active by now.
    Registered(SessionIdentity),
    /// It became active.
    Activated(SessionIdentity),
    /// It closed, and was accounted.
    Closed(ClosedSession),
    /// A writer of a closed session had counted more: the totals replace those of the event before.
    Corrected(ClosedSession),
}

/// Which session an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionIdentity {
    /// The collector's name in its registry; empty for a stand-alone one.
    pub collector: Arc<str>,
    /// Its id.
    pub id: SessionId,
    /// Its reference.
    pub reference: Label,
    /// Its location.
    pub location: Label,
    /// Its peer.
    pub peer: Label,
    /// What `extra` set; empty if nothing.
    pub extra: Arc<str>,
    /// When it was registered.
    pub created_at: SystemTime,
}

/// A closed session. Bitrates are in bit/s.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ClosedSession {
    /// Which session.
    pub identity: SessionIdentity,
    /// Why it closed.
    pub reason: CloseReason,
    /// When.
    pub closed_at: SystemTime,
    /// From its registration to its close, on the monotonic clock; on the calendar's where it was recovered.
    pub duration: Duration,
    /// Whether it entered the history; otherwise it never became active and was discarded.
    pub was_active: bool,
    /// What it moved; `total_sessions` is 1.
    pub totals: Stats,
    /// Bytes received x 8 / duration; 0 for a session of no duration.
    pub average_rx_bitrate: f64,
    /// Bytes sent x 8 / duration; 0 for a session of no duration.
    pub average_tx_bitrate: f64,
    /// The decaying top of the ingress bitrate, as it was at the close.
    pub top_rx_bitrate: f64,
    /// The decaying top of the egress bitrate, as it was at the close.
    pub top_tx_bitrate: f64,
    /// The highest ingress bitrate that a tick saw.
    pub peak_rx_bitrate: f64,
    /// The highest egress bitrate that a tick saw.
    pub peak_tx_bitrate: f64,
    /// Whether the totals are final. Otherwise a writer is still held somewhere, and
    /// [`Corrected`](SessionEvent::Corrected) follows when it is dropped or turns out to have counted more.
    pub is_final: bool,
}

impl SessionIdentity {
    pub(crate) fn of(collector: &Arc<str>, session: &SessionRef, registered: Stamp) -> Self {
        let labels = session.labels();
        Self {
            collector: Arc::clone(collector),
            id: SessionId::from(session.key()),
            reference: labels.reference.clone(),
            location: labels.location.clone(),
            peer: labels.peer.clone(),
            extra: session
                .extra()
                .map(|extra| Arc::from(&**extra))
                .unwrap_or_default(),
            created_at: registered.wall(),
        }
    }
}

impl ClosedSession {
    /// A session that was open when its history was saved, `at`, and not closed since.
    pub(crate) fn recovered(collector: &Arc<str>, session: &OpenSession, at: SystemTime) -> Self {
        let mut closed = Self {
            identity: SessionIdentity {
                collector: Arc::clone(collector),
                id: session.id.clone(),
                reference: session.key.reference.clone(),
                location: session.key.location.clone(),
                peer: session.key.peer.clone(),
                extra: Arc::default(),
                created_at: session.created_at,
            },
            reason: CloseReason::Recovered,
            closed_at: at,
            duration: at.duration_since(session.created_at).unwrap_or_default(),
            was_active: session.is_active,
            totals: session.stats,
            average_rx_bitrate: 0.0,
            average_tx_bitrate: 0.0,
            top_rx_bitrate: 0.0,
            top_tx_bitrate: 0.0,
            peak_rx_bitrate: 0.0,
            peak_tx_bitrate: 0.0,
            is_final: true,
        };
        closed.average();
        closed
    }

    /// Works the average bitrates out from the totals.
    pub(crate) fn average(&mut self) {
        let seconds = self.duration.as_secs_f64();
        let average = |bytes| {
            if seconds > 0.0 {
                bitrate(bytes, seconds)
            } else {
                0.0
            }
        };
        self.average_rx_bitrate = average(self.totals.total_rx_bytes);
        self.average_tx_bitrate = average(self.totals.total_tx_bytes);
    }
}

impl SessionEvent {
    /// Writes the event to the log.
    pub(crate) fn log(&self) {
        let (identity, closed) = match self {
            Self::Registered(identity) | Self::Activated(identity) => (identity, None),
            Self::Closed(closed) | Self::Corrected(closed) => (&closed.identity, Some(closed)),
        };
        let SessionIdentity {
            collector,
            id,
            reference,
            location,
            peer,
            extra,
            ..
        } = identity;
        let Some(closed) = closed else {
            let state = if matches!(self, Self::Registered(_)) {
                "pending"
            } else {
                "active"
            };
            tracing::debug!(%collector, %id, %reference, %location, %peer, %extra, "session {state}");
            return;
        };
        let kbit = |bitrate: f64| bitrate / 1_000.0;
        tracing::debug!(
            %collector, %id, %reference, %location, %peer, %extra,
            rx_bytes = closed.totals.total_rx_bytes,
            tx_bytes = closed.totals.total_tx_bytes,
            rx_bitrate_kbit = kbit(closed.average_rx_bitrate),
            tx_bitrate_kbit = kbit(closed.average_tx_bitrate),
            rx_top_kbit = kbit(closed.top_rx_bitrate),
            tx_top_kbit = kbit(closed.top_tx_bitrate),
            rx_peak_kbit = kbit(closed.peak_rx_bitrate),
            tx_peak_kbit = kbit(closed.peak_tx_bitrate),
            reason = %closed.reason,
            is_final = closed.is_final,
            "session {}", if matches!(self, Self::Closed(_)) { "closed" } else { "corrected" }
        );
    }
}
