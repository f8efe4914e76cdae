//! What a metered TCP stream has beside reading and writing: its halves, and its calls that do not wait.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::stream::Metered;

impl Metered<TcpStream> {
    /// The halves, for a task each. The session closes when both are dropped.
    ///
    /// A dropped write half shuts its direction down, as tokio's does.
    pub fn into_split(self) -> (Metered<OwnedReadHalf>, Metered<OwnedWriteHalf>) {
        let (stream, session) = self.into_io_and_session();
        let (reader, writer) = stream.into_split();
        (
            Metered::part(reader, Arc::clone(&session)),
            Metered::part(writer, session),
        )
    }

    /// The address of the peer.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::peer_addr`].
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.get_ref().peer_addr()
    }

    /// Reads what is there, and counts it. To be called once [`TcpStream::readable`] of [`get_ref`](Self::get_ref) has said so.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::try_read`], and when the session has closed.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.session().ensure_open()?;
        let read = self.get_ref().try_read(buffer)?;
        self.received(read)?;
        Ok(read)
    }

    /// As [`try_read`](Self::try_read), into several buffers.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::try_read_vectored`], and when the session has closed.
    pub fn try_read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.session().ensure_open()?;
        let read = self.get_ref().try_read_vectored(buffers)?;
        self.received(read)?;
        Ok(read)
    }

    /// Writes what there is room for, and counts it. To be called once [`TcpStream::writable`] of [`get_ref`](Self::get_ref) has
    /// said so.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::try_write`], and when the session has closed.
    pub fn try_write(&self, buffer: &[u8]) -> io::Result<usize> {
        self.session().ensure_open()?;
        let written = self.get_ref().try_write(buffer)?;
        self.sent(written)?;
        Ok(written)
    }

    /// As [`try_write`](Self::try_write), from several buffers.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::try_write_vectored`], and when the session has closed.
    pub fn try_write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.session().ensure_open()?;
        let written = self.get_ref().try_write_vectored(buffers)?;
        self.sent(written)?;
        Ok(written)
    }
}
