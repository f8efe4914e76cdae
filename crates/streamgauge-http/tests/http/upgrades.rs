//! Upgrades: what passes afterwards is counted for the session of the exchange that asked for it.

use std::io;

use futures_util::{SinkExt, StreamExt};
use http::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use streamgauge_http::{Balance, BoxError, Exchange, MeterLayer, MeteredBody, Overhead, SessionClosed};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tower::{Layer, ServiceExt, service_fn};

use crate::harness::{Arrived, Client, Gauge, HANG, Protocol, TestBody, Wire, empty, serve, until, wired};

/// Who meters the upgraded connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// The service, with `Exchange::upgraded`.
    Service,
    /// The connection, which the service knows nothing of.
    Connection,
    /// Both.
    Both,
}

/// What reading from an upgraded connection came to, in the end.
type Ends = mpsc::UnboundedSender<Result<(), String>>;

/// Answers an upgrade to a WebSocket, and each of its messages with itself.
async fn web_socket(mut request: Arrived, by: By, ends: Ends) -> Result<Response<TestBody>, BoxError> {
    let key = derive_accept_key(request.headers()["sec-websocket-key"].as_bytes());
    let exchange = request.extensions_mut().remove::<Exchange>();
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let io = TokioIo::new(upgrade.await.unwrap());
        let ended = match by {
            By::Connection => {
                // All that the service had of the exchange is gone.
                drop(exchange);
                echo_messages(io).await
            }
            _ => echo_messages(exchange.unwrap().upgraded(io)).await,
        };
        drop(ends.send(ended));
    });
    let response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-accept", key);
    Ok(response.body(empty())?)
}

async fn echo_messages(io: impl AsyncRead + AsyncWrite + Unpin) -> Result<(), String> {
    let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
    while let Some(message) = socket.next().await {
        let message = message.map_err(|error| innermost(&error))?;
        if message.is_text() {
            socket.send(message).await.map_err(|error| innermost(&error))?;
        }
    }
    Ok(())
}

/// What an error of a WebSocket says of the session, if it is that.
fn innermost(error: &tokio_tungstenite::tungstenite::Error) -> String {
    match error {
        tokio_tungstenite::tungstenite::Error::Io(error) => io_error(error),
        other => other.to_string(),
    }
}

fn io_error(error: &io::Error) -> String {
    let closed = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<SessionClosed>());
    match closed {
        Some(closed) => format!("{:?}: {closed}", error.kind()),
        None => error.to_string(),
    }
}

struct Socket {
    client: WebSocketStream<DuplexStream>,
    wire: Wire,
    ends: mpsc::UnboundedReceiver<Result<(), String>>,
}

async fn open(by: By, overhead: &Overhead, layer: &MeterLayer) -> Socket {
    let (client, server, wire) = wired();
    let (sender, ends) = mpsc::unbounded_channel();
    let service = service_fn(move |request: Arrived| web_socket(request, by, sender.clone()));
    let overhead = (by != By::Service).then_some(overhead);
    drop(serve(Protocol::Http1, overhead, server, layer.layer(service)));
    let (client, _) = tokio_tungstenite::client_async("ws://a.example/ws", client)
        .await
        .unwrap();
    Socket { client, wire, ends }
}

/// hyper's, in each response.
const DATE: u64 = "date: Thu, 01 Jan 1970 00:00:00 GMT\r\n".len() as u64;

#[tokio::test]
async fn a_web_socket_is_counted_to_the_byte() {
    for by in [By::Service, By::Connection, By::Both] {
        let gauge = Gauge::new();
        let overhead = Overhead::new(&gauge.collector, "listener");
        let mut socket = open(by, &overhead, &gauge.layer()).await;
        // The heads, those of the protocol the session has by the formula.
        let heads = gauge.bytes_of("/ws");
        assert_eq!(heads.0, socket.wire.bytes().0, "{by:?}");
        assert_eq!(heads.1 + DATE, socket.wire.bytes().1, "{by:?}");

        let mut rx = heads.0;
        let mut tx = heads.1;
        for length in [0, 1, 125, 126, 1_000, 70_000_usize] {
            let text = "x".repeat(length);
            socket.client.send(Message::text(text.clone())).await.unwrap();
            assert_eq!(
                socket.client.next().await.unwrap().unwrap().into_text().unwrap(),
                text
            );
            // RFC 6455, 5.2: two bytes and a length; clients have a mask of four.
            let header = match length {
                0..126 => 2,
                126..65_536 => 4,
                _ => 10,
            };
            rx += header + 4 + length as u64;
            tx += header + length as u64;
            assert_eq!(gauge.bytes_of("/ws"), (rx, tx), "{by:?} {length}");
        }
        assert_eq!(gauge.open_sessions(), if by == By::Service { 1 } else { 2 });

        socket.client.close(None).await.unwrap();
        while socket.client.next().await.is_some() {}
        assert_eq!(socket.ends.recv().await.unwrap(), Ok(()));
        assert_eq!(
            gauge.closed_bytes(),
            [("/ws".to_owned(), rx + 6, tx + 2)],
            "{by:?}"
        );
        if by != By::Service {
            assert_eq!(gauge.total_bytes(), socket.wire.bytes());
            assert_eq!(gauge.bytes_of("(overhead)"), (0, DATE));
            assert_eq!(overhead.balance(), Balance::default());
        }
    }
}

