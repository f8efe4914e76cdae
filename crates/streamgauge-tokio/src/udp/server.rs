//! One socket that serves many clients: a session for each address.
//!
//! A session's id is the client's address as text, `198.51.100.7:5000`, written to the stack. A datagram is counted by id,
//! without a lock and without a word that other sessions write; an address that no open session has is a newcomer, which the
//! program admits or not.

use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;

use streamgauge::{Admission, AdmissionError, Collector, SessionClosed, SessionHandle, Verdict};
use tokio::net::UdpSocket;

/// A socket that serves many clients, and a collector that has a session for each.
///
/// Sessions end by the collector's timeouts, or by a kick: the next datagram of that address is a newcomer's again. Dropping the
/// server closes none.
///
/// ```
/// use std::net::Ipv4Addr;
/// use streamgauge::{Collector, CollectorConfig, ManualClock};
/// use streamgauge_tokio::MeteredUdpServer;
/// use tokio::net::UdpSocket;
///
/// # tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(async {
/// let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
/// let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
/// let server = MeteredUdpServer::new(socket, collector.clone(), |newcomer| {
///     Some(newcomer.register("echo", "edge-1"))
/// });
/// let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
/// client.send_to(b"hello", server.get_ref().local_addr()?).await?;
///
/// let (bytes, from) = server.recv_from(&mut [0; 1_500]).await?;
/// server.send_to(b"hi", from).await?;
/// assert_eq!((bytes, from), (5, client.local_addr()?));
/// let session = &collector.active()[0];
/// assert_eq!(session.id.to_string(), from.to_string());
/// assert_eq!((session.rx_bytes, session.tx_bytes), (5, 2));
/// # std::io::Result::Ok(())
/// # })?;
/// # std::io::Result::Ok(())
/// ```
///
/// Cost: one count by id a datagram; for what is sent, a lookup more.
pub struct MeteredUdpServer {
    socket: UdpSocket,
    collector: Collector,
    admit: Box<Admit>,
}

/// How many datagrams are dropped in a call that does not wait.
const MOST_TURNED_AWAY: usize = 64;

type Admit = dyn Fn(&Newcomer<'_>) -> Option<SessionHandle> + Send + Sync;

/// An address that no open session has, and its first datagram.
#[derive(Debug)]
pub struct Newcomer<'a> {
    collector: &'a Collector,
    address: SocketAddr,
    datagram: &'a [u8],
}

impl MeteredUdpServer {
    /// Meters a socket. `admit` is asked about each datagram of an address that has no open session: where it answers none,
    /// or a session that is refused, the datagram is dropped.
    ///
    /// It is called while a datagram is received, so it must not wait. It is asked again with the next datagram: to keep a
    /// kicked client away is up to it.
    pub fn new(
        socket: UdpSocket,
        collector: Collector,
        admit: impl Fn(&Newcomer<'_>) -> Option<SessionHandle> + Send + Sync + 'static,
    ) -> Self {
        Self {
            socket,
            collector,
            admit: Box::new(admit),
        }
    }

    /// The socket. Datagrams that pass here are not counted.
    pub fn get_ref(&self) -> &UdpSocket {
        &self.socket
    }

    /// The collector.
    pub fn collector(&self) -> &Collector {
        &self.collector
    }

    /// Waits for a datagram of a client that is served, and counts it. The datagrams of others are dropped. May be dropped while
    /// it waits: no datagram is lost.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::recv_from`].
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        loop {
            let (bytes, from) = self.socket.recv_from(buffer).await?;
            let datagram = buffer.get(..bytes).unwrap_or_default();
            if self.has_counted(from, datagram) {
                return Ok((bytes, from));
            }
        }
    }

