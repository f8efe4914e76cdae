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
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::ledger::Ledger;
use self::overhead::Overhead;
use self::service::WithConnection;
use crate::direction::Direction;
use crate::head::length;
use crate::peer_addr::PeerAddr;
use crate::tap::IoTap;

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
}

/// Whose the bytes are.
#[derive(Debug)]
enum Phase {
    Http,
    /// Upgraded: reads are the exchange's. The head of the 101 has still to be written, or flushed.
    Switching { tap: IoTap, has_written: bool },
    Upgraded { tap: IoTap },
}

impl<T> MeteredConnection<T> {
    pub(crate) fn new(io: T, context: ConnectionContext) -> Self {
        Self {
            io,
            meter: ConnectionMeter {
                context,
                phase: Phase::Http,
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
            self.switch(IoTap::new(exchange));
        }
    }

    fn switch(&mut self, tap: IoTap) {
        self.phase = Phase::Switching {
            tap,
            has_written: false,
        };
    }

    fn after_read(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<()>>, bytes: usize) -> Poll<io::Result<()>> {
        if let Some(exchange) = self.ledger().add_moved(Direction::Ingress, length(bytes)) {
            self.switch(IoTap::new(exchange));
        }
        match &mut self.phase {
            Phase::Http => polled,
            Phase::Switching { tap, .. } | Phase::Upgraded { tap } => {
                tap.settle(Direction::Ingress, cx, polled, |()| bytes)
            }
        }
    }

    fn after_write(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &polled {
            self.ledger().add_written(length(*bytes));
        }
        match &mut self.phase {
            Phase::Http => polled,
            Phase::Switching { has_written, .. } => {
                *has_written |= matches!(polled, Poll::Ready(Ok(1..)));
                polled
            }
            Phase::Upgraded { tap } => tap.settle(Direction::Egress, cx, polled, |bytes| *bytes),
        }
    }

    fn after_flush(&mut self) {
        self.ledger().settle_egress();
        if matches!(self.phase, Phase::Switching { has_written: true, .. })
            && let Phase::Switching { tap, .. } = std::mem::replace(&mut self.phase, Phase::Http)
        {
            self.phase = Phase::Upgraded { tap };
        }
    }
}

impl<T: AsyncRead> AsyncRead for MeteredConnection<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        let before = buf.filled().len();
        let polled = this.io.poll_read(cx, buf);
        this.meter.after_read(cx, polled, buf.filled().len() - before)
    }
}

impl<T: AsyncWrite> AsyncWrite for MeteredConnection<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.project();
        this.meter.look();
        let polled = this.io.poll_write(cx, buf);
        this.meter.after_write(cx, polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        this.meter.look();
        let polled = this.io.poll_write_vectored(cx, bufs);
        this.meter.after_write(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        ready!(this.io.poll_flush(cx))?;
        this.meter.after_flush();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_shutdown(cx)
    }
}