#[tokio::test]
async fn a_kick_ends_a_web_socket_that_waits() {
    for by in [By::Service, By::Connection, By::Both] {
        let gauge = Gauge::new();
        let overhead = Overhead::new(&gauge.collector, "listener");
        let mut socket = open(by, &overhead, &gauge.layer()).await;
        socket.client.send(Message::text("hello")).await.unwrap();
        socket.client.next().await.unwrap().unwrap();
        let sessions = gauge.collector.active();
        let session = sessions
            .iter()
            .find(|session| session.reference == "/ws")
            .unwrap();
        assert!(gauge.collector.unregister(session.id.as_bytes()));
        let ended = tokio::time::timeout(HANG, socket.ends.recv()).await.unwrap();
        let expected = "ConnectionAborted: the session has closed: unregistered".to_owned();
        assert_eq!(ended.unwrap(), Err(expected), "{by:?}");
        // The client sees the connection end.
        assert!(matches!(socket.client.next().await, None | Some(Err(_))));
        assert_eq!(gauge.closed().len(), 1);
    }
}

/// Answers CONNECT, and each byte with itself.
pub(crate) async fn tunnel(mut request: Arrived, is_metered: bool) -> Result<Response<TestBody>, BoxError> {
    assert_eq!(request.method(), Method::CONNECT);
    let exchange = request.extensions_mut().remove::<Exchange>().unwrap();
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut io = TokioIo::new(upgrade.await.unwrap());
        if is_metered {
            echo_bytes(&mut exchange.upgraded(io)).await;
        } else {
            drop(exchange);
            echo_bytes(&mut io).await;
        }
    });
    Ok(Response::new(empty()))
}

async fn echo_bytes(io: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let mut buffer = vec![0; 1_024];
    loop {
        let length = io.read(&mut buffer).await.unwrap();
        if length == 0 {
            return io.shutdown().await.unwrap();
        }
        io.write_all(&buffer[..length]).await.unwrap();
        io.flush().await.unwrap();
    }
}

pub(crate) async fn send_through(client: &Client, request: Request<TestBody>, bytes: &[u8]) {
    let response = client.send(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let mut io = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    io.write_all(bytes).await.unwrap();
    io.flush().await.unwrap();
    let mut back = vec![0; bytes.len()];
    io.read_exact(&mut back).await.unwrap();
    assert_eq!(back, bytes);
    io.shutdown().await.unwrap();
    assert_eq!(io.read(&mut back).await.unwrap(), 0);
}

#[tokio::test]
async fn a_tunnel_of_http1_is_counted_by_its_connection() {
    let gauge = Gauge::new();
    let overhead = Overhead::new(&gauge.collector, "listener");
    let (client, server, wire) = wired();
    let service = service_fn(|request: Arrived| tunnel(request, false));
    drop(serve(
        Protocol::Http1,
        Some(&overhead),
        server,
        gauge.layer().layer(service),
    ));
    let client = Client::connect(Protocol::Http1, client).await;
    let request = Request::connect("a.example:443")
        .header("host", "a.example")
        .body(empty())
        .unwrap();
    send_through(&client, request, &[b'x'; 5_000]).await;
    until(|| !gauge.closed().is_empty()).await;
    let head = "CONNECT a.example:443 HTTP/1.1\r\nhost: a.example\r\n\r\n".len() as u64;
    let answer = "HTTP/1.1 200 OK\r\n\r\n".len() as u64;
    let (_, rx, tx) = gauge.closed_bytes()[0].clone();
    assert_eq!((rx, tx), (head + 5_000, answer + 5_000));
    assert_eq!(gauge.total_bytes(), wire.bytes());
    assert_eq!(overhead.balance(), Balance::default());
}

/// In HTTP/2 a stream is what is upgraded, and other exchanges go on beside it.
#[tokio::test]
async fn a_tunnel_of_http2_is_counted_by_its_service() {
    let gauge = Gauge::new();
    let overhead = Overhead::new(&gauge.collector, "listener");
    let (client, server, wire) = wired();
    let service = service_fn(|request: Arrived| tunnel(request, true));
    let server = serve(
        Protocol::Http2,
        Some(&overhead),
        server,
        gauge.layer().layer(service),
    );
    let client = Client::connect(Protocol::Http2, client).await;
    let request = |protocol: Option<&'static str>| {
        let builder = Request::connect("http://a.example/ws");
        let mut request = builder.body(empty()).unwrap();
        if let Some(protocol) = protocol {
            request
                .extensions_mut()
                .insert(hyper::ext::Protocol::from_static(protocol));
        } else {
            *request.uri_mut() = "a.example:443".parse().unwrap();
        }
        request
    };
    let both = async {
        tokio::join!(
            send_through(&client, request(Some("websocket")), &[b'x'; 5_000]),
            send_through(&client, request(None), &[b'y'; 3_000]),
        )
    };
    tokio::time::timeout(HANG, both).await.unwrap();
    drop(client);
    drop(tokio::time::timeout(HANG, server).await.unwrap());
    until(|| gauge.closed().len() == 2).await;
    let mut closed = gauge.closed_bytes();
    closed.sort();
    // Of CONNECT the method and the authority; of its extension, scheme and path besides. No `:protocol`, which is not in the head
    // that a service has.
    let expected = [
        (String::new(), 9 + 2 + 3_000, 9 + 1 + 3_000),
        ("/ws".to_owned(), 9 + 4 + 5_000, 9 + 1 + 5_000),
    ];
    let references: Vec<_> = closed.iter().map(|(reference, ..)| reference.clone()).collect();
    assert_eq!(closed.len(), 2, "{references:?}");
    for ((_, rx, tx), (_, expected_rx, expected_tx)) in closed.iter().zip(&expected) {
        assert_eq!((rx, tx), (expected_rx, expected_tx));
    }
    assert_eq!(gauge.total_bytes(), wire.bytes());
    assert_eq!(overhead.balance(), Balance::default());
}

