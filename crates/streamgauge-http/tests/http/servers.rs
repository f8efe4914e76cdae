//! Under hyper's servers: what clients send and get, to the byte.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::channel::{Channel, Sender};
use http_body_util::{BodyExt, StreamBody};
use streamgauge_http::{BoxError, Choice, ConnectionContext, Exchange, Labels, MeterLayer, MeteredBody};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::harness::{
    Arrived, Client, Gauge, HANG, Protocol, Site, TestBody, empty, full, read, request, serve, trailers,
    until, wired,
};

/// Answers what it got.
async fn echo(request: Arrived) -> Result<Response<TestBody>, BoxError> {
    let data = read(request.into_body()).await?;
    Ok(Response::new(full(data)))
}

/// Of the layer's formula, for what `request` of the harness makes.
fn request_head(protocol: Protocol, method: &str, path: &str, fields: &str) -> u64 {
    match protocol {
        Protocol::Http1 => {
            format!("{method} {path} HTTP/1.1\r\nhost: a.example\r\n{fields}\r\n").len() as u64
        }
        Protocol::Http2 => 9 + 4 + fields.matches("\r\n").count() as u64,
    }
}

fn response_head(protocol: Protocol, status: &str, fields: &str) -> u64 {
    match protocol {
        Protocol::Http1 => format!("HTTP/1.1 {status}\r\n{fields}\r\n").len() as u64,
        Protocol::Http2 => 9 + 1 + fields.matches("\r\n").count() as u64,
    }
}

#[tokio::test]
async fn bodies_of_known_length_are_counted_both_ways() {
    for protocol in Protocol::BOTH {
        let gauge = Gauge::new();
        let site = Site::open(protocol, None, &gauge.layer(), service_fn(echo)).await;
        // Of nothing, less than a buffer, and more than a wire holds.
        for (n, length) in [0, 1, 1_000, 300_000].into_iter().enumerate() {
            let data = Bytes::from(vec![b'x'; length]);
            let path = format!("/{n}");
            let response = site
                .client
                .send(request(protocol, "POST", &path, full(data.clone())))
                .await
                .unwrap();
            assert_eq!(read(response.into_body()).await.unwrap(), data);
            // A body of no length is none, to hyper's client for HTTP/1.
            let fields = match (protocol, length) {
                (Protocol::Http1, 0) => String::new(),
                _ => format!("content-length: {length}\r\n"),
            };
            let head = request_head(protocol, "POST", &path, &fields);
            let sent = response_head(protocol, "200 OK", "");
            assert_eq!(
                gauge.bytes_of(&path),
                (head + length as u64, sent + length as u64),
                "{protocol:?} {length}"
            );
        }
        site.close().await;
        assert_eq!(gauge.closed().len(), 4);
    }
}

#[tokio::test]
async fn chunks_and_trailers_are_counted_without_their_framing() {
    for protocol in Protocol::BOTH {
        let gauge = Gauge::new();
        let service = service_fn(async |request: Arrived| {
            let collected = request.into_body().collect().await?;
            assert_eq!(collected.trailers(), Some(&trailers("digest", "abc")));
            let frames = [
                Frame::data(Bytes::from_static(b"one")),
                Frame::data(Bytes::from_static(b"three")),
                Frame::trailers(trailers("etag", "7")),
            ];
            let frames = futures_util::stream::iter(frames.map(Ok::<_, BoxError>));
            let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
            response
                .headers_mut()
                .insert(header::TRAILER, "etag".parse().unwrap());
            Ok::<_, BoxError>(response)
        });
        let site = Site::open(protocol, None, &gauge.layer(), service).await;
        let frames = [
            Frame::data(Bytes::from_static(b"hello")),
            Frame::data(Bytes::from_static(b", world")),
            Frame::trailers(trailers("digest", "abc")),
        ];
        let frames = futures_util::stream::iter(frames.map(Ok::<_, BoxError>));
        let mut sent = request(protocol, "POST", "/", StreamBody::new(frames).boxed_unsync());
        sent.headers_mut()
            .insert(header::TRAILER, "digest".parse().unwrap());
        sent.headers_mut().insert(header::TE, "trailers".parse().unwrap());
        let response = site.client.send(sent).await.unwrap();
        let collected = response.into_body().collect().await.unwrap();
        assert_eq!(collected.trailers(), Some(&trailers("etag", "7")));
        assert_eq!(collected.to_bytes(), "onethree");

        let (fields, rx_trailers, tx_trailers) = match protocol {
            Protocol::Http1 => (
                "trailer: digest\r\nte: trailers\r\ntransfer-encoding: chunked\r\n",
                "digest: abc\r\n".len() as u64,
                "etag: 7\r\n".len() as u64,
            ),
            Protocol::Http2 => ("trailer: digest\r\nte: trailers\r\n", 9 + 1, 9 + 1),
        };
        let rx = request_head(protocol, "POST", "/", fields) + 12 + rx_trailers;
        let tx = response_head(protocol, "200 OK", "trailer: etag\r\n") + 8 + tx_trailers;
        assert_eq!(gauge.bytes_of("/"), (rx, tx), "{protocol:?}");
    }
}

