//! Who is let through, and under which session.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use streamgauge::{Admission, AdmissionError, CidrLimiter};
use streamgauge_http::{
    Choice, Exchange, Labels, MeterLayer, MeteredBody, PeerAddr, ProxyHeader, Refusal, TrustedProxies,
};
use tower::{Layer, ServiceExt, service_fn};

use crate::harness::{Gauge, TestBody, empty, full, read};

/// Head and body of the request and the response below, for `/`.
const RX: u64 = "GET / HTTP/1.1\r\n\r\n".len() as u64;
const TX: u64 = "HTTP/1.1 200 OK\r\n\r\nhello".len() as u64;

/// The answer to one request, which is read to its end, and its `Retry-After`.
async fn ask(layer: &MeterLayer, request: Request<TestBody>) -> (StatusCode, Bytes, Option<String>) {
    let service = layer.layer(service_fn(async |_: Request<MeteredBody<TestBody>>| {
        Ok::<_, Infallible>(Response::new(full("hello")))
    }));
    let response = service.oneshot(request).await.unwrap();
    let after = response.headers().get(header::RETRY_AFTER);
    let after = after.map(|after| after.to_str().unwrap().to_owned());
    (
        response.status(),
        read(response.into_body()).await.unwrap(),
        after,
    )
}

fn get() -> Request<TestBody> {
    Request::new(empty())
}

fn from(peer: &str) -> Request<TestBody> {
    let mut request = get();
    request.extensions_mut().insert(PeerAddr(peer.parse().unwrap()));
    request
}

#[tokio::test]
async fn each_exchange_has_a_session_of_its_own_that_closes_with_it() {
    let gauge = Gauge::new();
    for n in 1..=3 {
        assert_eq!(ask(&gauge.layer(), get()).await.1, "hello");
        assert_eq!(gauge.closed().len(), n);
    }
    assert_eq!(gauge.closed_bytes(), vec![("/".to_owned(), RX, TX); 3]);
    let ids: std::collections::HashSet<_> = gauge
        .closed()
        .into_iter()
        .map(|closed| closed.identity.id.as_bytes().to_vec())
        .collect();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn a_shared_session_has_several_requests_and_ends_by_timing_out() {
    let gauge = Gauge::with(|config| config.session_timeout = Duration::from_secs(30));
    let layer = MeterLayer::new(&gauge.collector, |_| {
        Choice::shared("viewer-7", Labels::new("channel", "here", "there"))
    });
    for n in 1..=3 {
        ask(&layer, get()).await;
        assert_eq!(gauge.live_bytes(), (n * RX, n * TX));
        gauge.clock.advance(Duration::from_secs(20));
        gauge.collector.tick();
    }
    gauge.clock.advance(Duration::from_secs(20));
    gauge.collector.tick();
    assert_eq!(gauge.closed_bytes(), [("channel".to_owned(), 3 * RX, 3 * TX)]);
    // The viewer comes back, as a new session.
    ask(&layer, get()).await;
    assert_eq!(gauge.live_bytes(), (RX, TX));
    assert_eq!(gauge.closed().len(), 1);
}

#[tokio::test]
async fn a_known_session_is_the_program_s_to_close() {
    let gauge = Gauge::new();
    let session = gauge.collector.register("mine", "upload", "here", "there");
    let known = session.clone();
    let layer = MeterLayer::new(&gauge.collector, move |_| Choice::Known(known.clone()));
    ask(&layer, get()).await;
    assert_eq!(gauge.live_bytes(), (RX, TX));
    session.unregister();
    assert_eq!(gauge.closed_bytes(), [("upload".to_owned(), RX, TX)]);

    let (status, text, _) = ask(&layer, get()).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(text, "This session was closed.\n");
}

#[tokio::test]
async fn what_is_not_metered_passes_and_counts_nothing() {
    let gauge = Gauge::new();
    let layer = MeterLayer::new(&gauge.collector, |_| Choice::Unmetered);
    assert_eq!(
        ask(&layer, get()).await,
        (StatusCode::OK, Bytes::from("hello"), None)
    );
    assert_eq!((gauge.total_bytes(), gauge.open_sessions()), ((0, 0), 0));
}

#[tokio::test]
async fn a_refusal_is_answered_as_it_was_chosen_and_the_service_not_asked() {
    let gauge = Gauge::new();
    let layer = MeterLayer::new(&gauge.collector, |_| {
        let refusal = Refusal::new(StatusCode::IM_A_TEAPOT, "Short and stout.");
        Choice::Refuse(refusal.retry_after(Duration::from_millis(1_001)))
    });
    let service = layer.layer(service_fn(async |_: Request<MeteredBody<TestBody>>| {
        Err::<Response<TestBody>, _>("asked")
    }));
    let response = service.oneshot(get()).await.unwrap();
    assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(response.headers()[header::RETRY_AFTER], "2");
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "text/plain; charset=utf-8"
    );
    assert_eq!(read(response.into_body()).await.unwrap(), "Short and stout.\n");
    assert_eq!((gauge.total_bytes(), gauge.open_sessions()), ((0, 0), 0));
}

