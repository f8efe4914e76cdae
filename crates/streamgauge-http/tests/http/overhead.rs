//! Connections and sessions: with the overhead, they add up to the byte.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::channel::Channel;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use streamgauge_http::{Balance, BoxError, Choice, MeterLayer, MeteredBody, Overhead, Refusal, ResponseBody};
use streamgauge_tokio::Metered;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::{Layer, ServiceExt, service_fn};

use crate::harness::{
    Arrived, Client, Gauge, HANG, Protocol, Site, TestBody, empty, full, read, request, serve, trailers,
    until, wired,
};

/// Answers what it got, in frames of at most 10,000 bytes, with trailers.
async fn echo(request: Arrived) -> Result<Response<TestBody>, BoxError> {
    let data = read(request.into_body()).await?;
    let chunks: Vec<_> = data.chunks(10_000).map(Bytes::copy_from_slice).collect();
    let frames = chunks
        .into_iter()
        .map(Frame::data)
        .chain([Frame::trailers(trailers("etag", "7"))]);
    let frames = futures_util::stream::iter(frames.map(Ok::<_, BoxError>));
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    response.headers_mut().insert("trailer", "etag".parse().unwrap());
    Ok(response)
}

#[tokio::test]
async fn exchanges_of_one_connection_and_the_overhead_add_up() {
    for protocol in Protocol::BOTH {
        let gauge = Gauge::new();
        let overhead = Overhead::new(&gauge.collector, "listener");
        let site = Site::open(protocol, Some(&overhead), &gauge.layer(), service_fn(echo)).await;
        for n in 0..20 {
            let data = vec![b'x'; n * 3_001];
            let mut sent = request(protocol, "POST", &format!("/{}", n % 3), full(data));
            sent.headers_mut().insert("te", "trailers".parse().unwrap());
            sent.headers_mut().insert(
                "cookie",
                "the same each time, as HTTP/2 compresses well".parse().unwrap(),
            );
            let response = site.client.send(sent).await.unwrap();
            assert_eq!(read(response.into_body()).await.unwrap().len(), n * 3_001);
        }
        let wire = site.close().await;
        assert_eq!(gauge.total_bytes(), wire, "{protocol:?}");
        assert_eq!(overhead.balance(), Balance::default());
        let sessions: Vec<_> = gauge.closed_bytes();
        assert_eq!(sessions.len(), 20);
        let (rx, tx) = sessions.iter().fold((0, 0), |(rx, tx), (_, more_rx, more_tx)| {
            (rx + more_rx, tx + more_tx)
        });
        assert_eq!(gauge.bytes_of("(overhead)"), (wire.0 - rx, wire.1 - tx));
        if protocol == Protocol::Http1 {
            // hyper writes of itself a date and how the body is framed, and clients of hyper are counted exactly.
            assert_eq!(wire.0 - rx, 0);
        }
    }
}

#[tokio::test]
async fn exchanges_at_once_on_one_connection_and_the_overhead_add_up() {
    let gauge = Gauge::new();
    let overhead = Overhead::new(&gauge.collector, "listener");
    let site = Site::open(Protocol::Http2, Some(&overhead), &gauge.layer(), service_fn(echo)).await;
    let exchanges = (0..50).map(|n: usize| {
        let client = site.client.clone();
        async move {
            let sent = request(
                Protocol::Http2,
                "POST",
                &format!("/{n}"),
                full(vec![b'x'; n * 2_003]),
            );
            let response = client.send(sent).await.unwrap();
            read(response.into_body()).await.unwrap().len()
        }
    });
    let lengths = join_all(exchanges).await;
    assert_eq!(lengths, (0..50).map(|n| n * 2_003).collect::<Vec<_>>());
    let wire = site.close().await;
    assert_eq!(gauge.total_bytes(), wire);
    assert_eq!(overhead.balance(), Balance::default());
    assert_eq!(gauge.closed().len(), 50);
}