#[tokio::test]
async fn what_has_no_body_counts_its_head() {
    let answers = [
        ("HEAD", 200, "200 OK"),
        ("GET", 204, "204 No Content"),
        ("GET", 304, "304 Not Modified"),
    ];
    for (method, status, line) in answers {
        let gauge = Gauge::new();
        let service = service_fn(move |_: Arrived| async move {
            // That of an answer to HEAD is dropped by the server.
            let body = if status == 200 { full("hello") } else { empty() };
            let mut response = Response::new(body);
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            Ok::<_, Infallible>(response)
        });
        let site = Site::open(Protocol::Http1, None, &gauge.layer(), service).await;
        let sent = request(Protocol::Http1, method, "/", empty());
        let response = site.client.send(sent).await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(read(response.into_body()).await.unwrap(), "");
        site.close().await;
        let rx = request_head(Protocol::Http1, method, "/", "");
        let tx = response_head(Protocol::Http1, line, "");
        assert_eq!(
            gauge.closed_bytes(),
            [("/".to_owned(), rx, tx)],
            "{method} {status}"
        );
    }
}

#[tokio::test]
async fn a_request_that_expects_a_100_is_counted_as_any() {
    let gauge = Gauge::new();
    let (mut client, server, _) = wired();
    let server = serve(
        Protocol::Http1,
        None,
        server,
        gauge.layer().layer(service_fn(echo)),
    );
    let head = "POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 5\r\nconnection: close\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    let expected = "HTTP/1.1 100 Continue\r\n\r\n";
    let mut got = vec![0; expected.len()];
    client.read_exact(&mut got).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&got), expected);
    client.write_all(b"hello").await.unwrap();
    let mut rest = String::new();
    client.read_to_string(&mut rest).await.unwrap();
    assert!(rest.ends_with("\r\n\r\nhello"), "{rest}");
    server.await.unwrap().unwrap();
    let tx = response_head(Protocol::Http1, "200 OK", "") + 5;
    assert_eq!(
        gauge.closed_bytes(),
        [("/".to_owned(), head.len() as u64 + 5, tx)]
    );
}

/// A service that answers a body which the test writes, once.
#[derive(Clone)]
struct Once(Arc<Mutex<Option<Channel<Bytes, BoxError>>>>);

impl Service<Arrived> for Once {
    type Response = Response<TestBody>;
    type Error = Infallible;
    type Future = Ready<Result<Response<TestBody>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Arrived) -> Self::Future {
        let channel = self.0.lock().unwrap().take().unwrap();
        ready(Ok(Response::new(channel.boxed_unsync())))
    }
}