/// A program may take the ids of shared sessions from its clients: a viewer's token, say.
#[tokio::test]
async fn a_client_that_names_its_session_as_exchanges_are_named_gets_into_none_of_them() {
    let gauge = Gauge::new();
    let layer = MeterLayer::new(&gauge.collector, |arrival| {
        let labels = |reference: &str| Labels::new(reference, "here", "there");
        match arrival.parts.headers.get("token") {
            Some(token) => Choice::shared(token, labels("viewer")),
            None => Choice::Exchange(labels("exchange")),
        }
    });
    ask(&layer, get()).await;
    let seen = gauge.closed()[0].identity.id.to_string();
    let rest = seen.strip_prefix("http-exchange-").unwrap();
    let digits = rest
        .find(|byte: char| !byte.is_ascii_digit())
        .unwrap_or(rest.len());
    let (number, behind) = (rest[..digits].parse::<u64>().unwrap(), &rest[digits..]);
    // Far enough ahead for the exchanges of tests that run beside this one.
    let ahead = 2_000;
    for guess in number + 1..=number + ahead {
        let mut request = get();
        let token = format!("http-exchange-{guess}{behind}").parse().unwrap();
        request.headers_mut().insert("token", token);
        ask(&layer, request).await;
    }
    ask(&layer, get()).await;
    let exchange = ("exchange".to_owned(), RX, TX);
    assert_eq!(gauge.closed_bytes(), [exchange.clone(), exchange]);
    assert_eq!(gauge.open_sessions(), ahead);
}

#[tokio::test]
async fn an_id_that_no_session_can_have_is_the_request_s_fault() {
    let gauge = Gauge::new();
    for id in [String::new(), "x".repeat(1_025)] {
        let layer = MeterLayer::new(&gauge.collector, move |_| Choice::shared(&id, Labels::default()));
        let (status, text, retry_after) = ask(&layer, get()).await;
        assert_eq!((status, retry_after), (StatusCode::BAD_REQUEST, None));
        assert_eq!(text, "The id of this session is empty or too long.\n");
    }
    assert_eq!(gauge.open_sessions(), 0);
}

#[tokio::test]
async fn a_limit_that_is_reached_is_answered_with_503_and_when_to_try_again() {
    let gauge = Gauge::with(|config| {
        config.max_sessions = 1;
        config.max_tx_bitrate = 1_000_000;
    });
    let held = gauge.collector.register("held", "", "", "");
    let refused = ask(&gauge.layer(), get()).await;
    let text = "The limit of sessions is reached. Try again later.\n";
    assert_eq!(
        refused,
        (StatusCode::SERVICE_UNAVAILABLE, text.into(), Some("5".to_owned()))
    );
    held.unregister();
    assert_eq!(ask(&gauge.layer(), get()).await.0, StatusCode::OK);

    let layer = gauge.layer().admission(Admission {
        expected_egress: 1_000_000,
        ..Admission::default()
    });
    let text = "The limit of the outgoing bitrate is reached. Try again later.\n";
    assert_eq!(ask(&layer, get()).await.1, text);

    let layer = layer.on_limit(|error| {
        assert!(matches!(error, AdmissionError::EgressBitrate { .. }));
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, "Busy.")
    });
    let refused = ask(&layer, get()).await;
    assert_eq!(refused, (StatusCode::TOO_MANY_REQUESTS, "Busy.\n".into(), None));
}

