//! The books of one connection: what it moved, and what of that sessions claimed.
//!
//! For each direction the books hold two sums: bytes that the connection *moved*, and bytes that are *claimed*, by sessions
//! or by the overhead. What is moved and not claimed becomes the overhead's:
//!
//! * egress, at each flush: sessions claim bytes when they are handed to the server, so what is moved beyond all claims is nobody's
//!   for good;
//! * ingress, once the connection and all of its exchanges are gone: bytes are read before a session claims them, and what
//!   waits in the server's buffers is not told from what nobody will claim.
//!
//! Where more was claimed than moved in the end, which the connection broke off or a formula overstated, the difference is the
//! [`Balance`](super::overhead::Balance)'s shortfall. So, for each direction and to the byte, sessions + overhead =
//! moved + shortfall.
//!
//! Who writes: the connection's reads and writes, and the exchanges on it. A mutex of the connection's own is enough: most of the
//! time all of that is one task.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::overhead::Overhead;
use crate::direction::{Direction, PerDirection};
use crate::exchange::{Exchange, WeakExchange};

#[derive(Debug)]
pub(crate) struct Ledger {
    overhead: Overhead,
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    accounts: PerDirection<Account>,
    switch: Switch,
    /// The exchange that the connection serves, of HTTP/1.
    occupant: Option<WeakExchange>,
}

/// One direction.
#[derive(Debug, Clone, Copy, Default)]
struct Account {
    moved_bytes: u64,
    claimed_bytes: u64,
}

/// Whether the connection still speaks HTTP.
#[derive(Debug, Default)]
enum Switch {
    #[default]
    Http,
    /// It was upgraded, and the connection has not taken notice.
    Offered(Exchange),
    /// It was upgraded, and the connection counts for the exchange.
    Taken,
    /// The connection is gone.
    Gone,
}

impl Ledger {
    pub(crate) fn new(overhead: Overhead) -> Self {
        Self {
            overhead,
            books: Mutex::default(),
        }
    }

    pub(crate) fn overhead(&self) -> &Overhead {
        &self.overhead
    }

    /// The connection moved bytes.
    pub(crate) fn add_moved(&self, direction: Direction, bytes: u64) {
        self.lock().accounts.at(direction).moved_bytes += bytes;
    }

    /// The exchange that the connection was upgraded to, the first time it is asked for after that.
    pub(crate) fn take_switch(&self) -> Option<Exchange> {
        let mut books = self.lock();
        if !matches!(books.switch, Switch::Offered(_)) {
            return None;
        }
        match std::mem::replace(&mut books.switch, Switch::Taken) {
            Switch::Offered(exchange) => Some(exchange),
            _ => None,
        }
    }

    /// A session counted bytes.
    pub(crate) fn claim(&self, direction: Direction, bytes: u64) {
        self.lock().accounts.at(direction).claimed_bytes += bytes;
    }

    /// Bytes that were claimed are not counted after all.
    pub(crate) fn give_back(&self, direction: Direction, bytes: u64) {
        self.lock().accounts.at(direction).claimed_bytes -= bytes;
    }

    /// Gives the overhead what was sent beyond all claims.
    pub(crate) fn settle_egress(&self) {
        let bytes = self.lock().accounts.tx.settle();
        self.overhead.count(Direction::Egress, bytes);
    }

    /// The connection serves this exchange until the next one.
    pub(crate) fn occupy(&self, exchange: WeakExchange) {
        self.lock().occupant = Some(exchange);
    }

    /// The exchange before, which may still be held somewhere, is through with the connection.
    pub(crate) fn vacate(&self) {
        self.lock().occupant = None;
    }

    pub(crate) fn occupant(&self) -> Option<WeakExchange> {
        self.lock().occupant.clone()
    }

    /// The connection is the exchange's from here on. A connection that is gone holds no exchange.
    pub(crate) fn switch(&self, exchange: Exchange) {
        let mut books = self.lock();
        if matches!(books.switch, Switch::Http) {
            books.switch = Switch::Offered(exchange);
        }
    }

    pub(crate) fn is_switched(&self) -> bool {
        matches!(self.lock().switch, Switch::Offered(_) | Switch::Taken)
    }

    /// The connection is gone.
    pub(crate) fn leave(&self) {
        let offered = std::mem::replace(&mut self.lock().switch, Switch::Gone);
        // An exchange that closes its session does so out of the lock.
        drop(offered);
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    /// Claims what nobody did.
    fn settle(&mut self) -> u64 {
        let bytes = self.moved_bytes.saturating_sub(self.claimed_bytes);
        self.claimed_bytes += bytes;
        bytes
    }

    fn shortfall_bytes(self) -> u64 {
        self.claimed_bytes.saturating_sub(self.moved_bytes)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let mut accounts = self.lock().accounts;
        for direction in [Direction::Ingress, Direction::Egress] {
            let account = accounts.at(direction);
            self.overhead.count(direction, account.settle());
            self.overhead.fall_short(direction, account.shortfall_bytes());
        }
    }
}