/// `Metered` beneath has the same bytes in a session for each connection, in a collector of its own.
#[tokio::test]
async fn a_collector_of_connections_and_one_of_exchanges_have_the_same_totals() {
    for protocol in Protocol::BOTH {
        let (connections, exchanges) = (Gauge::new(), Gauge::new());
        let overhead = Overhead::new(&exchanges.collector, "listener");
        for n in 0..3_usize {
            let (client, server, wire) = wired();
            let session = connections
                .collector
                .register(n.to_be_bytes(), "connection", "listener", "there");
            let server = Metered::new(server, session);
            let service = exchanges.layer().layer(service_fn(echo));
            let server = serve(protocol, Some(&overhead), server, service);
            let client = Client::connect(protocol, client).await;
            for _ in 0..=n {
                let response = client
                    .send(request(protocol, "POST", "/", full("hello")))
                    .await
                    .unwrap();
                assert_eq!(read(response.into_body()).await.unwrap(), "hello");
            }
            drop(client);
            drop(tokio::time::timeout(HANG, server).await.unwrap());
            let (_, rx, tx) = connections.closed_bytes()[n].clone();
            assert_eq!((rx, tx), wire.bytes());
            assert_eq!(exchanges.total_bytes(), connections.total_bytes(), "{protocol:?}");
        }
    }
}

#[tokio::test]
async fn the_overhead_of_what_is_sent_is_seen_while_the_connection_lives() {
    let gauge = Gauge::new();
    let overhead = Overhead::new(&gauge.collector, "listener");
    let site = Site::open(Protocol::Http1, Some(&overhead), &gauge.layer(), service_fn(echo)).await;
    let response = site
        .client
        .send(request(Protocol::Http1, "POST", "/", full("hello")))
        .await
        .unwrap();
    assert_eq!(read(response.into_body()).await.unwrap(), "hello");
    assert_eq!(gauge.total_bytes().1, site.wire.bytes().1);
    let session = &gauge.collector.active()[0];
    assert_eq!((&*session.location, &*session.peer), ("listener", "(overhead)"));
    site.close().await;
}

#[tokio::test]
async fn heads_without_a_body_never_claim_more_than_was_moved() {
    for protocol in Protocol::BOTH {
        let gauge = Gauge::new();
        let overhead = Overhead::new(&gauge.collector, "listener");
        let service = service_fn(move |request: Arrived| async move {
            let (status, body) = match (request.uri().path(), request.method().as_str()) {
                ("/204", _) => (StatusCode::NO_CONTENT, empty()),
                ("/304", _) => (StatusCode::NOT_MODIFIED, empty()),
                // hyper's server for HTTP/2 sends the body of an answer to HEAD, and its client takes offence.
                (_, "HEAD") if protocol == Protocol::Http2 => (StatusCode::OK, empty()),
                _ => (StatusCode::OK, full("hello")),
            };
            let mut response = Response::new(body);
            *response.status_mut() = status;
            Ok::<_, Infallible>(response)
        });
        let site = Site::open(protocol, Some(&overhead), &gauge.layer(), service).await;
        for (method, path) in [
            ("HEAD", "/200"),
            ("GET", "/204"),
            ("GET", "/304"),
            ("OPTIONS", "/200"),
        ] {
            let response = site
                .client
                .send(request(protocol, method, path, empty()))
                .await
                .unwrap();
            drop(read(response.into_body()).await.unwrap());
        }
        let wire = site.close().await;
        assert_eq!(gauge.total_bytes(), wire, "{protocol:?}");
        assert_eq!(overhead.balance(), Balance::default());
    }
}

/// One layer in another, with a collector of its own: the outer one has the connection.
#[tokio::test]
async fn a_layer_within_another_claims_nothing_of_the_connection() {
    let (outer, inner) = (Gauge::new(), Gauge::new());
    let overhead = Overhead::new(&outer.collector, "listener");
    let service = inner
        .layer()
        .layer(service_fn(
            async |request: Request<MeteredBody<MeteredBody<Incoming>>>| {
                let data = read(request.into_body()).await?;
                Ok::<_, BoxError>(Response::new(full(data)))
            },
        ))
        .map_response(|response: Response<ResponseBody<TestBody>>| response.map(|body| body.boxed_unsync()));
    let site = Site::open(Protocol::Http1, Some(&overhead), &outer.layer(), service).await;
    let sent = request(Protocol::Http1, "POST", "/", full("hello"));
    let response = site.client.send(sent).await.unwrap();
    assert_eq!(read(response.into_body()).await.unwrap(), "hello");
    let wire = site.close().await;
    assert_eq!(outer.total_bytes(), wire);
    assert_eq!(overhead.balance(), Balance::default());
    assert_eq!(inner.closed_bytes(), outer.closed_bytes()[..1]);
}

