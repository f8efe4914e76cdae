//! What the tests share: a collector that tells what closed, bodies, servers and clients over a wire that counts.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use streamgauge::{
    ClosedSession, Collector, CollectorConfig, ManualClock, SessionEvent, SessionObserver, Stats,
};
use streamgauge_http::{
    BoxError, Choice, Labels, MeterLayer, MeterService, MeteredBody, Overhead, ResponseBody,
};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::task::JoinHandle;
use tower::{Layer, Service};

pub(crate) type TestBody = UnsyncBoxBody<Bytes, BoxError>;

/// What hyper's requests arrive as.
pub(crate) type Arrived = Request<MeteredBody<Incoming>>;

/// No test waits this long, unless it hangs.
pub(crate) const HANG: Duration = Duration::from_secs(60);

/// A collector, its clock, and the sessions that closed.
pub(crate) struct Gauge {
    pub(crate) collector: Collector,
    pub(crate) clock: ManualClock,
    closed: Arc<Recorder>,
}

#[derive(Default)]
struct Recorder(Mutex<Vec<ClosedSession>>);

impl SessionObserver for Recorder {
    fn on_event(&self, event: &SessionEvent) {
        if let SessionEvent::Closed(closed) = event {
            self.0.lock().unwrap().push(closed.clone());
        }
    }
}

impl Gauge {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(configure: impl FnOnce(&mut CollectorConfig)) -> Self {
        let closed = Arc::<Recorder>::default();
        let clock = ManualClock::default();
        let mut config = CollectorConfig::default();
        config.session_timeout = Duration::MAX;
        config.observer = Some(Arc::clone(&closed) as _);
        configure(&mut config);
        Self {
            collector: Collector::manual(config, clock.clone()),
            clock,
            closed,
        }
    }

    /// A layer with a session for each exchange, under the request's path.
    pub(crate) fn layer(&self) -> MeterLayer {
        MeterLayer::new(&self.collector, |arrival| {
            Choice::Exchange(Labels::new(arrival.parts.uri.path(), "here", "there"))
        })
    }

    /// The sessions that have closed.
    pub(crate) fn closed(&self) -> Vec<ClosedSession> {
        self.collector.refresh();
        self.closed.0.lock().unwrap().clone()
    }

    /// The received and sent bytes of the sessions that closed, by reference, in the order of their closes.
    pub(crate) fn closed_bytes(&self) -> Vec<(String, u64, u64)> {
        let bytes = |closed: ClosedSession| {
            let totals = closed.totals;
            (
                closed.identity.reference.to_string(),
                totals.total_rx_bytes,
                totals.total_tx_bytes,
            )
        };
        self.closed().into_iter().map(bytes).collect()
    }

    /// The received and sent bytes of the sessions that are open.
    pub(crate) fn live_bytes(&self) -> (u64, u64) {
        pair(self.collector.refresh().live)
    }

    pub(crate) fn total_bytes(&self) -> (u64, u64) {
        pair(self.collector.refresh().totals)
    }

    /// The received and sent bytes of all sessions of a reference, open and closed.
    pub(crate) fn bytes_of(&self, reference: &str) -> (u64, u64) {
        let summary = self.collector.refresh();
        let ended = summary.history.references.get(reference);
        let (mut rx, mut tx) = ended.map_or((0, 0), |row| pair(*row));
        for session in self.collector.active() {
            if session.reference == reference {
                rx += session.rx_bytes;
                tx += session.tx_bytes;
            }
        }
        (rx, tx)
    }

    pub(crate) fn open_sessions(&self) -> u64 {
        let summary = self.collector.refresh();
        summary.current_sessions + summary.pending_sessions
    }
}

fn pair(stats: Stats) -> (u64, u64) {
    (stats.total_rx_bytes, stats.total_tx_bytes)
}

