//! A connection whose bytes are set against those of its sessions.
//!
//! [`MeteredConnection`] stands between the server and the socket and counts what it moves into the connection's books
//! (`ledger`). Its [`ConnectionContext`] goes with each request, so that the sessions of the requests claim their bytes there; the
//! rest is the [`Overhead`](overhead::Overhead).

pub(crate) mod ledger;
mod meter;
pub(crate) mod overhead;
pub(crate) mod service;

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Version;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::ledger::Ledger;
use self::meter::ConnectionMeter;
use self::overhead::Overhead;
use self::service::WithConnection;
use crate::peer_addr::PeerAddr;
use crate::tap::total;

/// Where a request came from: an extension of requests, by which the layer finds the connection's books.
///
/// Cloning it copies a pointer. While a clone is held, the connection's books stay open.
#[derive(Debug, Clone)]
pub struct ConnectionContext {
    ledger: Arc<Ledger>,
    peer: Option<SocketAddr>,
}

impl ConnectionContext {
    pub(crate) fn new(ledger: Arc<Ledger>, peer: Option<SocketAddr>) -> Self {
        Self { ledger, peer }
    }

    /// A service whose requests carry this context and the [`PeerAddr`], for the connection's server.
    pub fn service<S>(&self, service: S) -> WithConnection<S> {
        WithConnection::new(service, self.clone())
    }

    /// The address at the other end, if it has one.
    #[must_use]
    pub fn peer(&self) -> Option<PeerAddr> {
        self.peer.map(PeerAddr)
    }

    /// The overhead that the connection belongs to.
    #[must_use]
    pub fn overhead(&self) -> &Overhead {
        self.ledger.overhead()
    }

    /// A request arrived. The connection of HTTP/1 is no longer the exchange's before, whether this one is metered or not.
    pub(crate) fn begin_request(&self, version: Version) {
        if version < Version::HTTP_2 {
            self.ledger.vacate();
        }
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
            this.meter.leave();
        }
    }
}

impl<T> MeteredConnection<T> {
    pub(crate) fn new(io: T, context: ConnectionContext) -> Self {
        Self {
            io,
            meter: ConnectionMeter::new(context),
        }
    }

    /// What each request of the connection is to carry.
    #[must_use]
    pub fn context(&self) -> ConnectionContext {
        self.meter.context().clone()
    }

    /// What is beneath.
    pub fn get_ref(&self) -> &T {
        &self.io
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
