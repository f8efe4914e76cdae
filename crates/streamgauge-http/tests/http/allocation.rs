//! What a frame, a read and a write cost: no allocation.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use streamgauge_http::{Exchange, MeteredBody, Overhead};
use streamgauge_testkit::{Counts, count};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tower::{Layer, Service, service_fn};

use crate::harness::{Gauge, TestBody, empty, peer};

const ROUNDS: u64 = 10_000;

/// Has a frame at every other poll.
#[derive(Default)]
struct Hesitant {
    has_waited: bool,
}

impl Body for Hesitant {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.has_waited = !self.has_waited;
        if self.has_waited {
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"frame")))))
    }
}

/// Takes and gives whatever it is asked for.
struct Endless;

impl AsyncRead for Endless {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        buf.initialize_unfilled();
        buf.advance(buf.remaining());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Endless {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What an exchange is left with: its response, with the exchange in the extensions, on a metered connection.
fn exchange(gauge: &Gauge, overhead: &Overhead) -> Response<impl Body<Data = Bytes> + Unpin + use<>> {
    let connection = overhead.connection(Endless, peer());
    let service = service_fn(async |request: Request<MeteredBody<TestBody>>| {
        let exchange = request.extensions().get::<Exchange>().unwrap().clone();
        let mut response = Response::new(Hesitant::default());
        response.extensions_mut().insert(exchange);
        Ok::<_, Infallible>(response)
    });
    let mut service = connection.context().service(gauge.layer().layer(service));
    let future = std::pin::pin!(service.call(Request::new(empty())));
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(response) => response.unwrap(),
        Poll::Pending => panic!("the service answers at once"),
    }
}

#[test]
fn a_frame_is_counted_and_waited_for_without_an_allocation() {
    let gauge = Gauge::new();
    let overhead = Overhead::new(&gauge.collector, "here");
    let mut body = exchange(&gauge, &overhead).into_body();
    let mut cx = Context::from_waker(Waker::noop());
    // The first wait lists the task with the session.
    assert!(Pin::new(&mut body).poll_frame(&mut cx).is_pending());
    let before = gauge.live_bytes().1;
    let (frames, counts) = count(|| {
        let mut frames = 0;
        for _ in 0..2 * ROUNDS {
            if let Poll::Ready(Some(Ok(_))) = Pin::new(&mut body).poll_frame(&mut cx) {
                frames += 1;
            }
        }
        frames
    });
    assert_eq!(counts, Counts::default());
    assert_eq!(frames, ROUNDS);
    assert_eq!(gauge.live_bytes().1, before + 5 * ROUNDS);
}

#[test]
fn connections_are_counted_without_an_allocation() {
    let gauge = Gauge::new();
    let overhead = Overhead::new(&gauge.collector, "here");
    let response = exchange(&gauge, &overhead);
    let exchange = response.extensions().get::<Exchange>().unwrap().clone();
    let before = gauge.bytes_of("/");
    let mut connection = overhead.connection(Endless, peer());
    let mut upgraded = exchange.upgraded(Endless);
    let mut cx = Context::from_waker(Waker::noop());
    let mut space = [0; 7];
    // The first flush that has overhead registers its session.
    assert!(Pin::new(&mut connection).poll_write(&mut cx, b"12345").is_ready());
    assert!(Pin::new(&mut connection).poll_flush(&mut cx).is_ready());
    let ((), counts) = count(|| {
        for _ in 0..ROUNDS {
            for io in [&mut connection as &mut (dyn Io + Unpin), &mut upgraded] {
                let mut io = Pin::new(io);
                assert!(
                    io.as_mut()
                        .poll_read(&mut cx, &mut ReadBuf::new(&mut space))
                        .is_ready()
                );
                assert!(io.as_mut().poll_write(&mut cx, b"12345").is_ready());
                assert!(io.as_mut().poll_flush(&mut cx).is_ready());
            }
        }
    });
    assert_eq!(counts, Counts::default());
    drop(connection);
    assert_eq!(gauge.bytes_of("(overhead)"), (7 * ROUNDS, 5 * (ROUNDS + 1)));
    assert_eq!(
        gauge.bytes_of("/"),
        (before.0 + 7 * ROUNDS, before.1 + 5 * ROUNDS)
    );
}

trait Io: AsyncRead + AsyncWrite {}

impl<T: AsyncRead + AsyncWrite> Io for T {}
