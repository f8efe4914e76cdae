//! A connection whose bytes are set against those of its sessions.
//!
//! [`MeteredConnection`] stands between the server and the socket and counts what it moves into the connection's books
//! (`ledger`). Its [`ConnectionContext`] goes with each request, so that the sessions of the requests claim their bytes there; the
//! rest is the [`Overhead`](overhead::Overhead).
//!
//! After an upgrade of HTTP/1 all bytes are the upgraded exchange's: those read from the 101 on, and those written after
//! the flush that sends the 101. A server writes the head of the 101 and flushes it before it lets go of the connection, so the
//! first flush that is done after bytes were written is the one.

pub(crate) mod ledger;
pub(crate) mod overhead;
pub(crate) mod service;

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use streamgauge::SessionClosed;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::ledger::Ledger;
use self::overhead::Overhead;
use self::service::WithConnection;
use crate::direction::Direction;
use crate::exchange::WeakExchange;
use crate::head::length;
use crate::peer_addr::PeerAddr;
use crate::tap::{ClosedWatch, IoTap, total};

/// Where a request came from: an extension of requests, by which the layer finds the connection's books.
///
/// Cloning it copies a pointer. While a clone is held, the connection's books stay open.
#[derive(Debug, Clone)]
pub struct ConnectionContext {
    ledger: Arc<Ledger>,
    peer: SocketAddr,
}

impl ConnectionContext {
    pub(crate) fn new(ledger: Arc<Ledger>, peer: SocketAddr) -> Self {
        Self { ledger, peer }
    }

    /// A service whose requests carry this context and the [`PeerAddr`], for the connection's server.
    pub fn service<S>(&self, service: S) -> WithConnection<S> {
        WithConnection::new(service, self.clone())
    }

    /// The address at the other end.
    #[must_use]
    pub fn peer(&self) -> PeerAddr {
        PeerAddr(self.peer)
    }

    /// The overhead that the connection belongs to.
    #[must_use]
    pub fn overhead(&self) -> &Overhead {
        self.ledger.overhead()
    }

    pub(crate) fn into_ledger(self) -> Arc<Ledger> {
        self.ledger
    }
}

pin_project! {
    /// A connection that is counted as bytes pass: made by [`Overhead::connection`].
    ///
    /// It lies over whatever the server reads and writes: a socket, a TLS stream, a `Metered` of `streamgauge-tokio`, which then
    /// has the same bytes in a session for the connection.
    ///
    /// Cost: for each read, write and flush, a lock that this connection alone takes; no alloc.
    #[derive(Debug)]
    pub struct MeteredConnection<T> {
        #[pin]
        io: T,
        meter: ConnectionMeter,
    }

    impl<T> PinnedDrop for MeteredConnection<T> {
        fn drop(this: Pin<&mut Self>) {
            this.meter.context.ledger.leave();
        }
    }
}

/// What a connection's reads and writes are counted with.
#[derive(Debug)]
struct ConnectionMeter {
    context: ConnectionContext,
    phase: Phase,
    /// What a write waits for besides the peer.
    stall: Option<Stall>,
}

/// A write of HTTP/1 that waits for the peer. Whoever serves the connection polls nothing else meanwhile, the body least of all, so
/// here it is where the close of the exchange's session is noticed.
#[derive(Debug)]
struct Stall {
    exchange: WeakExchange,
    watch: ClosedWatch,
}

impl Stall {
    /// Ready once the session has closed while the exchange lasts. Once it is over, its own session closes too, and what is
    /// left of the response is still to be sent.
    fn poll(&mut self, cx: &mut Context<'_>) -> Option<Poll<SessionClosed>> {
        let exchange = self.exchange.upgrade()?;
        Some(self.watch.poll(exchange.session(), cx))
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

impl<T> MeteredConnection<T> {
    pub(crate) fn new(io: T, context: ConnectionContext) -> Self {
        Self {
            io,
            meter: ConnectionMeter {
                context,
                phase: Phase::Http,
                stall: None,
            },
        }
    }

    /// What each request of the connection is to carry.
    #[must_use]
    pub fn context(&self) -> ConnectionContext {
        self.meter.context.clone()
    }

    /// What is beneath.
    pub fn get_ref(&self) -> &T {
        &self.io
    }
}

impl ConnectionMeter {
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
    fn ensure_open(&self) -> io::Result<()> {
        match &self.phase {
            Phase::Http => Ok(()),
            Phase::Switching { tap, .. } | Phase::Upgraded { tap } => tap.ensure_open(),
        }
    }

    fn after_read(
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

    fn write(
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
                polled => {
                    self.stall = None;
                    polled
                }
            },
            Phase::Switching { has_written, .. } => write(cx).map_ok(|bytes| {
                *has_written |= bytes > 0;
                bytes
            }),
            Phase::Upgraded { tap } => tap.write(cx, most, write),
        }
    }

    /// What a write, flush or shutdown comes to that waits.
    fn wait<R>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        if let Phase::Upgraded { tap } = &mut self.phase {
            return tap.wait(cx);
        }
        if self.stall.is_none() {
            let occupant = self.ledger().occupant();
            self.stall = occupant.map(|exchange| Stall {
                exchange,
                watch: ClosedWatch::default(),
            });
        }
        match self.stall.as_mut().and_then(|stall| stall.poll(cx)) {
            Some(polled) => polled.map(|closed| Err(closed.into())),
            None => {
                self.stall = None;
                Poll::Pending
            }
        }
    }

    fn after_flush(&mut self) {
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

impl<T: AsyncRead> AsyncRead for MeteredConnection<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        this.meter.ensure_open()?;
        let before = buf.filled().len();
        let polled = this.io.poll_read(cx, buf);
        this.meter.after_read(cx, polled, buf.filled().len() - before)
    }
}

impl<T: AsyncWrite> AsyncWrite for MeteredConnection<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.project();
        this.meter.write(cx, buf.len(), |cx| this.io.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        this.meter
            .write(cx, total(bufs), |cx| this.io.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        match this.io.poll_flush(cx) {
            Poll::Ready(Ok(())) => this.meter.after_flush(),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return this.meter.wait(cx),
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        match this.io.poll_shutdown(cx) {
            Poll::Pending => this.meter.wait(cx),
            polled => polled,
        }
    }
}