    /// Takes a datagram that is there, and counts it, as [`recv_from`](Self::recv_from).
    ///
    /// Strangers may send faster than they are turned away, so it gives up after 64 datagrams of theirs, with
    /// [`WouldBlock`](io::ErrorKind::WouldBlock). The socket stays readable where there are more.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::try_recv_from`].
    pub fn try_recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        for _ in 0..MOST_TURNED_AWAY {
            let (bytes, from) = self.socket.try_recv_from(buffer)?;
            let datagram = buffer.get(..bytes).unwrap_or_default();
            if self.has_counted(from, datagram) {
                return Ok((bytes, from));
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Sends a datagram to a client, and counts it.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::send_to`]; and of the kind [`ConnectionAborted`](io::ErrorKind::ConnectionAborted) when no open session
    /// has this address. Nothing is sent then.
    pub async fn send_to(&self, datagram: &[u8], to: SocketAddr) -> io::Result<usize> {
        let id = Id::of(to);
        if !self.is_served(&id) {
            return Err(SessionClosed(Verdict::Unknown).into());
        }
        let bytes = self.socket.send_to(datagram, to).await?;
        self.collector.egress(&id, bytes as u64).into_result()?;
        Ok(bytes)
    }

    /// Sends a datagram to a client if there is room for it, and counts it.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::try_send_to`], and as [`send_to`](Self::send_to).
    pub fn try_send_to(&self, datagram: &[u8], to: SocketAddr) -> io::Result<usize> {
        let id = Id::of(to);
        if !self.is_served(&id) {
            return Err(SessionClosed(Verdict::Unknown).into());
        }
        let bytes = self.socket.try_send_to(datagram, to)?;
        self.collector.egress(&id, bytes as u64).into_result()?;
        Ok(bytes)
    }

    /// Whether a datagram to this client would count. A null collector's count, and it knows nobody.
    fn is_served(&self, id: &Id) -> bool {
        self.collector.is_known_session(id) || self.collector.egress(id, 0).is_counted()
    }

    fn has_counted(&self, from: SocketAddr, datagram: &[u8]) -> bool {
        let bytes = datagram.len() as u64;
        match self.collector.ingress(Id::of(from), bytes) {
            Verdict::Unknown => {
                let newcomer = Newcomer {
                    collector: &self.collector,
                    address: from,
                    datagram,
                };
                (self.admit)(&newcomer).is_some_and(|session| session.ingress(bytes).is_counted())
            }
            verdict => verdict.is_counted(),
        }
    }
}

impl fmt::Debug for MeteredUdpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeteredUdpServer")
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}

impl Newcomer<'_> {
    /// Where it comes from.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it sent.
    #[must_use]
    pub fn datagram(&self) -> &[u8] {
        self.datagram
    }

    /// Registers its session, with its IP address as the peer.
    pub fn register(&self, reference: &str, location: &str) -> SessionHandle {
        let peer = self.address.ip().to_string();
        self.collector
            .register(Id::of(self.address), reference, location, &peer)
    }

    /// Registers its session if the limits allow it, with its IP address as the peer.
    ///
    /// # Errors
    ///
    /// As [`Collector::try_register`].
    pub fn try_register(
        &self,
        reference: &str,
        location: &str,
        admission: Admission,
    ) -> Result<SessionHandle, AdmissionError> {
        let peer = self.address.ip().to_string();
        self.collector
            .try_register(Id::of(self.address), reference, location, &peer, admission)
    }
}

/// An address as text.
struct Id {
    text: [u8; Self::LONGEST],
    length: usize,
}

impl Id {
    /// Of `[0123:…:4567%4294967295]:65535`, with eight groups.
    const LONGEST: usize = 58;

    fn of(address: SocketAddr) -> Self {
        let mut text = [0; Self::LONGEST];
        let mut rest = &mut text[..];
        // No address is longer, so this has room.
        let _fits = write!(rest, "{address}");
        let length = Self::LONGEST - rest.len();
        Self { text, length }
    }
}

impl AsRef<[u8]> for Id {
    fn as_ref(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};

    use super::Id;

    #[test]
    fn an_id_is_its_address_as_text_up_to_the_longest() {
        let longest = SocketAddrV6::new(Ipv6Addr::from(u128::MAX), u16::MAX, 0, u32::MAX);
        for address in [
            SocketAddr::from(([1, 2, 3, 4], 5)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, 65_535)),
            longest.into(),
        ] {
            assert_eq!(Id::of(address).as_ref(), address.to_string().as_bytes());
        }
    }
}
