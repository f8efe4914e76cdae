//! The session "(overhead)": what connections moved that no session of theirs claimed.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use streamgauge::{Collector, Verdict};

use super::ledger::Ledger;
use super::{ConnectionContext, MeteredConnection};
use crate::direction::{Direction, PerDirection};
use crate::own_id::own_id;

/// The reference, and the peer, of what is in no session.
const NAME: &str = "(overhead)";

/// The overhead of one listener: a session "(overhead)" of its collector that has what the listener's connections moved and no session
/// claimed. The collector's totals are then what the connections moved.
///
/// In it are bytes of heads that the formula does not have (see [`request_head_bytes`](crate::request_head_bytes)), the
/// framing of chunks and frames, preambles and pings, requests that were refused or not metered, and bytes that came too late
/// for their session.
///
/// Egress is reported at each flush, ingress when a connection and its exchanges are over. The session is registered under the
/// reference and peer `(overhead)` and the location of the listener with its first bytes, and anew where it timed out; it takes one place of
/// `max_sessions`, and limits do not refuse it.
///
/// Cloning it copies a pointer.
#[derive(Debug, Clone)]
pub struct Overhead {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    collector: Collector,
    id: String,
    location: String,
    balance: Mutex<PerDirection<Gap>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Gap {
    shortfall_bytes: u64,
    lost_bytes: u64,
}

/// What keeps a collector's totals from being what the connections moved, in bytes: for each direction, to the byte,
/// sessions + overhead + lost = moved + shortfall, once the connections are over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Balance {
    /// Counted as received, and not read: a request's head that took less than the formula says.
    pub rx_shortfall_bytes: u64,
    /// Counted as sent, and not written: what the server had of responses when their connection broke off or their stream of HTTP/2 was
    /// reset, and trailers that it left out.
    pub tx_shortfall_bytes: u64,
    /// Overhead read that the collector did not take: it had stopped, or was at `max_tracked_sessions`.
    pub rx_lost_bytes: u64,
    /// Overhead written that the collector did not take.
    pub tx_lost_bytes: u64,
}

impl Overhead {
    /// The overhead of the listener at this location, in the collector of the layer.
    #[must_use]
    pub fn new(collector: &Collector, location: &str) -> Self {
        Self {
            inner: Arc::new(Inner {
                collector: collector.clone(),
                id: own_id(NAME),
                location: location.to_owned(),
                balance: Mutex::default(),
            }),
        }
    }

    /// Meters a connection of the listener. The peer is `None` where the connection has no address, such as a Unix socket.
    pub fn connection<T>(&self, io: T, peer: impl Into<Option<SocketAddr>>) -> MeteredConnection<T> {
        let ledger = Arc::new(Ledger::new(self.clone()));
        MeteredConnection::new(io, ConnectionContext::new(ledger, peer.into()))
    }

    /// What connections that are over leave unbalanced.
    #[must_use]
    pub fn balance(&self) -> Balance {
        let balance = *self.lock();
        Balance {
            rx_shortfall_bytes: balance.rx.shortfall_bytes,
            tx_shortfall_bytes: balance.tx.shortfall_bytes,
            rx_lost_bytes: balance.rx.lost_bytes,
            tx_lost_bytes: balance.tx.lost_bytes,
        }
    }

    pub(crate) fn count(&self, direction: Direction, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let Inner {
            collector,
            id,
            location,
            ..
        } = &*self.inner;
        let by_id = match direction {
            Direction::Ingress => collector.ingress(id, bytes),
            Direction::Egress => collector.egress(id, bytes),
        };
        if by_id == Verdict::Counted {
            return;
        }
        let session = collector.register(id, NAME, location, NAME);
        // Where sessions are activated explicitly nobody else would, and it would not enter the history.
        session.activate();
        if direction.count(&session, bytes) != Verdict::Counted {
            self.lock().at(direction).lost_bytes += bytes;
        }
    }

    pub(crate) fn fall_short(&self, direction: Direction, bytes: u64) {
        if bytes > 0 {
            self.lock().at(direction).shortfall_bytes += bytes;
        }
    }

    fn lock(&self) -> MutexGuard<'_, PerDirection<Gap>> {
        self.inner.balance.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
