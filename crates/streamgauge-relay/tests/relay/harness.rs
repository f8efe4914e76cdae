//! A relay on a manual clock, with its clients and upstreams.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use streamgauge::{Collector, Config, ManualClock, Registry, Summary};
use streamgauge_relay::config::{ListenerConfig, Protocol, RelayConfig};
use streamgauge_relay::{Listening, Relay};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// No test waits so long unless something hangs.
const HANG: Duration = Duration::from_secs(60);

/// A relay with its clock.
pub(crate) struct Bench {
    pub(crate) relay: Relay,
    pub(crate) clock: ManualClock,
}

/// What is waited for, unless something hangs.
pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(HANG, work).await.expect("nothing hangs")
}

/// Waits until it is so.
pub(crate) async fn until(mut is_so: impl FnMut() -> bool) {
    soon(async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

pub(crate) fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// A TCP listener of the relay's before an upstream there.
pub(crate) fn tcp_to(upstream: SocketAddr) -> ListenerConfig {
    ListenerConfig::new("web", Protocol::Tcp, loopback(), upstream.into())
}

impl Bench {
    pub(crate) async fn of(listener: ListenerConfig) -> Self {
        Self::start(&RelayConfig::new(vec![listener])).await
    }

    pub(crate) async fn start(config: &RelayConfig) -> Self {
        let clock = ManualClock::default();
        let mut registry = Config::default();
        registry.persist_dir.clone_from(&config.history);
        let registry = Registry::manual(registry, clock.clone()).unwrap();
        let relay = Relay::start_in(config, registry).await.unwrap();
        Self { relay, clock }
    }

    pub(crate) fn listening(&self) -> &Listening {
        &self.relay.listeners()[0]
    }

    pub(crate) fn collector(&self) -> &Collector {
        self.listening().collector()
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.listening().local_addr()
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        soon(TcpStream::connect(self.addr())).await.unwrap()
    }

    /// What is counted by now.
    pub(crate) fn summary(&self) -> Arc<Summary> {
        self.collector().refresh()
    }

    /// Sessions, pending and active.
    pub(crate) fn open(&self) -> u64 {
        let summary = self.summary();
        summary.pending_sessions + summary.current_sessions
    }

    /// Waits until all sessions have closed, and gives what they moved.
    pub(crate) async fn ended(&self) -> Arc<Summary> {
        until(|| self.open() == 0).await;
        self.summary()
    }

    /// Lets time pass for the collectors, tick by tick.
    pub(crate) fn pass(&self, time: Duration) {
        for _ in 0..time.as_secs() {
            self.clock.advance(Duration::from_secs(1));
            self.relay.registry().tick();
        }
    }
}

/// Takes one connection.
pub(crate) async fn accept(upstream: &TcpListener) -> TcpStream {
    soon(upstream.accept()).await.unwrap().0
}

pub(crate) async fn bind() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

pub(crate) async fn send(stream: &mut TcpStream, bytes: &[u8]) {
    soon(stream.write_all(bytes)).await.unwrap();
}

/// Sends the end.
pub(crate) async fn finish(stream: &mut TcpStream) {
    soon(stream.shutdown()).await.unwrap();
}

pub(crate) async fn receive(stream: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut buffer = vec![0; bytes];
    soon(stream.read_exact(&mut buffer)).await.unwrap();
    buffer
}

/// All that comes, up to the end.
pub(crate) async fn receive_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut buffer = Vec::new();
    soon(stream.read_to_end(&mut buffer)).await.unwrap();
    buffer
}

/// What comes until the connection is reset, and that it is.
pub(crate) async fn receive_until_reset(stream: &mut TcpStream) -> Vec<u8> {
    let mut buffer = Vec::new();
    let error = soon(stream.read_to_end(&mut buffer)).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    buffer
}

/// Bytes of which no stretch is like another.
pub(crate) fn pattern(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..bytes).map(next).collect()
}
