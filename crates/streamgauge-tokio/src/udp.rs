//! Datagram sockets that count what passes.
//!
//! A datagram is counted once it was received or taken by the system, with the bytes of its payload; where packets are counted
//! it is one, an empty one too. What a buffer was too short for the system has dropped, and is not counted.

pub(crate) mod server;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;

use streamgauge::{OwnedSession, SessionHandle};
use tokio::net::UdpSocket;

use crate::vigil::Vigil;

/// A connected socket, and the session that its datagrams count for.
///
/// The session closes when this is dropped. Where somebody else closes it, calls fail with an error of the kind
/// [`ConnectionAborted`](io::ErrorKind::ConnectionAborted), those that wait at once. All calls are by reference, so that several
/// tasks may share it, and may be dropped while they wait: no datagram is lost.
///
/// Cost: one count by handle a datagram. A call that waits lists its task with the session.
#[derive(Debug)]
pub struct MeteredUdpSocket {
    socket: UdpSocket,
    session: OwnedSession,
}

impl MeteredUdpSocket {
    /// Meters a socket that [`UdpSocket::connect`] has connected.
    pub fn new(socket: UdpSocket, session: SessionHandle) -> Self {
        Self {
            socket,
            session: session.owned(),
        }
    }

    /// The session.
    pub fn session(&self) -> &SessionHandle {
        &self.session
    }

    /// The socket. Datagrams that pass here are not counted.
    pub fn get_ref(&self) -> &UdpSocket {
        &self.socket
    }

    /// The socket. The session closes.
    pub fn into_inner(self) -> UdpSocket {
        self.socket
    }

    /// Waits for a datagram, and counts it.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::recv`], and when the session has closed.
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = unless_closed(&self.session, self.socket.recv(buffer)).await?;
        self.received(bytes)
    }

    /// Takes a datagram that is there, and counts it.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::try_recv`], and when the session has closed.
    pub fn try_recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.session.ensure_open()?;
        let bytes = self.socket.try_recv(buffer)?;
        self.received(bytes)
    }

    /// Sends a datagram, and counts it.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::send`], and when the session has closed.
    pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        let bytes = unless_closed(&self.session, self.socket.send(datagram)).await?;
        self.sent(bytes)
    }

    /// Sends a datagram if there is room for it, and counts it.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::try_send`], and when the session has closed.
    pub fn try_send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.session.ensure_open()?;
        let bytes = self.socket.try_send(datagram)?;
        self.sent(bytes)
    }

    fn received(&self, bytes: usize) -> io::Result<usize> {
        self.session.ingress(bytes as u64).into_result()?;
        Ok(bytes)
    }

    fn sent(&self, bytes: usize) -> io::Result<usize> {
        self.session.egress(bytes as u64).into_result()?;
        Ok(bytes)
    }
}

/// Does what may have to wait, unless the session closes before it is done.
async fn unless_closed<R>(
    session: &SessionHandle,
    work: impl Future<Output = io::Result<R>>,
) -> io::Result<R> {
    session.ensure_open()?;
    let mut work = pin!(work);
    let mut vigil = Vigil::default();
    poll_fn(|context| {
        let inner = work.as_mut().poll(context);
        vigil.keep(session, context, inner)
    })
    .await
}
