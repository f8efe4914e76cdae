//! How exchanges end, and that their sessions close once, with the bytes that were handed over.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use http_body_util::channel::Channel;
use streamgauge_http::{BoxError, MeteredBody};
use tower::{Layer, ServiceExt, service_fn};

use crate::harness::{Gauge, HANG, TestBody, empty, full, read};

const REQUEST_HEAD: u64 = "GET / HTTP/1.1\r\n\r\n".len() as u64;
const RESPONSE_HEAD: u64 = "HTTP/1.1 200 OK\r\n\r\n".len() as u64;

type Arrived = Request<MeteredBody<TestBody>>;

#[tokio::test]
async fn a_response_that_is_dropped_early_counts_what_was_handed_over() {
    let gauge = Gauge::new();
    let (mut sender, channel) = Channel::<Bytes, BoxError>::new(4);
    let channel = std::sync::Mutex::new(Some(channel));
    let service = gauge.layer().layer(service_fn(|_: Arrived| {
        let channel = channel.lock().unwrap().take().unwrap();
        async { Ok::<_, Infallible>(Response::new(channel)) }
    }));
    let mut body = service.oneshot(Request::new(empty())).await.unwrap().into_body();
    for data in ["first", "second"] {
        sender
            .send_data(Bytes::from_static(data.as_bytes()))
            .await
            .unwrap();
    }
    drop(body.frame().await.unwrap().unwrap());
    assert_eq!(gauge.closed(), []);
    drop(body);
    assert_eq!(
        gauge.closed_bytes(),
        [("/".to_owned(), REQUEST_HEAD, RESPONSE_HEAD + 5)]
    );
}

#[tokio::test]
async fn a_request_s_body_that_is_dropped_early_counts_what_was_read() {
    let gauge = Gauge::new();
    let (mut sender, channel) = Channel::<Bytes, BoxError>::new(4);
    let service = gauge
        .layer()
        .layer(service_fn(async |request: Request<MeteredBody<_>>| {
            let mut body: MeteredBody<Channel<Bytes, BoxError>> = request.into_body();
            drop(body.frame().await.unwrap().unwrap());
            drop(body);
            Ok::<_, Infallible>(Response::new(full("done")))
        }));
    for data in ["first", "second"] {
        sender
            .send_data(Bytes::from_static(data.as_bytes()))
            .await
            .unwrap();
    }
    let response = service.oneshot(Request::new(channel)).await.unwrap();
    assert_eq!(read(response.into_body()).await.unwrap(), "done");
    assert_eq!(
        gauge.closed_bytes(),
        [("/".to_owned(), REQUEST_HEAD + 5, RESPONSE_HEAD + 4)]
    );
}

#[tokio::test]
async fn a_session_is_open_until_the_longer_of_the_two_bodies_is_gone() {
    let gauge = Gauge::new();
    let (mut sender, channel) = Channel::<Bytes, BoxError>::new(4);
    let kept = std::sync::Arc::new(std::sync::Mutex::new(None));
    let keep = std::sync::Arc::clone(&kept);
    let service = gauge
        .layer()
        .layer(service_fn(move |request: Request<MeteredBody<_>>| {
            *keep.lock().unwrap() = Some(request.into_body());
            async { Ok::<_, Infallible>(Response::new(full("early"))) }
        }));
    let response = service.oneshot(Request::new(channel)).await.unwrap();
    assert_eq!(read(response.into_body()).await.unwrap(), "early");
    assert_eq!(gauge.closed(), []);

    sender.send_data(Bytes::from_static(b"late")).await.unwrap();
    let mut body: MeteredBody<Channel<_, _>> = kept.lock().unwrap().take().unwrap();
    drop(body.frame().await.unwrap().unwrap());
    drop(body);
    assert_eq!(
        gauge.closed_bytes(),
        [("/".to_owned(), REQUEST_HEAD + 4, RESPONSE_HEAD + 5)]
    );
}