fn streaming() -> (Sender<Bytes, BoxError>, Once) {
    let (sender, channel) = Channel::<Bytes, BoxError>::new(1);
    (sender, Once(Arc::new(Mutex::new(Some(channel)))))
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_the_body_back() {
    for protocol in Protocol::BOTH {
        let gauge = Gauge::new();
        let (mut sender, service) = streaming();
        let site = Site::open(protocol, None, &gauge.layer(), service).await;
        let response = site
            .client
            .send(request(protocol, "GET", "/", empty()))
            .await
            .unwrap();
        let frame = Bytes::from(vec![b'x'; 16 * 1024]);
        let mut taken = 0_u64;
        // Until nobody takes a frame any more, however often all tasks run.
        let mut idle = 0;
        while idle < 100 {
            if sender.send_data(frame.clone()).now().is_some() {
                taken += 1;
                idle = 0;
            }
            idle += 1;
            tokio::task::yield_now().await;
        }
        // The wire holds 64 KiB, hyper's buffers a few hundred; the layer none: all but what is in the channel was counted.
        assert!((4..200).contains(&taken), "{protocol:?}: {taken} frames");
        let held = response_head(protocol, "200 OK", "") + (taken - 1) * 16 * 1024;
        let counted = gauge.live_bytes().1;
        assert!(
            counted == held || counted == held + 16 * 1024,
            "{protocol:?}: {counted} of {held}"
        );

        // Read, it goes on.
        drop(sender);
        let all = read(response.into_body()).await.unwrap();
        assert_eq!(all.len() as u64, taken * 16 * 1024);
        assert_eq!(
            gauge.bytes_of("/").1,
            response_head(protocol, "200 OK", "") + taken * 16 * 1024
        );
    }
}

/// The outcome of a future that is ready by now.
trait Now: Future + Sized {
    fn now(self) -> Option<Self::Output> {
        futures_util::FutureExt::now_or_never(self)
    }
}

impl<F: Future> Now for F {}

#[tokio::test]
async fn a_kick_ends_a_download_that_waits_for_its_service() {
    for protocol in Protocol::BOTH {
        let gauge = Gauge::new();
        let (mut sender, service) = streaming();
        let site = Site::open(protocol, None, &gauge.layer(), service).await;
        let response = site
            .client
            .send(request(protocol, "GET", "/", empty()))
            .await
            .unwrap();
        sender.send_data(Bytes::from_static(b"hello")).await.unwrap();
        let mut body = response.into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "hello");
        let id = gauge.collector.active()[0].id.clone();
        assert!(gauge.collector.unregister(id.as_bytes()));
        let next = tokio::time::timeout(HANG, body.frame()).await.unwrap();
        assert!(next.unwrap().is_err(), "{protocol:?}");
        let tx = response_head(protocol, "200 OK", "") + 5;
        assert_eq!(
            gauge.closed_bytes(),
            [("/".to_owned(), request_head(protocol, "GET", "/", ""), tx)]
        );
        drop(sender);
    }
}

#[tokio::test]
async fn a_kick_ends_an_upload_that_waits_for_its_client() {
    for protocol in Protocol::BOTH {
        let gauge = Gauge::new();
        let site = Site::open(protocol, None, &gauge.layer(), service_fn(echo)).await;
        let (mut sender, channel) = Channel::<Bytes, BoxError>::new(1);
        sender.send_data(Bytes::from_static(b"hello")).await.unwrap();
        let sent = site
            .client
            .send(request(protocol, "POST", "/", channel.boxed_unsync()));
        let kick = async {
            let fields = match protocol {
                Protocol::Http1 => "transfer-encoding: chunked\r\n",
                Protocol::Http2 => "",
            };
            let head = request_head(protocol, "POST", "/", fields);
            until(|| gauge.live_bytes().0 == head + 5).await;
            let id = gauge.collector.active()[0].id.clone();
            assert!(gauge.collector.unregister(id.as_bytes()));
        };
        let both = async { tokio::join!(sent, kick) };
        let (response, ()) = tokio::time::timeout(HANG, both).await.unwrap();
        // Answered, or cut off where the service failed first.
        if let Ok(response) = response {
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{protocol:?}");
        }
        drop(sender);
        assert_eq!(gauge.closed().len(), 1);
    }
}

/// A client that reads nothing leaves hyper in a write, where it polls no body. The metered connection notices the close, of the exchange
/// that it serves, and not of one before.
#[tokio::test]
async fn a_kick_ends_a_connection_whose_client_reads_nothing() {
    let gauge = Gauge::new();
    let overhead = streamgauge_http::Overhead::new(&gauge.collector, "listener");
    let (mut client, server, _) = wired();
    let service = service_fn(async |request: Arrived| {
        let body = match request.uri().path() {
            "/long" => full(vec![b'x'; 200_000]),
            _ => {
                let frames = futures_util::stream::repeat_with(|| {
                    Ok::<_, BoxError>(Frame::data(Bytes::from_static(&[b'x'; 16 * 1024])))
                });
                StreamBody::new(frames).boxed_unsync()
            }
        };
        Ok::<_, Infallible>(Response::new(body))
    });
    let server = serve(
        Protocol::Http1,
        Some(&overhead),
        server,
        gauge.layer().layer(service),
    );

    client.write_all(b"GET /long HTTP/1.1\r\n\r\n").await.unwrap();
    standstill(&gauge).await;
    // All of it, behind a head with the date and the length.
    let added = "date: Thu, 01 Jan 1970 00:00:00 GMT\r\ncontent-length: 200000\r\n";
    let length = "HTTP/1.1 200 OK\r\n\r\n".len() + added.len() + 200_000;
    client.read_exact(&mut vec![0; length]).await.unwrap();

    client.write_all(b"GET /endless HTTP/1.1\r\n\r\n").await.unwrap();
    standstill(&gauge).await;
    let sessions = gauge.collector.active();
    let session = sessions
        .iter()
        .find(|session| session.reference == "/endless")
        .unwrap();
    assert!(session.tx_bytes > 64 * 1024);
    assert!(gauge.collector.unregister(&session.id));
    let ended = tokio::time::timeout(HANG, server).await.unwrap().unwrap();
    assert!(ended.is_err());
    assert_eq!(gauge.closed().len(), 2);
}

