//! What a program chooses for a request: which session it counts for, if any.

use std::net::{IpAddr, SocketAddr};

use http::request::Parts;
use streamgauge::{Admission, AdmissionError, Collector, SessionHandle};

use crate::own_id::own_id;
use crate::refusal::Refusal;

/// A request as it arrives, for the closure that chooses.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Arrival<'a> {
    /// Its head, with its extensions.
    pub parts: &'a Parts,
    /// The other end of the connection, where it is known.
    pub peer: Option<SocketAddr>,
    /// The client: the peer, or whom trusted proxies name in its place. An IPv4-mapped IPv6 address is its IPv4.
    pub client: Option<IpAddr>,
}

impl Arrival<'_> {
    /// The client's address as text; empty if it is not known, which the collector shows as "unknown".
    #[must_use]
    pub fn client_label(&self) -> String {
        self.client.map(|client| client.to_string()).unwrap_or_default()
    }
}

/// What a session is accounted under.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels {
    /// What it is about: the stream, file or service.
    pub reference: String,
    /// The local end.
    pub location: String,
    /// The remote end.
    pub peer: String,
}

impl Labels {
    /// Labels of these texts.
    pub fn new(reference: impl Into<String>, location: impl Into<String>, peer: impl Into<String>) -> Self {
        Self {
            reference: reference.into(),
            location: location.into(),
            peer: peer.into(),
        }
    }
}

/// What becomes of a request.
///
/// | choice | the session | closes |
/// |---|---|---|
/// | [`Exchange`](Self::Exchange) | one of its own, under an id that the layer makes | with the last part of the exchange, an upgraded connection included |
/// | [`Shared`](Self::Shared) | the one of this id, registered if there is none | by the collector's timeouts, or by the program: never by the layer |
/// | [`Known`](Self::Known) | this one | as the program has it |
/// | [`Unmetered`](Self::Unmetered) | none | |
/// | [`Refuse`](Self::Refuse) | none, and the service is not called | |
///
/// Whatever session it is, the transfer ends when it closes, also by a timeout: `session_timeout` is how long an exchange may
/// be silent, the time that the service takes to answer included. Where sessions are of exchanges alone it can be
/// `Duration::MAX`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Choice {
    /// Meter it under a session of its own.
    Exchange(Labels),
    /// Meter it under a session of several requests, such as the playlists and segments that one viewer fetches. Between
    /// requests it is silent, so `session_timeout` is how long the viewer may pause.
    Shared {
        /// The session's id. The labels are those of the request that registered it.
        id: Vec<u8>,
        /// What it is accounted under.
        labels: Labels,
    },
    /// Meter it under a session that the program registered.
    Known(SessionHandle),
    /// Let it pass unmetered. On a metered connection its bytes are overhead.
    Unmetered,
    /// Answer it in place of the service.
    Refuse(Refusal),
}

impl Choice {
    /// A session of several requests, under this id.
    pub fn shared(id: impl AsRef<[u8]>, labels: Labels) -> Self {
        Self::Shared {
            id: id.as_ref().to_vec(),
            labels,
        }
    }
}

/// The session that was chosen, registered.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) session: SessionHandle,
    /// Whether the exchange closes it.
    pub(crate) closes: bool,
}

/// What a choice comes to.
#[derive(Debug)]
pub(crate) enum Outcome {
    Metered(Chosen),
    Unmetered,
    Refused(Refusal),
    /// The collector admits no session.
    Limited(AdmissionError),
}

impl Choice {
    /// Registers what is chosen.
    pub(crate) fn register(&self, collector: &Collector, admission: Admission) -> Outcome {
        let (id, labels, closes) = match self {
            Self::Exchange(labels) => (&own_id("http-exchange").into_bytes(), labels, true),
            Self::Shared { id, labels } => (id, labels, false),
            Self::Known(session) => {
                return Outcome::Metered(Chosen {
                    session: session.clone(),
                    closes: false,
                });
            }
            Self::Unmetered => return Outcome::Unmetered,
            Self::Refuse(refusal) => return Outcome::Refused(refusal.clone()),
        };
        let registered =
            collector.try_register(id, &labels.reference, &labels.location, &labels.peer, admission);
        match registered {
            Ok(session) => Outcome::Metered(Chosen { session, closes }),
            Err(error) => Outcome::Limited(error),
        }
    }
}
