//! An exchange, a request with its response, and what came of it by an upgrade: which session it counts for, and when that closes.
//!
//! The parts of an exchange (the future of the response, the two bodies, an upgraded connection) share one `Exchange`. Where the
//! session is the exchange's own, the last part that is dropped closes it: however the others ended, it closes once.

use std::sync::{Arc, Weak};

use streamgauge::{OwnedSession, SessionClosed, SessionHandle};

use crate::connection::ledger::Ledger;
use crate::direction::Direction;
use crate::upgraded::Upgraded;

/// The metering of one exchange: an extension of each request that is metered, for its service.
///
/// A service reaches the session with it, and has a connection that it upgrades by itself counted with
/// [`upgraded`](Self::upgraded). While a clone is held, a session that is the exchange's own stays open.
///
/// Cloning it copies a pointer.
#[derive(Debug, Clone)]
pub struct Exchange {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    session: SessionHandle,
    /// Closes the session, where it is this exchange's own.
    _own: Option<OwnedSession>,
    /// The books of the connection that the exchange is on, where that is metered.
    ledger: Option<Arc<Ledger>>,
}

impl Exchange {
    pub(crate) fn new(session: SessionHandle, closes: bool, ledger: Option<Arc<Ledger>>) -> Self {
        Self {
            inner: Arc::new(Inner {
                _own: closes.then(|| session.clone().owned()),
                session,
                ledger,
            }),
        }
    }

    /// The session that the exchange is metered under.
    #[must_use]
    pub fn session(&self) -> &SessionHandle {
        &self.inner.session
    }

    /// Meters a connection that this exchange was upgraded to: what is read from `io` is ingress, what is written is egress.
    /// The session stays open until `io` is dropped; reads and writes fail once it has closed.
    ///
    /// For upgrades of HTTP/1 on a connection of [`Overhead::connection`](crate::Overhead::connection), where the connection itself
    /// counts what passes from the 101 on, nothing is counted twice: `io` is passed through. That is decided here, so it is called
    /// with the connection that the upgrade came to, after the response, and not with one that is still to come.
    #[must_use]
    pub fn upgraded<T>(self, io: T) -> Upgraded<T> {
        let is_counted = self
            .inner
            .ledger
            .as_ref()
            .is_some_and(|ledger| ledger.is_switched());
        Upgraded::new(io, (!is_counted).then_some(self))
    }

    /// Counts bytes of the exchange, for its session and in the books of its connection.
    pub(crate) fn count(&self, direction: Direction, bytes: u64) -> Result<(), SessionClosed> {
        self.inner.count(direction, bytes)?;
        if let Some(ledger) = &self.inner.ledger {
            ledger.claim(direction, bytes);
        }
        Ok(())
    }

    /// Claims bytes that are about to be written, before it is known how many are.
    pub(crate) fn claim_egress(&self, most_bytes: u64) -> Claim<'_> {
        if let Some(ledger) = &self.inner.ledger {
            ledger.claim(Direction::Egress, most_bytes);
        }
        Claim {
            exchange: &self.inner,
            bytes: most_bytes,
        }
    }

    /// Has the connection ended at once, where it stands still, if the session closes before the exchange is over. For
    /// HTTP/1 alone: there the connection is this exchange's alone until then.
    pub(crate) fn occupy_connection(&self) {
        if let Some(ledger) = &self.inner.ledger {
            ledger.occupy(WeakExchange(Arc::downgrade(&self.inner)));
        }
    }

    /// From here on all bytes of the connection are this exchange's.
    pub(crate) fn switch_connection(&self) {
        if let Some(ledger) = &self.inner.ledger {
            ledger.switch(self.clone());
        }
    }
}

/// An exchange, while it lasts.
#[derive(Debug, Clone)]
pub(crate) struct WeakExchange(Weak<Inner>);

impl WeakExchange {
    pub(crate) fn upgrade(&self) -> Option<Exchange> {
        self.0.upgrade().map(|inner| Exchange { inner })
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Weak::ptr_eq(&self.0, &other.0)
    }
}

impl Inner {
    fn count(&self, direction: Direction, bytes: u64) -> Result<(), SessionClosed> {
        if bytes == 0 {
            // No packet, where packets are counted.
            return self.session.ensure_open();
        }
        direction.count(&self.session, bytes).into_result()
    }
}

/// Bytes claimed in the books of a connection that are not counted yet; what is not counted is given back.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    exchange: &'a Inner,
    bytes: u64,
}

impl Claim<'_> {
    /// Counts this many of them.
    pub(crate) fn count(mut self, bytes: u64) -> Result<(), SessionClosed> {
        self.exchange.count(Direction::Egress, bytes)?;
        self.bytes = self.bytes.saturating_sub(bytes);
        Ok(())
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if let Some(ledger) = &self.exchange.ledger {
            ledger.give_back(Direction::Egress, self.bytes);
        }
    }
}
