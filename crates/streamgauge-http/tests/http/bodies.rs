//! Bodies, by themselves: counted as they stream, and passed on as they are.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::channel::Channel;
use http_body_util::{BodyExt, Full};
use streamgauge::{CloseReason, Verdict};
use streamgauge_http::{BoxError, MeteredBody, SessionClosed};
use tower::{Layer, ServiceExt, service_fn};

use crate::harness::{Gauge, HANG, TestBody, empty, full, read, trailers};

const REQUEST_HEAD: u64 = "GET / HTTP/1.1\r\n\r\n".len() as u64;
const RESPONSE_HEAD: u64 = "HTTP/1.1 200 OK\r\n\r\n".len() as u64;

/// The metered response of a service that answers this body at once.
async fn respond<B>(gauge: &Gauge, body: B) -> Response<streamgauge_http::ResponseBody<B>>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let body = Arc::new(Mutex::new(Some(body)));
    let service = service_fn(move |_: Request<MeteredBody<TestBody>>| {
        let body = body.lock().unwrap().take().unwrap();
        async { Ok::<_, Infallible>(Response::new(body)) }
    });
    let service = gauge.layer().layer(service);
    service.oneshot(Request::new(empty())).await.unwrap()
}

#[tokio::test]
async fn each_frame_is_counted_when_it_is_handed_over_and_not_when_the_body_ends() {
    let gauge = Gauge::new();
    let (mut sender, channel) = Channel::<Bytes, BoxError>::new(4);
    let mut body = respond(&gauge, channel).await.into_body();
    assert_eq!(gauge.live_bytes(), (REQUEST_HEAD, RESPONSE_HEAD));

    sender.send_data(Bytes::from_static(b"hello")).await.unwrap();
    assert_eq!(gauge.live_bytes(), (REQUEST_HEAD, RESPONSE_HEAD));
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "hello");
    assert_eq!(gauge.live_bytes(), (REQUEST_HEAD, RESPONSE_HEAD + 5));

    sender.send_data(Bytes::from_static(b", world")).await.unwrap();
    sender.send_trailers(trailers("digest", "abc")).await.unwrap();
    drop(sender);
    assert_eq!(
        body.frame().await.unwrap().unwrap().into_data().unwrap(),
        ", world"
    );
    assert_eq!(gauge.live_bytes(), (REQUEST_HEAD, RESPONSE_HEAD + 12));
    let last = body.frame().await.unwrap().unwrap().into_trailers().unwrap();
    assert_eq!(last, trailers("digest", "abc"));
    let sent = RESPONSE_HEAD + 12 + "digest: abc\r\n".len() as u64;
    assert_eq!(gauge.live_bytes(), (REQUEST_HEAD, sent));

    assert!(body.frame().await.is_none());
    assert_eq!(gauge.closed_bytes(), [("/".to_owned(), REQUEST_HEAD, sent)]);
}

#[tokio::test]
async fn a_request_s_frames_are_counted_as_the_service_reads_them() {
    let gauge = Gauge::new();
    let (mut sender, channel) = Channel::<Bytes, BoxError>::new(4);
    let collector = gauge.collector.clone();
    let service = gauge
        .layer()
        .layer(service_fn(move |request: Request<MeteredBody<Channel<_, _>>>| {
            let collector = collector.clone();
            async move {
                let mut body = request.into_body();
                let mut seen = Vec::new();
                while let Some(frame) = body.frame().await {
                    drop(frame.unwrap());
                    seen.push(collector.refresh().live.total_rx_bytes - REQUEST_HEAD);
                }
                Ok::<_, Infallible>(Response::new(full(format!("{seen:?}"))))
            }
        }));
    for data in ["one", "three"] {
        sender
            .send_data(Bytes::from_static(data.as_bytes()))
            .await
            .unwrap();
    }
    sender.send_trailers(trailers("a", "b")).await.unwrap();
    drop(sender);
    let response = service.oneshot(Request::new(channel)).await.unwrap();
    assert_eq!(read(response.into_body()).await.unwrap(), "[3, 8, 14]");
}

/// Tells how often it was polled, and always has a frame.
struct Eager {
    polls: Arc<Mutex<u64>>,
}

impl Body for Eager {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        *self.polls.lock().unwrap() += 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"frame")))))
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        hint.set_lower(7);
        hint.set_upper(9);
        hint
    }
}

