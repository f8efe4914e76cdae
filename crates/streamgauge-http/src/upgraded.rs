//! A connection that an exchange was upgraded to, counted as bytes pass.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::exchange::Exchange;
use crate::tap::{IoTap, total};

pin_project! {
    /// An upgraded connection, metered under the session of its exchange: made by [`Exchange::upgraded`].
    ///
    /// Bytes read are ingress, bytes written egress. Once the session has closed, reads and writes fail with
    /// `ConnectionAborted`, those that wait too; bytes that passed the moment it closed are in no session. Dropping it closes
    /// a session that is the exchange's own.
    ///
    /// Cost: as of a body's frame, for each read and write.
    #[derive(Debug)]
    pub struct Upgraded<T> {
        #[pin]
        io: T,
        // None where the connection beneath counts already.
        tap: Option<IoTap>,
    }
}

impl<T> Upgraded<T> {
    pub(crate) fn new(io: T, exchange: Option<Exchange>) -> Self {
        Self {
            io,
            tap: exchange.map(IoTap::new),
        }
    }

    /// The connection.
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// The connection. What is read or written past this type is not counted.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.io
    }
}

impl<T: AsyncRead> AsyncRead for Upgraded<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        if let Some(tap) = &this.tap {
            tap.ensure_open()?;
        }
        let before = buf.filled().len();
        let polled = this.io.poll_read(cx, buf);
        match this.tap {
            Some(tap) => tap.after_read(cx, polled, buf.filled().len() - before),
            None => polled,
        }
    }
}

impl<T: AsyncWrite> AsyncWrite for Upgraded<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.project();
        match this.tap {
            Some(tap) => tap.write(cx, buf.len(), |cx| this.io.poll_write(cx, buf)),
            None => this.io.poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        match this.tap {
            Some(tap) => tap.write(cx, total(bufs), |cx| this.io.poll_write_vectored(cx, bufs)),
            None => this.io.poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        match (this.io.poll_flush(cx), this.tap) {
            (Poll::Pending, Some(tap)) => tap.wait(cx),
            (polled, _) => polled,
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        match (this.io.poll_shutdown(cx), this.tap) {
            (Poll::Pending, Some(tap)) => tap.wait(cx),
            (polled, _) => polled,
        }
    }
}
