//! What reads, writes and flushes of a connection come to: the books are kept, an upgrade is noticed, and what waits ends with the
//! session that it waits for.
//!
//! After an upgrade of HTTP/1 all bytes are the upgraded exchange's: those read from the 101 on, and those written after
//! the flush that sends the 101. A server writes the head of the 101 and flushes it before it lets go of the connection, so the
//! first flush that is done after bytes were written is the one.

use std::io;
use std::task::{Context, Poll};

use streamgauge::SessionClosed;

use super::ConnectionContext;
use super::ledger::Ledger;
use crate::direction::Direction;
use crate::exchange::WeakExchange;
use crate::head::length;
use crate::tap::{ClosedWatch, IoTap};

/// What a connection's reads and writes are counted with.
#[derive(Debug)]
pub(super) struct ConnectionMeter {
    context: ConnectionContext,
    phase: Phase,
    /// What a write waits for besides the peer.
    stall: Option<Stall>,
}

/// A write of HTTP/1 that waits for the peer. Whoever serves the connection polls nothing else meanwhile, the body least of all, so
/// here it is where the close of the exchange's session is noticed. It is kept for the exchange's next wait.
#[derive(Debug)]
struct Stall {
    exchange: WeakExchange,
    watch: ClosedWatch,
}

impl Stall {
    fn of(exchange: WeakExchange) -> Self {
        Self {
            exchange,
            watch: ClosedWatch::default(),
        }
    }

    /// Ready once the session has closed while the exchange lasts. Once it is over, its own session closes too, and what is
    /// left of the response is still to be sent.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<SessionClosed> {
        match self.exchange.upgrade() {
            Some(exchange) => self.watch.poll(exchange.session(), cx),
            None => Poll::Pending,
        }
    }
}

/// Whose the bytes are.
#[derive(Debug)]
enum Phase {
    Http,
    /// Upgraded: reads are the exchange's. The head of the 101 has still to be written, or flushed.
    Switching {
        tap: IoTap,
        has_written: bool,
    },
    Upgraded {
        tap: IoTap,
    },
}

impl ConnectionMeter {
    pub(super) fn new(context: ConnectionContext) -> Self {
        Self {
            context,
            phase: Phase::Http,
            stall: None,
        }
    }

    pub(super) fn context(&self) -> &ConnectionContext {
        &self.context
    }

    /// The connection is gone.
    pub(super) fn leave(&self) {
        self.ledger().leave();
    }

    fn ledger(&self) -> &Ledger {
        &self.context.ledger
    }

    /// Takes notice of an upgrade.
    fn look(&mut self) {
        if matches!(self.phase, Phase::Http)
            && let Some(exchange) = self.ledger().take_switch()
        {
            self.phase = Phase::Switching {
                tap: IoTap::new(exchange),
                has_written: false,
            };
        }
    }

    /// Nothing, unless the connection was upgraded by an exchange whose session has closed.
    pub(super) fn ensure_open(&self) -> io::Result<()> {
        match &self.phase {
            Phase::Http => Ok(()),
            Phase::Switching { tap, .. } | Phase::Upgraded { tap } => tap.ensure_open(),
        }
    }

    pub(super) fn after_read(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<()>>,
        bytes: usize,
    ) -> Poll<io::Result<()>> {
        self.ledger().add_moved(Direction::Ingress, length(bytes));
        self.look();
        match &mut self.phase {
            Phase::Http => polled,
            Phase::Switching { tap, .. } | Phase::Upgraded { tap } => tap.after_read(cx, polled, bytes),
        }
    }

    pub(super) fn write(
        &mut self,
        cx: &mut Context<'_>,
        most: usize,
        write: impl FnOnce(&mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        self.look();
        let ledger = &self.context.ledger;
        let write = |cx: &mut Context<'_>| {
            write(cx).map_ok(|bytes| {
                ledger.add_moved(Direction::Egress, length(bytes));
                bytes
            })
        };
        match &mut self.phase {
            Phase::Http => match write(cx) {
                Poll::Pending => self.wait(cx),
                polled => polled,
            },
            Phase::Switching { has_written, .. } => write(cx).map_ok(|bytes| {
                *has_written |= bytes > 0;
                bytes
            }),
            Phase::Upgraded { tap } => tap.write(cx, most, write),
        }
    }

    /// What a write, flush or shutdown comes to that waits.
    pub(super) fn wait<R>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        if let Phase::Upgraded { tap } = &mut self.phase {
            return tap.wait(cx);
        }
        let Some(occupant) = self.ledger().occupant() else {
            return Poll::Pending;
        };
        let known = self.stall.take().filter(|stall| stall.exchange.is(&occupant));
        let stall = self.stall.insert(known.unwrap_or_else(|| Stall::of(occupant)));
        stall.poll(cx).map(|closed| Err(closed.into()))
    }

    pub(super) fn after_flush(&mut self) {
        self.ledger().settle_egress();
        self.look();
        self.phase = match std::mem::replace(&mut self.phase, Phase::Http) {
            Phase::Switching {
                tap,
                has_written: true,
            } => Phase::Upgraded { tap },
            phase => phase,
        };
    }
}