/// A service may hold an exchange beyond its response. Its session has no say in what the connection serves after that: a request that
/// is not metered, or one that no layer sees.
#[tokio::test]
async fn a_kick_leaves_alone_what_the_connection_serves_after_the_exchange() {
    #[derive(Clone)]
    struct Own(ConnectionContext);

    for is_seen in [true, false] {
        let gauge = Gauge::new();
        let overhead = streamgauge_http::Overhead::new(&gauge.collector, "listener");
        let (mut client, server) = tokio::io::duplex(64);
        let mut connection = overhead.connection(server, crate::harness::peer());
        let layer = MeterLayer::new(&gauge.collector, |arrival| match arrival.parts.uri.path() {
            "/held" => Choice::Exchange(Labels::default()),
            _ => Choice::Unmetered,
        })
        .connection_from(|Own(context)| context.clone());
        let held = Mutex::new(Vec::new());
        let answer = service_fn(|request: Request<MeteredBody<TestBody>>| {
            let exchange = request.extensions().get::<Exchange>().cloned();
            held.lock().unwrap().extend(exchange);
            ready(Ok::<_, Infallible>(Response::new(empty())))
        });
        let of = |path: &str| {
            let mut request = Request::get(path).body(empty()).unwrap();
            request.extensions_mut().insert(Own(connection.context()));
            request
        };
        let metered = layer.layer(answer);
        drop(metered.oneshot(of("/held")).await.unwrap());
        if is_seen {
            drop(layer.layer(answer).oneshot(of("/")).await.unwrap());
        } else {
            let bare = service_fn(async |_: Request<TestBody>| Ok::<_, Infallible>(Response::new(empty())));
            let bare = connection.context().service(bare);
            drop(bare.oneshot(of("/")).await.unwrap());
        }
        let sending = async { connection.write_all(&[0; 200]).await };
        let mut sending = std::pin::pin!(sending);
        assert!(futures_util::poll!(&mut sending).is_pending());
        assert!(held.lock().unwrap()[0].session().unregister());
        let mut received = [0; 200];
        tokio::try_join!(sending, client.read_exact(&mut received)).unwrap();
    }
}

/// Lets all tasks run until no byte moves any more.
async fn standstill(gauge: &Gauge) {
    let mut before = (u64::MAX, u64::MAX);
    while gauge.total_bytes() != before {
        before = gauge.total_bytes();
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }
}

/// The other side of it: a session that closes since its exchange is over does not cut off what hyper has still to send.
#[tokio::test]
async fn the_end_of_an_exchange_cuts_nothing_off() {
    let gauge = Gauge::new();
    let overhead = streamgauge_http::Overhead::new(&gauge.collector, "listener");
    let (client, server, _) = wired();
    // More than the wire holds, and handed over whole.
    let service =
        service_fn(async |_: Arrived| Ok::<_, Infallible>(Response::new(full(vec![b'x'; 200_000]))));
    let layer: MeterLayer = gauge.layer();
    drop(serve(
        Protocol::Http1,
        Some(&overhead),
        server,
        layer.layer(service),
    ));
    let client = Client::connect(Protocol::Http1, client).await;
    let response = client
        .send(request(Protocol::Http1, "GET", "/", empty()))
        .await
        .unwrap();
    until(|| !gauge.closed().is_empty()).await;
    assert_eq!(read(response.into_body()).await.unwrap().len(), 200_000);
}