pub(crate) fn full(data: impl Into<Bytes>) -> TestBody {
    Full::new(data.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

pub(crate) fn empty() -> TestBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

pub(crate) fn trailers(name: &'static str, value: &'static str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert(name, value.parse().unwrap());
    trailers
}

/// Lets all tasks run until something holds.
pub(crate) async fn until(mut holds: impl FnMut() -> bool) {
    let holding = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(HANG, holding).await.unwrap();
}

/// The whole of a body.
pub(crate) async fn read<B>(body: B) -> Result<Bytes, B::Error>
where
    B: http_body::Body<Data = Bytes>,
{
    Ok(body.collect().await?.to_bytes())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    pub(crate) const BOTH: [Self; 2] = [Self::Http1, Self::Http2];
}

/// What moved over a wire, as its server's end sees it: counted by no code under test.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wire(Arc<Mutex<(u64, u64)>>);

impl Wire {
    pub(crate) fn bytes(&self) -> (u64, u64) {
        *self.0.lock().unwrap()
    }

    pub(crate) fn end<T>(&self, io: T) -> WireEnd<T> {
        WireEnd {
            io,
            wire: self.clone(),
        }
    }
}

/// The server's end of a wire.
#[derive(Debug)]
pub(crate) struct WireEnd<T> {
    io: T,
    wire: Wire,
}

impl<T: AsyncRead + Unpin> AsyncRead for WireEnd<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        self.wire.0.lock().unwrap().0 += (buf.filled().len() - before) as u64;
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for WireEnd<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.io).poll_write(cx, buf);
        if let Poll::Ready(Ok(bytes)) = &polled {
            self.wire.0.lock().unwrap().1 += *bytes as u64;
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

pub(crate) fn peer() -> SocketAddr {
    "198.51.100.7:4711".parse().unwrap()
}

/// Serves one connection, over metered `io` where there is an overhead.
pub(crate) fn serve<T, S>(
    protocol: Protocol,
    overhead: Option<&Overhead>,
    io: T,
    service: MeterService<S>,
) -> JoinHandle<Result<(), hyper::Error>>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Arrived, Response = Response<TestBody>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError> + 'static,
{
    match overhead {
        Some(overhead) => {
            let connection = overhead.connection(io, peer());
            let service = connection.context().service(service);
            tokio::spawn(run(protocol, connection, service))
        }
        None => tokio::spawn(run(protocol, io, service)),
    }
}

async fn run<T, S>(protocol: Protocol, io: T, service: S) -> Result<(), hyper::Error>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<ResponseBody<TestBody>>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError> + 'static,
{
    let service = TowerToHyperService::new(service);
    let io = TokioIo::new(io);
    match protocol {
        Protocol::Http1 => {
            let server = hyper::server::conn::http1::Builder::new();
            server.serve_connection(io, service).with_upgrades().await
        }
        Protocol::Http2 => {
            let mut server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            server.enable_connect_protocol();
            server.serve_connection(io, service).await
        }
    }
}

/// The client's end of one connection.
#[derive(Clone)]
pub(crate) enum Client {
    Http1(Arc<tokio::sync::Mutex<hyper::client::conn::http1::SendRequest<TestBody>>>),
    Http2(hyper::client::conn::http2::SendRequest<TestBody>),
}

impl Client {
    pub(crate) async fn connect(
        protocol: Protocol,
        io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Self {
        let io = TokioIo::new(io);
        match protocol {
            Protocol::Http1 => {
                let (client, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
                tokio::spawn(connection.with_upgrades());
                Self::Http1(Arc::new(tokio::sync::Mutex::new(client)))
            }
            Protocol::Http2 => {
                let (client, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
                    .await
                    .unwrap();
                tokio::spawn(connection);
                Self::Http2(client)
            }
        }
    }

    pub(crate) async fn send(
        &self,
        mut request: Request<TestBody>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        match self {
            Self::Http1(client) => {
                let mut client = client.lock().await;
                client.ready().await?;
                client.send_request(request).await
            }
            Self::Http2(client) => {
                *request.version_mut() = http::Version::HTTP_2;
                client.clone().send_request(request).await
            }
        }
    }
}

/// A request as clients send them: with a host, which HTTP/2 has in its target.
pub(crate) fn request(protocol: Protocol, method: &str, path: &str, body: TestBody) -> Request<TestBody> {
    let builder = Request::builder().method(method);
    let builder = match protocol {
        Protocol::Http1 => builder.uri(path).header("host", "a.example"),
        Protocol::Http2 => builder.uri(format!("http://a.example{path}")),
    };
    builder.body(body).unwrap()
}

/// A server and a client over a wire in memory.
pub(crate) struct Site {
    pub(crate) client: Client,
    pub(crate) wire: Wire,
    pub(crate) server: JoinHandle<Result<(), hyper::Error>>,
}

impl Site {
    /// A site whose wire holds 64 KiB each way.
    pub(crate) async fn open<S>(
        protocol: Protocol,
        overhead: Option<&Overhead>,
        layer: &MeterLayer,
        service: S,
    ) -> Self
    where
        S: Service<Arrived, Response = Response<TestBody>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError> + 'static,
    {
        let (client, server, wire) = wired();
        let server = serve(protocol, overhead, server, layer.layer(service));
        Self {
            client: Client::connect(protocol, client).await,
            wire,
            server,
        }
    }

    /// Hangs up, and answers what moved once the server is through.
    pub(crate) async fn close(self) -> (u64, u64) {
        drop(self.client);
        let ended = tokio::time::timeout(HANG, self.server).await.unwrap();
        drop(ended.unwrap());
        self.wire.bytes()
    }
}

/// Both ends of a wire: the client's, and the server's, which is counted.
pub(crate) fn wired() -> (DuplexStream, WireEnd<DuplexStream>, Wire) {
    let wire = Wire::default();
    let (client, server) = tokio::io::duplex(64 * 1024);
    (client, wire.end(server), wire)
}