#[tokio::test]
async fn an_upgrade_that_nobody_takes_up_closes_its_session() {
    let gauge = Gauge::new();
    let overhead = Overhead::new(&gauge.collector, "listener");
    let (mut client, server, wire) = wired();
    let service = service_fn(async |_: Arrived| {
        let response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
        Ok::<_, BoxError>(
            response
                .header("upgrade", "x")
                .header("connection", "upgrade")
                .body(empty())?,
        )
    });
    let server = serve(
        Protocol::Http1,
        Some(&overhead),
        server,
        gauge.layer().layer(service),
    );
    let request = "GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n";
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    drop(tokio::time::timeout(HANG, server).await.unwrap());
    assert_eq!(gauge.closed().len(), 1);
    assert_eq!(gauge.total_bytes(), wire.bytes());
    assert_eq!(gauge.collector.sessions(), 1, "the overhead alone");
}

/// A connection may break off while the 101 is on its way: before the service has answered, or before it was told.
#[tokio::test]
async fn an_upgrade_of_a_connection_that_is_gone_closes_its_session() {
    for is_gone_before in [true, false] {
        let gauge = Gauge::new();
        let overhead = Overhead::new(&gauge.collector, "listener");
        let connection = overhead.connection(tokio::io::empty(), crate::harness::peer());
        let service = service_fn(async |_: Request<MeteredBody<TestBody>>| {
            let response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
            Ok::<_, BoxError>(response.body(empty())?)
        });
        let service = connection.context().service(gauge.layer().layer(service));
        let exchange = service.oneshot(Request::new(empty()));
        let response = if is_gone_before {
            drop(connection);
            exchange.await.unwrap()
        } else {
            let response = exchange.await.unwrap();
            drop(connection);
            response
        };
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        drop(response);
        assert_eq!(gauge.closed().len(), 1);
        // The books are closed too: nothing of all that was moved.
        assert!(overhead.balance().rx_shortfall_bytes > 0);
    }
}

/// The response may be held up on its way from the layer to the server, which flushes nothing meanwhile.
#[tokio::test]
async fn a_flush_before_the_head_of_the_101_is_written_is_not_the_one() {
    let gauge = Gauge::new();
    let overhead = Overhead::new(&gauge.collector, "listener");
    let (mut client, server, wire) = wired();
    let mut connection = overhead.connection(server, crate::harness::peer());
    let service = service_fn(async |_: Request<MeteredBody<TestBody>>| {
        let response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
        Ok::<_, BoxError>(response.body(empty())?)
    });
    let service = connection.context().service(gauge.layer().layer(service));
    let request = "GET / HTTP/1.1\r\n\r\n";
    client.write_all(request.as_bytes()).await.unwrap();
    connection.read_exact(&mut vec![0; request.len()]).await.unwrap();
    drop(service.oneshot(Request::new(empty())).await.unwrap());
    connection.flush().await.unwrap();
    let head = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
    for part in [&head[..9], &head[9..]] {
        connection.write_all(part.as_bytes()).await.unwrap();
    }
    connection.flush().await.unwrap();
    connection.write_all(b"hello").await.unwrap();
    client.write_all(b"hi").await.unwrap();
    connection.read_exact(&mut [0; 2]).await.unwrap();
    drop(connection);
    let (rx, tx) = (request.len() as u64 + 2, head.len() as u64 + 5);
    assert_eq!(gauge.closed_bytes(), [("/".to_owned(), rx, tx)]);
    assert_eq!(wire.bytes(), (rx, tx));
    assert_eq!(gauge.total_bytes(), (rx, tx));
}