#[tokio::test]
async fn an_error_of_the_service_comes_through_and_closes_the_session() {
    let gauge = Gauge::new();
    let service = gauge.layer().layer(service_fn(async |_: Arrived| {
        Err::<Response<TestBody>, _>("no disk")
    }));
    let error = service.oneshot(Request::new(empty())).await.unwrap_err();
    assert_eq!(error, "no disk");
    assert_eq!(gauge.closed_bytes(), [("/".to_owned(), REQUEST_HEAD, 0)]);
}

#[tokio::test]
async fn a_panic_of_the_service_closes_the_session() {
    let gauge = Gauge::new();
    let service = gauge.layer().layer(service_fn(async |request: Arrived| {
        if request.uri().path() == "/" {
            panic!("as the test has it");
        }
        Ok::<_, Infallible>(Response::new(empty()))
    }));
    let exchange = std::panic::AssertUnwindSafe(service.oneshot(Request::new(empty())));
    assert!(exchange.catch_unwind().await.is_err());
    assert_eq!(gauge.closed_bytes(), [("/".to_owned(), REQUEST_HEAD, 0)]);
}

#[tokio::test]
async fn a_future_that_is_given_up_closes_the_session() {
    let gauge = Gauge::new();
    let service = gauge.layer().layer(service_fn(async |_: Arrived| {
        pending::<()>().await;
        Ok::<_, Infallible>(Response::new(empty()))
    }));
    let exchange = service.oneshot(Request::new(empty()));
    assert!(exchange.now_or_never().is_none());
    assert_eq!(gauge.closed_bytes(), [("/".to_owned(), REQUEST_HEAD, 0)]);
}

/// What is answered where the session closes, in this way, before the service does.
async fn answered_at(gauge: &Gauge, close: impl FnOnce()) -> (StatusCode, Bytes, bool) {
    let service = gauge.layer().layer(service_fn(async |_: Arrived| {
        pending::<()>().await;
        Ok::<_, Infallible>(Response::new(empty()))
    }));
    let mut exchange = std::pin::pin!(service.oneshot(Request::new(empty())));
    assert!(futures_util::poll!(&mut exchange).is_pending());
    let close = async {
        tokio::task::yield_now().await;
        close();
    };
    let both = async { tokio::join!(exchange, close) };
    let (response, ()) = tokio::time::timeout(HANG, both).await.unwrap();
    let response = response.unwrap();
    let has_retry = response.headers().contains_key(header::RETRY_AFTER);
    (
        response.status(),
        read(response.into_body()).await.unwrap(),
        has_retry,
    )
}

#[tokio::test]
async fn a_close_before_the_response_is_answered_by_its_reason() {
    let gauge = Gauge::new();
    let kick = || {
        let id = gauge.collector.active()[0].id.clone();
        gauge.collector.unregister(id.as_bytes());
    };
    let (status, text, has_retry) = answered_at(&gauge, kick).await;
    assert_eq!((status, has_retry), (StatusCode::FORBIDDEN, false));
    assert_eq!(text, "This session was closed.\n");
    assert_eq!(gauge.closed_bytes(), [("/".to_owned(), REQUEST_HEAD, 0)]);

    let gauge = Gauge::with(|config| config.session_timeout = Duration::from_secs(5));
    let time_out = || {
        // The first tick sees that the head was counted.
        gauge.collector.tick();
        gauge.clock.advance(Duration::from_secs(6));
        gauge.collector.tick();
    };
    let (status, text, has_retry) = answered_at(&gauge, time_out).await;
    assert_eq!((status, has_retry), (StatusCode::REQUEST_TIMEOUT, false));
    assert_eq!(text, "This session was silent for too long.\n");

    let gauge = Gauge::new();
    let (status, _, has_retry) = answered_at(&gauge, || gauge.collector.stop()).await;
    assert_eq!((status, has_retry), (StatusCode::SERVICE_UNAVAILABLE, true));
}
