//! A stream that counts what passes.
//!
//! Bytes are counted once they have passed: what a read filled in is ingress, what a write took is egress, and a buffered
//! reader counts what is consumed. So a session's totals are what the program got from its peer and gave to the stream
//! below, to the byte, whatever was offered and whatever came short.
//!
//! A session that has closed is asked about before a byte is moved, so nothing passes for a kicked client. What one call
//! moved while the session closed is not counted, and that call fails.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use streamgauge::{OwnedSession, SessionHandle};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

use crate::vigil::Vigil;

pin_project! {
    /// Counts what is read from `T` as ingress of a session, and what is written to it as egress.
    ///
    /// The session closes when this is dropped; where it was split, when the last part is. Where somebody else closes it, a
    /// kick or a timeout, reads and writes fail with an error of the kind [`ConnectionAborted`](io::ErrorKind::ConnectionAborted)
    /// that holds a [`SessionClosed`](crate::SessionClosed), and a task that waits in one of them, or in a flush or a shutdown, is
    /// woken for that. A shutdown may still be begun after that, to say goodbye.
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use streamgauge::{Collector, CollectorConfig, ManualClock};
    /// use streamgauge_tokio::Metered;
    /// use tokio::io::{AsyncReadExt, duplex};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
    /// let (_client, server) = duplex(1_024);
    /// let mut server = Metered::new(server, collector.register("client", "echo", "here", "there"));
    /// let serving = async move { server.read_u8().await }; // for a client that sends nothing
    /// let kick = async { collector.unregister("client") };
    /// let (served, _) = tokio::join!(serving, kick);
    /// assert_eq!(served.unwrap_err().kind(), ErrorKind::ConnectionAborted);
    /// # });
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Bytes that pass by [`get_ref`](Self::get_ref) and the like are not counted. What goes past on purpose, by sendfile(2) or
    /// splice(2), is reported by [`received`](Self::received) and [`sent`](Self::sent).
    ///
    /// Cost: one count by handle and one load a call; no alloc; no lock; no clock. The first wait of each way lists its task
    /// with the session, for which it allocates.
    #[derive(Debug)]
    pub struct Metered<T> {
        #[pin]
        io: T,
        session: Arc<OwnedSession>,
        reading: Vigil,
        writing: Vigil,
    }
}

impl<T> Metered<T> {
    /// Meters `io` under a session.
    pub fn new(io: T, session: SessionHandle) -> Self {
        Self::part(io, Arc::new(session.owned()))
    }

    /// One part of a stream, whose session it shares with the others.
    pub(crate) fn part(io: T, session: Arc<OwnedSession>) -> Self {
        Self {
            io,
            session,
            reading: Vigil::default(),
            writing: Vigil::default(),
        }
    }

    /// The session.
    pub fn session(&self) -> &SessionHandle {
        &self.session
    }

    /// What is metered. Bytes that pass here are not counted.
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// What is metered. Bytes that pass here are not counted.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.io
    }

    /// What is metered, pinned. Bytes that pass here are not counted.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut T> {
        self.project().io
    }

    /// What was metered. The session closes, unless it is another part's, too.
    pub fn into_inner(self) -> T {
        self.io
    }

    #[cfg(feature = "net")]
    pub(crate) fn into_io_and_session(self) -> (T, Arc<OwnedSession>) {
        (self.io, self.session)
    }

    /// Counts `bytes` that were received past this.
    ///
    /// # Errors
    ///
    /// When the session has closed.
    pub fn received(&self, bytes: usize) -> io::Result<()> {
        received(&self.session, bytes)
    }

    /// Counts `bytes` that were sent past this.
    ///
    /// # Errors
    ///
    /// When the session has closed.
    pub fn sent(&self, bytes: usize) -> io::Result<()> {
        sent(&self.session, bytes)
    }
}

/// An end of the stream, and a write that took nothing, are no packets.
#[inline]
pub(crate) fn received(session: &SessionHandle, bytes: usize) -> io::Result<()> {
    if bytes > 0 {
        session.ingress(bytes as u64).into_result()?;
    }
    Ok(())
}

#[inline]
pub(crate) fn sent(session: &SessionHandle, bytes: usize) -> io::Result<()> {
    if bytes > 0 {
        session.egress(bytes as u64).into_result()?;
    }
    Ok(())
}

impl<T: AsyncRead> AsyncRead for Metered<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.project();
        this.session.ensure_open()?;
        let before = buffer.filled().len();
        let inner = this.io.poll_read(context, buffer);
        if let Poll::Ready(Ok(())) = inner {
            received(this.session, buffer.filled().len().saturating_sub(before))?;
        }
        this.reading.keep(this.session, context, inner)
    }
}

impl<T: AsyncBufRead> AsyncBufRead for Metered<T> {
    fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.project();
        this.session.ensure_open()?;
        let inner = this.io.poll_fill_buf(context);
        this.reading.keep(this.session, context, inner)
    }

    /// What is consumed as the session closes is not counted, and the next call fails.
    fn consume(self: Pin<&mut Self>, amount: usize) {
        let this = self.project();
        this.io.consume(amount);
        // There is nobody to tell but the next call, which asks for itself.
        let _closed = received(this.session, amount);
    }
}

impl<T: AsyncWrite> AsyncWrite for Metered<T> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.project();
        this.session.ensure_open()?;
        let inner = this.io.poll_write(context, buffer);
        if let Poll::Ready(Ok(written)) = inner {
            sent(this.session, written)?;
        }
        this.writing.keep(this.session, context, inner)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        this.session.ensure_open()?;
        let inner = this.io.poll_write_vectored(context, buffers);
        if let Poll::Ready(Ok(written)) = inner {
            sent(this.session, written)?;
        }
        this.writing.keep(this.session, context, inner)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        let inner = this.io.poll_flush(context);
        this.writing.keep(this.session, context, inner)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        let inner = this.io.poll_shutdown(context);
        this.writing.keep(this.session, context, inner)
    }
}
