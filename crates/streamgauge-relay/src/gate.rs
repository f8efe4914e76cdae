//! Who is let in: the lists of addresses, then the limits of the collector.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use streamgauge::{Admission, AdmissionError, Collector, IpLimiter, RefuseReason, SessionHandle};
use tokio::sync::watch;

use crate::config::{AccessLists, ListenerConfig, Rules};
use crate::tally::Mark;

/// Lets clients of one listener in.
///
/// [`set`](Self::set) swaps the lists and the expected bitrates for those who come after; the collector's limits are its own.
#[derive(Debug)]
pub(crate) struct Gate {
    collector: Collector,
    reference: String,
    location: SocketAddr,
    location_label: String,
    access: Arc<Access>,
    admission: ArcSwap<Admission>,
    serial: AtomicU64,
    /// Told each time that the lists are replaced.
    changes: watch::Sender<()>,
}

/// Lists that can be replaced.
#[derive(Debug)]
pub(crate) struct Access(ArcSwap<AccessLists>);

/// Why a client is not let in.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the address is blocked, or not among those that are allowed")]
    Blocked,
    #[error(transparent)]
    Limit(#[from] AdmissionError),
}

impl Access {
    pub(crate) fn new(lists: AccessLists) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(lists)))
    }
}

impl IpLimiter for Access {
    fn is_allowed(&self, ip: &str) -> bool {
        self.0.load().is_text_allowed(ip)
    }
}

impl Gate {
    /// `location` is where the listener is bound.
    pub(crate) fn new(
        config: &ListenerConfig,
        location: SocketAddr,
        collector: Collector,
        access: Arc<Access>,
    ) -> Self {
        Self {
            collector,
            reference: config.reference.clone(),
            location,
            location_label: location.to_string(),
            access,
            admission: ArcSwap::from_pointee(config.rules.admission),
            serial: AtomicU64::new(1),
            changes: watch::Sender::default(),
        }
    }

    pub(crate) fn collector(&self) -> &Collector {
        &self.collector
    }

    /// Where the listener is bound.
    pub(crate) fn location(&self) -> SocketAddr {
        self.location
    }

    /// Whether the lists let this address in. IPv4 in IPv6 is IPv4.
    pub(crate) fn is_allowed(&self, ip: IpAddr) -> bool {
        self.access.is_allowed(&ip.to_canonical().to_string())
    }

    /// A session for this client, or why there is none.
    ///
    /// The id is the client's address with a number of its own: `192.0.2.7:50122-17`. A proxy may name the same client twice.
    pub(crate) fn admit(&self, peer: &Peer) -> Result<SessionHandle, Refusal> {
        if !self.is_allowed(peer.ip()) {
            return Err(Refusal::Blocked);
        }
        // Relaxed: a number that nobody else has; its order means nothing [M6].
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let admission = **self.admission.load();
        let id = format!("{}-{serial}", peer.id);
        let session =
            self.collector
                .try_register(id, &self.reference, &self.location_label, &peer.label, admission)?;
        Ok(session)
    }

    /// Resolves when the lists let this address in no more: at once where they were replaced since it was admitted.
    ///
    /// Each client waits for its own: a collector lists neither pending sessions nor whom a UNIX client was asked about as.
    pub(crate) async fn blocked(&self, ip: IpAddr) {
        // Before it is looked: a change is seen by the one or by the other.
        let mut changes = self.changes.subscribe();
        while self.is_allowed(ip) {
            // The sender is here.
            let _ = changes.changed().await;
        }
    }

    /// Takes up other rules: for who comes from now on, and who is open and blocked by them is closed.
    pub(crate) fn set(&self, rules: &Rules) {
        self.collector.set_limits(rules.limits);
        self.admission.store(Arc::new(rules.admission));
        self.access.0.store(Arc::new(rules.access.clone()));
        self.changes.send_replace(());
    }
}

impl Refusal {
    pub(crate) fn mark(self) -> Mark {
        match self {
            Self::Blocked => Mark::Blocked,
            Self::Limit(AdmissionError::Sessions { .. })
            | Self::Limit(AdmissionError::Refused(RefuseReason::TooManySessions)) => Mark::OverSessions,
            Self::Limit(AdmissionError::IngressBitrate { .. } | AdmissionError::EgressBitrate { .. }) => {
                Mark::OverBitrate
            }
            Self::Limit(_) => Mark::Refused,
        }
    }
}

/// A client, as sessions name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Whom the lists are asked about.
    ip: IpAddr,
    /// What sessions are accounted under: the address, without its port.
    label: String,
    /// What the id begins with: the address and its port.
    id: String,
}

impl Peer {
    pub(crate) fn of(address: SocketAddr) -> Self {
        let ip = address.ip().to_canonical();
        Self {
            ip,
            label: ip.to_string(),
            id: SocketAddr::new(ip, address.port()).to_string(),
        }
    }

    /// A client on the host of the proxy at `address`, which names no address of its own.
    pub(crate) fn unix(address: SocketAddr) -> Self {
        Self {
            label: "unix".to_owned(),
            ..Self::of(address)
        }
    }

    pub(crate) fn ip(&self) -> IpAddr {
        self.ip
    }
}