#[tokio::test]
async fn what_is_refused_or_not_metered_is_overhead() {
    for protocol in Protocol::BOTH {
        let gauge = Gauge::new();
        let overhead = Overhead::new(&gauge.collector, "listener");
        let layer = MeterLayer::new(&gauge.collector, |arrival| match arrival.parts.uri.path() {
            "/refused" => Choice::Refuse(Refusal::new(StatusCode::FORBIDDEN, "No.")),
            _ => Choice::Unmetered,
        });
        let site = Site::open(protocol, Some(&overhead), &layer, service_fn(echo)).await;
        for path in ["/refused", "/unmetered"] {
            let response = site
                .client
                .send(request(protocol, "POST", path, full("hello")))
                .await
                .unwrap();
            drop(read(response.into_body()).await.unwrap());
        }
        let wire = site.close().await;
        assert_eq!(gauge.bytes_of("(overhead)"), wire);
        assert_eq!(gauge.total_bytes(), wire);
    }
}

#[tokio::test]
async fn what_was_counted_and_never_sent_is_the_shortfall() {
    let gauge = Gauge::new();
    let overhead = Overhead::new(&gauge.collector, "listener");
    let (mut client, server, wire) = wired();
    let service =
        service_fn(async |_: Arrived| Ok::<_, Infallible>(Response::new(full(vec![b'x'; 300_000]))));
    let server = serve(
        Protocol::Http1,
        Some(&overhead),
        server,
        gauge.layer().layer(service),
    );
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    // The client hangs up in the middle of the body.
    let mut some = [0; 1_000];
    client.read_exact(&mut some).await.unwrap();
    drop(client);
    assert!(
        tokio::time::timeout(HANG, server)
            .await
            .unwrap()
            .unwrap()
            .is_err()
    );
    let (rx, tx) = wire.bytes();
    let shortfall = overhead.balance().tx_shortfall_bytes;
    assert!(shortfall > 0);
    assert_eq!(gauge.total_bytes(), (rx, tx + shortfall));
    assert_eq!(
        gauge.closed_bytes()[0].2,
        "HTTP/1.1 200 OK\r\n\r\n".len() as u64 + 300_000
    );
}

/// A stream of HTTP/2 may end by itself, and its connection go on.
#[tokio::test]
async fn what_a_stream_that_was_reset_had_still_to_send_is_the_shortfall() {
    let gauge = Gauge::new();
    let overhead = Overhead::new(&gauge.collector, "listener");
    // More than the client's window, in one frame.
    let service =
        service_fn(async |_: Arrived| Ok::<_, Infallible>(Response::new(full(vec![b'x'; 8_000_000]))));
    let site = Site::open(Protocol::Http2, Some(&overhead), &gauge.layer(), service).await;
    let sent = || request(Protocol::Http2, "GET", "/", empty());
    drop(site.client.send(sent()).await.unwrap());
    until(|| gauge.closed().len() == 1).await;
    let whole = site.client.send(sent()).await.unwrap();
    assert_eq!(read(whole.into_body()).await.unwrap().len(), 8_000_000);
    let (rx, tx) = site.close().await;
    let shortfall = overhead.balance().tx_shortfall_bytes;
    assert!(shortfall > 0);
    assert_eq!(gauge.total_bytes(), (rx, tx + shortfall));
}

