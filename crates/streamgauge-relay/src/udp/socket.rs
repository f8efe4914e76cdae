//! A UDP socket that receives and sends many datagrams in one call.
//!
//! The crate `quinn-udp` is named here alone. It receives up to 32 messages in one call, each of which may be a run of
//! datagrams of the same size that the kernel has joined (GRO), and sends a run in one call (GSO). Where the system has
//! neither, each is a datagram. docs/adr/0021 says what that gains.
//!
//! Received bytes are in memory of the thread's own, for the length of a call: a socket that is silent holds none.

use std::cell::RefCell;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use rustix::net::sockopt;
use tokio::io::Interest;

/// The largest run, and more than the largest datagram.
const RUN_BYTES: usize = 65_536;
/// What the kernel is asked to hold while the relay is busy; it grants at most `net.core.rmem_max`.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;

thread_local! {
    static RECEIVED: RefCell<Received> = const { RefCell::new(Received { bytes: Vec::new(), runs: Vec::new() }) };
}

struct Received {
    bytes: Vec<u8>,
    runs: Vec<RecvMeta>,
}

/// A UDP socket.
#[derive(Debug)]
pub(crate) struct Socket {
    io: tokio::net::UdpSocket,
    state: UdpSocketState,
    /// Messages that are received in one call.
    batch: usize,
    /// Datagrams that are sent in one call.
    run: usize,
}

/// Datagrams of one source, one behind the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'a> {
    pub(crate) source: SocketAddr,
    /// Which of this host's addresses they were sent to.
    pub(crate) to: Option<IpAddr>,
    /// All of them have `stride` bytes, but for the last, which may have fewer.
    pub(crate) bytes: &'a [u8],
    pub(crate) stride: usize,
}

impl Run<'_> {
    /// The datagrams. One of no bytes is one, too.
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = &[u8]> {
        let empty = self.bytes.is_empty().then_some(&[][..]);
        self.bytes.chunks(self.stride.max(1)).chain(empty)
    }
}

impl Socket {
    /// Bound there. Without batching, datagrams go one by one.
    pub(crate) fn bind(address: SocketAddr, is_batching: bool) -> io::Result<Self> {
        Self::of(std::net::UdpSocket::bind(address)?, is_batching)
    }

    /// Bound anywhere, and connected there: nobody else's datagrams are received.
    pub(crate) fn connect(to: SocketAddr, is_batching: bool) -> io::Result<Self> {
        let any = match to {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let socket = std::net::UdpSocket::bind((any, 0))?;
        socket.connect(to)?;
        Self::of(socket, is_batching)
    }

    fn of(socket: std::net::UdpSocket, is_batching: bool) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let io = tokio::net::UdpSocket::from_std(socket)?;
        let state = UdpSocketState::new((&io).into())?;
        // For QUIC it forbids fragments. Here large datagrams are to pass, as they do without a relay.
        sockopt::set_ip_mtu_discover(&io, sockopt::Ipv4PathMtuDiscovery::WANT).or_else(|error| {
            if io.local_addr()?.is_ipv4() {
                Err(error.into())
            } else {
                Ok::<_, io::Error>(())
            }
        })?;
        if io.local_addr()?.is_ipv6() {
            sockopt::set_ipv6_mtu_discover(&io, sockopt::Ipv6PathMtuDiscovery::WANT)?;
        }
        // As much as is granted.
        let _ = sockopt::set_socket_recv_buffer_size(&io, RECEIVE_BUFFER_BYTES);
        Ok(Self {
            batch: if is_batching { BATCH_SIZE } else { 1 },
            run: if is_batching { state.max_gso_segments() } else { 1 },
            io,
            state,
        })
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
    }

    /// Waits for datagrams, and hands over all that one call receives.
    pub(crate) async fn receive(&self, mut take: impl FnMut(Run<'_>)) -> io::Result<()> {
        self.io
            // What a datagram met that was sent before, as an answer that nobody listens, is received as well.
            .async_io(Interest::READABLE | Interest::ERROR, || {
                RECEIVED.with_borrow_mut(|received| self.receive_now(received, &mut take))
            })
            .await
    }

    fn receive_now(&self, received: &mut Received, take: &mut impl FnMut(Run<'_>)) -> io::Result<()> {
        received.bytes.resize(BATCH_SIZE * RUN_BYTES, 0);
        received.runs.resize(BATCH_SIZE, RecvMeta::default());
        let mut slices = received.bytes.chunks_mut(RUN_BYTES).map(IoSliceMut::new);
        let mut slices: [_; BATCH_SIZE] =
            std::array::from_fn(|_| slices.next().unwrap_or(IoSliceMut::new(&mut [])));
        let slices = &mut slices[..self.batch];
        let count = self
            .state
            .recv((&self.io).into(), slices, &mut received.runs[..self.batch])?;
        for (run, bytes) in received.runs[..count]
            .iter()
            .zip(received.bytes.chunks(RUN_BYTES))
        {
            take(Run {
                source: run.addr,
                to: run.dst_ip,
                bytes: &bytes[..run.len],
                stride: run.stride,
            });
        }
        Ok(())
    }

    /// The most datagrams of so many bytes each that one call sends.
    pub(crate) fn max_run(&self, stride: usize) -> usize {
        // A run is a message itself, and has room for headers.
        let fitting = 65_000 / stride.max(1);
        self.run.min(self.state.max_gso_segments()).min(fitting).max(1)
    }

    /// Sends a run of at most [`max_run`](Self::max_run) datagrams, if the socket takes it now.
    pub(crate) fn try_send(
        &self,
        to: SocketAddr,
        from: Option<IpAddr>,
        bytes: &[u8],
        stride: usize,
    ) -> io::Result<()> {
        let segment_size = (bytes.len() > stride).then_some(stride);
        let transmit = Transmit {
            destination: to,
            ecn: None,
            contents: bytes,
            segment_size,
            src_ip: from,
        };
        self.state.try_send((&self.io).into(), &transmit)
    }

    /// The same, waiting until the socket takes it.
    pub(crate) async fn send(
        &self,
        to: SocketAddr,
        from: Option<IpAddr>,
        bytes: &[u8],
        stride: usize,
    ) -> io::Result<()> {
        self.io
            .async_io(Interest::WRITABLE, || self.try_send(to, from, bytes, stride))
            .await
    }
}
