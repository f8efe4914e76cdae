//! A reader or writer that counts what passes.
//!
//! Bytes are counted once they have passed: what a read returned is ingress, what a write took is egress. A buffered reader
//! counts what is consumed. So a session's totals are what the program got from its peer and gave to the operating system,
//! to the byte, whatever came short.

use std::io::{self, BufRead, IoSlice, IoSliceMut, Read, Write};

use crate::session::SessionHandle;
use crate::session::owned::OwnedSession;

/// Counts what is read from `T` as ingress of a session, and what is written to it as egress.
///
/// The session closes when this is dropped. Where somebody else closes it, reads and writes fail from then on with an error
/// of the kind [`ConnectionAborted`](io::ErrorKind::ConnectionAborted) that holds a [`SessionClosed`](crate::SessionClosed):
/// so a loop that serves a kicked client ends. A read that waits for its peer is not woken; sockets with a timeout, or
/// `Metered` of `streamgauge-tokio`, are. What a call moved while the session closed is not counted, and that call fails.
///
/// Through `get_ref` and `get_mut` bytes pass unseen. What goes past on purpose, by sendfile(2) or splice(2), is reported
/// to [`session`](Self::session).
///
/// ```
/// use std::io::{Read, Write};
/// use streamgauge::{Collector, CollectorConfig, ManualClock, Metered};
///
/// let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
/// let session = collector.register("client", "stream", "here", "there");
/// let mut metered = Metered::new(std::io::Cursor::new(vec![0; 100]), session);
/// metered.write_all(b"GET / ")?;
/// metered.read_exact(&mut [0; 60])?;
/// drop(metered);
/// let moved = collector.refresh().history.stats;
/// assert_eq!((moved.total_rx_bytes, moved.total_tx_bytes), (60, 6));
/// # std::io::Result::Ok(())
/// ```
///
/// Cost: one count by handle a call, and a load; no alloc; no lock; no clock.
#[derive(Debug)]
pub struct Metered<T> {
    io: T,
    session: OwnedSession,
}

impl<T> Metered<T> {
    /// Meters `io` under a session.
    pub fn new(io: T, session: SessionHandle) -> Self {
        Self {
            io,
            session: session.owned(),
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

    /// What was metered. The session closes.
    pub fn into_inner(self) -> T {
        self.io
    }

    /// What was metered, and its session, which stays open.
    pub fn into_parts(self) -> (T, SessionHandle) {
        (self.io, self.session.release())
    }

    #[inline]
    fn received(&self, bytes: usize) -> io::Result<usize> {
        if bytes > 0 {
            self.session.ingress(bytes as u64).into_result()?;
        }
        Ok(bytes)
    }

    #[inline]
    fn sent(&self, bytes: usize) -> io::Result<usize> {
        if bytes > 0 {
            self.session.egress(bytes as u64).into_result()?;
        }
        Ok(bytes)
    }
}

impl<T: Read> Read for Metered<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.session.ensure_open()?;
        let read = self.io.read(buffer)?;
        self.received(read)
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.session.ensure_open()?;
        let read = self.io.read_vectored(buffers)?;
        self.received(read)
    }
}

impl<T: BufRead> BufRead for Metered<T> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.session.ensure_open()?;
        self.io.fill_buf()
    }

    /// What is consumed as the session closes is not counted, and the next call fails.
    fn consume(&mut self, amount: usize) {
        self.io.consume(amount);
        // There is nobody to tell but the next call, which asks for itself.
        let _verdict = self.received(amount);
    }
}

impl<T: Write> Write for Metered<T> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.session.ensure_open()?;
        let written = self.io.write(buffer)?;
        self.sent(written)
    }

    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.session.ensure_open()?;
        let written = self.io.write_vectored(buffers)?;
        self.sent(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.io.flush()
    }
}