/// hyper sends the trailers of HTTP/1 to clients that ask for some alone.
#[tokio::test]
async fn trailers_that_the_server_leaves_out_are_a_shortfall() {
    let gauge = Gauge::new();
    let overhead = Overhead::new(&gauge.collector, "listener");
    let (mut sender, channel) = Channel::<Bytes, BoxError>::new(1);
    let channel = Arc::new(Mutex::new(Some(channel)));
    let service = service_fn(move |_: Arrived| {
        let body = channel.lock().unwrap().take().unwrap();
        async { Ok::<_, Infallible>(Response::new(body.boxed_unsync())) }
    });
    let site = Site::open(Protocol::Http1, Some(&overhead), &gauge.layer(), service).await;
    let sent = request(Protocol::Http1, "GET", "/", empty());
    // The head has been flushed, and what it had beyond the formula is overhead.
    let response = site.client.send(sent).await.unwrap();
    sender.send_trailers(trailers("etag", "7")).await.unwrap();
    drop(sender);
    assert_eq!(read(response.into_body()).await.unwrap(), "");
    let (rx, tx) = site.close().await;
    let (left_out, last_chunk) = ("etag: 7\r\n".len() as u64, "0\r\n\r\n".len() as u64);
    assert_eq!(overhead.balance().tx_shortfall_bytes, left_out - last_chunk);
    assert_eq!(gauge.total_bytes(), (rx, tx + left_out - last_chunk));
}

/// Nobody activates it: it is no session of the program's.
#[tokio::test]
async fn the_overhead_enters_the_history_also_where_sessions_are_activated_explicitly() {
    let gauge = Gauge::with(|config| {
        config.activation = streamgauge::Activation::Explicit;
        config.session_timeout = std::time::Duration::from_secs(5);
    });
    let overhead = Overhead::new(&gauge.collector, "listener");
    let (mut client, server) = tokio::io::duplex(64);
    let mut connection = overhead.connection(server, crate::harness::peer());
    client.write_all(b"hello").await.unwrap();
    connection.read_exact(&mut [0; 5]).await.unwrap();
    connection.write_all(b"hi").await.unwrap();
    connection.flush().await.unwrap();
    drop(connection);
    gauge.collector.tick();
    gauge.clock.advance(std::time::Duration::from_secs(60));
    gauge.collector.tick();
    assert_eq!(gauge.open_sessions(), 0);
    assert_eq!(gauge.bytes_of("(overhead)"), (5, 2));
    assert_eq!(gauge.total_bytes(), (5, 2));
}

#[tokio::test]
async fn a_session_that_a_client_named_like_the_overhead_has_none_of_it() {
    let gauge = Gauge::new();
    let overhead = Overhead::new(&gauge.collector, "listener");
    for id in ["(overhead)", "(overhead) listener"] {
        gauge
            .collector
            .register(id, "viewer", "listener", "there")
            .activate();
    }
    let (_client, server) = tokio::io::duplex(64);
    let mut connection = overhead.connection(server, crate::harness::peer());
    connection.write_all(b"hi").await.unwrap();
    drop(connection);
    assert_eq!(gauge.bytes_of("viewer"), (0, 0));
    assert_eq!(gauge.bytes_of("(overhead)"), (0, 2));
}

#[tokio::test]
async fn a_location_that_is_too_long_for_an_id_has_an_overhead_too() {
    let gauge = Gauge::new();
    let overhead = Overhead::new(&gauge.collector, &"x".repeat(2_000));
    let (_client, server) = tokio::io::duplex(64);
    let mut connection = overhead.connection(server, crate::harness::peer());
    connection.write_all(b"hi").await.unwrap();
    drop(connection);
    assert_eq!(gauge.bytes_of("(overhead)"), (0, 2));
    assert_eq!(overhead.balance(), Balance::default());
}

/// Sends these bytes to a server of HTTP/1, and reads until it hangs up. Answers whether it found nothing wrong, and what passed.
async fn say(gauge: &Gauge, overhead: &Overhead, bytes: &[u8]) -> (bool, (u64, u64)) {
    let (mut client, server, wire) = wired();
    let service = gauge.layer().layer(service_fn(echo));
    let server = serve(Protocol::Http1, Some(overhead), server, service);
    client.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    drop(client);
    (server.await.unwrap().is_ok(), wire.bytes())
}