#[tokio::test]
async fn who_is_not_allowed_is_answered_with_403_by_the_address_behind_the_proxies() {
    let gauge = Gauge::new();
    let limiter = CidrLimiter::new(&["203.0.113.0/24"], &[]).unwrap();
    let proxies = TrustedProxies::new(&["10.0.0.0/8"], ProxyHeader::XForwardedFor).unwrap();
    let layer = gauge.layer().limit(limiter).trust(proxies);
    let status = async |peer: &str, forwarded: &'static str| {
        let mut request = from(peer);
        request
            .headers_mut()
            .insert("x-forwarded-for", forwarded.parse().unwrap());
        ask(&layer, request).await.0
    };
    assert_eq!(
        status("203.0.113.7:1", "198.51.100.7").await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(status("198.51.100.7:1", "203.0.113.7").await, StatusCode::OK);
    assert_eq!(status("10.0.0.1:1", "203.0.113.7").await, StatusCode::FORBIDDEN);
    assert_eq!(
        status("10.0.0.1:1", "203.0.113.7, 198.51.100.7").await,
        StatusCode::OK
    );
    assert_eq!(
        status("[::ffff:10.0.0.1]:1", "203.0.113.7").await,
        StatusCode::FORBIDDEN
    );
    // Nobody knows who it is.
    let (status, text, _) = ask(&layer, get()).await;
    assert_eq!(
        (status, text),
        (
            StatusCode::FORBIDDEN,
            "This address is not allowed here.\n".into()
        )
    );
}

#[tokio::test]
async fn whom_the_collector_does_not_meter_passes_unmetered() {
    let gauge = Gauge::with(|config| {
        config.limiter = Some(std::sync::Arc::new(
            CidrLimiter::new(&["10.0.0.0/8"], &[]).unwrap(),
        ));
    });
    assert_eq!(ask(&gauge.layer(), from("10.0.0.1:1")).await.0, StatusCode::OK);
    assert_eq!(gauge.total_bytes(), (0, 0));
    assert_eq!(ask(&gauge.layer(), from("192.0.2.1:1")).await.0, StatusCode::OK);
    assert_eq!(gauge.total_bytes(), (RX, TX));
}

#[tokio::test]
async fn the_closure_sees_the_peer_and_the_client() {
    let gauge = Gauge::new();
    let proxies = TrustedProxies::new(&["10.0.0.0/8"], ProxyHeader::Forwarded).unwrap();
    let layer = MeterLayer::new(&gauge.collector, |arrival| {
        let peer = arrival.peer.map(|peer| peer.to_string()).unwrap_or_default();
        Choice::Exchange(Labels::new(
            arrival.parts.method.as_str(),
            peer,
            arrival.client_label(),
        ))
    })
    .trust(proxies)
    .peer_from(|peer: &SocketAddr| *peer);
    let mut request = get();
    request
        .extensions_mut()
        .insert("10.0.0.1:443".parse::<SocketAddr>().unwrap());
    request
        .headers_mut()
        .insert("forwarded", "for=\"[2001:db8::7]:4711\"".parse().unwrap());
    ask(&layer, request).await;
    ask(&layer, get()).await;
    let labels: Vec<_> = gauge
        .closed()
        .into_iter()
        .map(|closed| {
            (
                closed.identity.location.to_string(),
                closed.identity.peer.to_string(),
            )
        })
        .collect();
    let expected = [("10.0.0.1:443", "2001:db8::7"), ("unknown", "unknown")];
    assert_eq!(
        labels,
        expected.map(|(location, peer)| (location.to_owned(), peer.to_owned()))
    );
}

#[tokio::test]
async fn a_service_reaches_its_session() {
    let gauge = Gauge::new();
    let service = gauge
        .layer()
        .layer(service_fn(async |request: Request<MeteredBody<TestBody>>| {
            let exchange = request.extensions().get::<Exchange>().unwrap();
            exchange.session().extra("user 7");
            Ok::<_, Infallible>(Response::new(full("hello")))
        }));
    drop(service.oneshot(get()).await.unwrap());
    assert_eq!(&*gauge.closed()[0].identity.extra, "user 7");
}