#[tokio::test]
async fn a_body_asks_for_one_frame_when_it_is_asked_for_one() {
    let gauge = Gauge::new();
    let polls = Arc::<Mutex<u64>>::default();
    let mut body = respond(
        &gauge,
        Eager {
            polls: Arc::clone(&polls),
        },
    )
    .await
    .into_body();
    assert_eq!(*polls.lock().unwrap(), 0);
    for n in 1..=3 {
        drop(body.frame().await.unwrap().unwrap());
        assert_eq!(*polls.lock().unwrap(), n);
        assert_eq!(gauge.live_bytes().1, RESPONSE_HEAD + 5 * n);
    }
    assert_eq!((body.size_hint().lower(), body.size_hint().upper()), (7, Some(9)));
    assert!(!body.is_end_stream());
}

#[tokio::test]
async fn size_hints_and_ends_are_the_inner_body_s() {
    let gauge = Gauge::new();
    let mut body = respond(&gauge, Full::new(Bytes::from_static(b"hello")))
        .await
        .into_body();
    assert_eq!(body.size_hint().exact(), Some(5));
    assert!(!body.is_end_stream());
    drop(body.frame().await);
    assert_eq!(body.size_hint().exact(), Some(0));
    assert!(body.is_end_stream());

    let body = respond(&gauge, http_body_util::Empty::<Bytes>::new())
        .await
        .into_body();
    assert!(body.is_end_stream());
    let (_sender, channel) = Channel::<Bytes, BoxError>::new(1);
    let body = respond(&gauge, channel).await.into_body();
    assert_eq!(body.size_hint().exact(), None);
    assert!(!body.is_end_stream());
}

#[tokio::test]
async fn a_close_ends_a_body_that_waits() {
    let gauge = Gauge::new();
    let (_sender, channel) = Channel::<Bytes, BoxError>::new(1);
    let mut body = respond(&gauge, channel).await.into_body();
    let id = gauge.collector.active()[0].id.clone();
    let mut frame = std::pin::pin!(body.frame());
    assert!(futures_util::poll!(&mut frame).is_pending());
    let kick = async {
        // Runs once the frame is waited for.
        tokio::task::yield_now().await;
        assert!(gauge.collector.unregister(id.as_bytes()));
    };
    let (frame, ()) = tokio::time::timeout(HANG, async { tokio::join!(frame, kick) })
        .await
        .unwrap();
    let error = frame.unwrap().unwrap_err();
    let closed = error.downcast_ref::<SessionClosed>().unwrap();
    assert_eq!(closed.0, Verdict::Closed(CloseReason::Unregistered));
    assert!(body.frame().await.is_none());
    assert!(body.is_end_stream());
    assert_eq!(
        gauge.closed_bytes(),
        [("/".to_owned(), REQUEST_HEAD, RESPONSE_HEAD)]
    );
}

#[tokio::test]
async fn a_frame_that_came_too_late_for_its_session_is_not_handed_over() {
    let gauge = Gauge::new();
    let polls = Arc::<Mutex<u64>>::default();
    let mut body = respond(&gauge, Eager { polls }).await.into_body();
    drop(body.frame().await.unwrap().unwrap());
    let id = gauge.collector.active()[0].id.clone();
    gauge.collector.unregister(id.as_bytes());
    let error = body.frame().await.unwrap().unwrap_err();
    assert!(error.is::<SessionClosed>());
    assert_eq!(error.to_string(), "the session has closed: unregistered");
    assert!(body.frame().await.is_none());
    assert_eq!(
        gauge.closed_bytes(),
        [("/".to_owned(), REQUEST_HEAD, RESPONSE_HEAD + 5)]
    );
}

#[tokio::test]
async fn a_frame_without_bytes_is_no_packet_and_is_not_handed_over_once_the_session_closed() {
    let gauge = Gauge::with(|config| config.count_packets = true);
    let (mut sender, channel) = Channel::<Bytes, BoxError>::new(4);
    let mut body = respond(&gauge, channel).await.into_body();
    for data in ["", "a", ""] {
        sender
            .send_data(Bytes::from_static(data.as_bytes()))
            .await
            .unwrap();
    }
    for data in ["", "a"] {
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), data);
    }
    let session = gauge.collector.active().remove(0);
    assert_eq!(
        (session.rx_packets, session.tx_packets),
        (1, 2),
        "two heads and a frame"
    );
    gauge.collector.unregister(&session.id);
    assert!(body.frame().await.unwrap().unwrap_err().is::<SessionClosed>());
}

#[derive(Debug, thiserror::Error)]
#[error("out of disk")]
struct OutOfDisk;

#[tokio::test]
async fn an_error_of_the_inner_body_comes_through_as_it_is() {
    let gauge = Gauge::new();
    let (sender, channel) = Channel::<Bytes, OutOfDisk>::new(1);
    let mut body = respond(&gauge, channel).await.into_body();
    sender.abort(OutOfDisk);
    let error = body.frame().await.unwrap().unwrap_err();
    assert!(error.is::<OutOfDisk>());
    assert_eq!(gauge.closed().len(), 1);
}