#[tokio::test]
async fn a_head_that_took_less_than_the_formula_says_is_a_shortfall() {
    let gauge = Gauge::new();
    let overhead = Overhead::new(&gauge.collector, "listener");
    // Without the spaces that the formula has: two bytes less.
    let head = b"GET / HTTP/1.1\r\nhost:a.example\r\nconnection:close\r\n\r\n";
    let (is_well, (rx, tx)) = say(&gauge, &overhead, head).await;
    assert!(is_well);
    assert_eq!(overhead.balance().rx_shortfall_bytes, 2);
    assert_eq!(gauge.total_bytes(), (rx + 2, tx));
}

#[tokio::test]
async fn what_is_no_http_is_overhead() {
    let gauge = Gauge::new();
    let overhead = Overhead::new(&gauge.collector, "listener");
    let (is_well, wire) = say(&gauge, &overhead, b"\x16\x03\x01 is no method\r\n\r\n").await;
    assert!(!is_well);
    assert_eq!(gauge.bytes_of("(overhead)"), wire);
    assert!(wire.0 > 0 && wire.1 > 0);
}

#[tokio::test]
async fn the_overhead_is_registered_anew_when_it_timed_out_and_lost_when_the_collector_stopped() {
    let gauge = Gauge::with(|config| config.session_timeout = std::time::Duration::from_secs(5));
    let overhead = Overhead::new(&gauge.collector, "listener");
    for n in 1..=2 {
        let (mut client, server) = tokio::io::duplex(64);
        let mut connection = overhead.connection(server, crate::harness::peer());
        client.write_all(b"hello").await.unwrap();
        connection.read_exact(&mut [0; 5]).await.unwrap();
        connection.write_all(b"hi").await.unwrap();
        connection.flush().await.unwrap();
        drop(connection);
        assert_eq!(gauge.total_bytes(), (n * 5, n * 2));
        gauge.collector.tick();
        gauge.clock.advance(std::time::Duration::from_secs(6));
        gauge.collector.tick();
        assert_eq!(gauge.closed().len() as u64, n);
    }
    gauge.collector.stop();
    let (_client, server) = tokio::io::duplex(64);
    let mut connection = overhead.connection(server, crate::harness::peer());
    connection.write_all(b"late").await.unwrap();
    drop(connection);
    assert_eq!(overhead.balance().tx_lost_bytes, 4);
}

/// Claims and settlements on threads of their own: the connection's task sends while services' tasks write.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exchanges_and_tunnels_on_several_threads_and_the_overhead_add_up() {
    let gauge = Gauge::new();
    let overhead = Overhead::new(&gauge.collector, "listener");
    let mut moved = (0, 0);
    let sites = (0..4).map(|_| async {
        let service = service_fn(async |request: Arrived| match request.method().as_str() {
            "CONNECT" => crate::upgrades::tunnel(request, true).await,
            _ => echo(request).await,
        });
        let site = Site::open(Protocol::Http2, Some(&overhead), &gauge.layer(), service).await;
        let posts = (0..30_usize).map(|n| {
            let (client, sent) = (
                site.client.clone(),
                request(Protocol::Http2, "POST", "/", full(vec![b'x'; n * 1_009])),
            );
            tokio::spawn(async move {
                let response = client.send(sent).await.unwrap();
                assert_eq!(read(response.into_body()).await.unwrap().len(), n * 1_009);
            })
        });
        let tunnels = (0..4).map(|_| {
            let (client, sent) = (
                site.client.clone(),
                Request::connect("a.example:443").body(empty()).unwrap(),
            );
            tokio::spawn(async move { crate::upgrades::send_through(&client, sent, &[b'y'; 40_000]).await })
        });
        let tasks: Vec<_> = posts.chain(tunnels).collect();
        for task in tasks {
            task.await.unwrap();
        }
        site.close().await
    });
    for wire in tokio::time::timeout(HANG, join_all(sites)).await.unwrap() {
        moved = (moved.0 + wire.0, moved.1 + wire.1);
    }
    // What tasks of services still hold goes in its own time.
    until(|| gauge.closed().len() == 4 * 34 && gauge.total_bytes() >= moved).await;
    assert_eq!(gauge.total_bytes(), moved);
    assert_eq!(overhead.balance(), Balance::default());
}
