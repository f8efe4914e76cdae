//! A session meter for hot packet paths.
//!
//! A program that moves traffic opens a *session* per client or flow and reports the bytes that pass. streamgauge answers
//! who is active, how much each moved, how fast now and at its recent top, whether a limit is reached, and what all ended
//! sessions moved, by peer, location and reference, across restarts.
//!
//! ```
//! use std::time::Duration;
//! use streamgauge::{Collector, CollectorConfig, ManualClock};
//!
//! let clock = ManualClock::default();
//! let collector = Collector::manual(CollectorConfig::default(), clock.clone());
//! let session = collector.register("viewer-7", "stream-1", "edge-1", "198.51.100.7");
//! session.egress(1_250_000);
//! clock.advance(Duration::from_secs(1));
//! collector.tick();
//! assert_eq!(collector.summary().current_tx_bitrate, 10_000_000.0);
//! ```
//!
//! # A map of this page
//!
//! * [`Collector`]: the verbs. [`Collector::new`] starts one with its threads, [`Collector::manual`] one that is ticked by
//!   hand; [`CollectorConfig`] configures it; [`Registry`] holds several, with their histories on disk.
//! * Three ways to count, from convenient to fastest: by id ([`Collector::ingress`], and [`Burst`] for many), by handle
//!   ([`SessionHandle`], and [`SharedHandle`] for many threads), by writer ([`Writer`]). Each answers a [`Verdict`].
//! * What comes back: [`Summary`] (as of the last tick), [`Collector::active`] (now), [`SessionEvent`] (as it happens),
//!   [`Health`].
//! * [`Metered`] counts what passes through a reader or writer, and closes its session with it; [`OwnedSession`] does the
//!   latter alone, and [`SessionHandle::closed`] waits for a close. Crates of their own do the same for tokio and HTTP.
//! * Limits: [`Limits`], [`Admission`] for [`Collector::try_register`], [`IpLimiter`] and [`CidrLimiter`].
//! * Histories: [`HistoryStore`], of which [`FileStore`] is one.
//! * Privacy: [`PeerTruncation`], and [`peer_address`].
//!
//! # What it promises
//!
//! Bytes are conserved, exactly, also where a session closes while threads count for it. An ordinary count takes no lock,
//! allocates nothing, reads no clock and writes no line that other sessions write. Readers of summaries wait for nobody.
//! docs/performance.md says which way of counting to choose; what does not hold is in docs/limitations.md.
//!
//! # What it does not do
//!
//! It enforces nothing: it answers, and the program decides. It looks into no packet. It keeps totals, not a time series.
//!
//! # Features
//!
//! `serde`: `Serialize` for the plain data, and `Deserialize` where that is lossless.

#![forbid(unsafe_code)]

#[cfg(not(target_has_atomic = "64"))]
compile_error!("streamgauge needs 64-bit atomics, which this target does not have");

mod clock;
mod collector;
mod direction;
mod error;
mod event;
mod health;
mod history;
mod label;
mod limiter;
mod metered;
#[cfg(all(test, loom))]
mod models;
mod peer;
mod registry;
mod sampler;
mod session;
mod slot;
mod stats;
mod summary;
mod sync;
mod table;
mod verdict;
mod worker;

pub use clock::ManualClock;
pub use collector::Collector;
pub use collector::admission::Admission;
pub use collector::burst::Burst;
pub use collector::config::{Activation, CollectorConfig};
pub use collector::limits::Limits;
pub use error::{AdmissionError, Error, RegistryError, SessionClosed};
pub use event::{ClosedSession, SessionEvent, SessionIdentity, SessionObserver};
pub use health::Health;
pub use history::file::{FileStore, Inspection};
pub use history::label_map::LabelMap;
pub use history::open::OpenSession;
pub use history::recovery::{Damage, InspectedFile};
pub use history::row::HistoryRow;
pub use history::snapshot::HistorySnapshot;
pub use history::store::{HistoryStore, Loaded, SetAside, StoreError};
pub use history::{History, HistoryKey, Peers};
pub use label::Label;
pub use limiter::{CidrError, CidrLimiter, IpLimiter};
pub use metered::Metered;
pub use peer::{PeerTruncation, peer_address};
pub use registry::{Config, Registry, RegistryReader};
pub use session::closed::Closed;
pub use session::id::{SessionId, SessionIdRef};
pub use session::owned::OwnedSession;
pub use session::shared::SharedHandle;
pub use session::writer::Writer;
pub use session::{Session, SessionHandle};
pub use stats::Stats;
pub use summary::{ActiveSession, ActiveSessions, CapsHit, Summary};
pub use verdict::{CloseReason, RefuseReason, Verdict};

/// Makes what a thread needs once, so that its first count by id and its first read do not.
///
/// A packet thread calls it before its loop. Without it the first call by id on a thread may allocate.
pub fn prepare_thread() {
    table::prepare_thread();
    slot::prepare_thread();
    session::stripes::prepare_thread();
}

/// The examples of docs/performance.md, which run as tests of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/performance.md")]
mod performance_page {}

/// That of docs/privacy.md.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/privacy.md")]
mod privacy_page {}
