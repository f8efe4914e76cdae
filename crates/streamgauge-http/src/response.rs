//! The future of a response, and what the response's head counts.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode, Version};
use http_body::Body;
use pin_project_lite::pin_project;
use streamgauge::SessionClosed;

use crate::body::{BoxError, MeteredBody, ResponseBody};
use crate::direction::Direction;
use crate::exchange::Exchange;
use crate::head::response_head_bytes;
use crate::refusal::Refusal;
use crate::tap::ClosedWatch;

pin_project! {
    /// The future of a metered response.
    ///
    /// While the service has no response, the session's close ends the exchange: the service's future is given up, and the
    /// client is answered that the session was closed (403), was silent for too long (408), or that the collector has
    /// stopped (503).
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        kind: Kind<F>,
    }
}

pin_project! {
    #[project = KindProjection]
    #[project_replace = KindReplacement]
    #[derive(Debug)]
    enum Kind<F> {
        Serving {
            #[pin]
            response: F,
            meter: Option<ResponseMeter>,
        },
        Refused { refusal: Refusal },
        Over,
    }
}

/// What a response is counted with.
#[derive(Debug)]
pub(crate) struct ResponseMeter {
    exchange: Exchange,
    watch: ClosedWatch,
    version: Version,
    is_connect: bool,
}

impl ResponseMeter {
    pub(crate) fn new(request: &Parts, exchange: Exchange) -> Self {
        Self {
            exchange,
            watch: ClosedWatch::default(),
            version: request.version,
            is_connect: request.method == Method::CONNECT,
        }
    }

    /// Counts the head, and has the body counted.
    fn meter<B>(&self, response: Response<B>) -> Result<Response<ResponseBody<B>>, SessionClosed> {
        let head_bytes = response_head_bytes(self.version, &response);
        self.exchange.count(Direction::Egress, head_bytes)?;
        if self.is_upgrade(response.status()) {
            self.exchange.switch_connection();
        }
        let exchange = self.exchange.clone();
        Ok(response.map(|body| {
            let body = MeteredBody::new(body, Direction::Egress, self.version, exchange);
            ResponseBody::metered(body)
        }))
    }

    /// Waits for the session's close.
    fn watch(&mut self, cx: &mut Context<'_>) -> Poll<SessionClosed> {
        self.watch.poll(self.exchange.session(), cx)
    }

    /// Whether the connection is another protocol's behind this response. In HTTP/2 it is not: there a stream is.
    fn is_upgrade(&self, status: StatusCode) -> bool {
        let is_tunnel = self.is_connect && status.is_success();
        self.version < Version::HTTP_2 && (status == StatusCode::SWITCHING_PROTOCOLS || is_tunnel)
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn serving(response: F, meter: Option<ResponseMeter>) -> Self {
        Self {
            kind: Kind::Serving { response, meter },
        }
    }

    pub(crate) fn refused(refusal: Refusal) -> Self {
        Self {
            kind: Kind::Refused { refusal },
        }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
    B::Data: From<Bytes>,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut kind = self.project().kind;
        if let KindProjection::Serving { response, meter } = kind.as_mut().project() {
            let polled = response.poll(cx);
            let Some(meter) = meter else {
                let unmetered = |body| ResponseBody::metered(MeteredBody::unmetered(body));
                return polled.map_ok(|response| response.map(unmetered));
            };
            let answer = match polled {
                Poll::Ready(Ok(response)) => Ok(meter.meter(response)),
                Poll::Ready(Err(error)) => Err(error),
                Poll::Pending => Ok(Err(ready!(meter.watch(cx)))),
            };
            // Lets go of the session, and of the service's future, which may not have answered.
            kind.set(Kind::Over);
            let refuse = |closed| Refusal::of_closed(closed).into_response();
            return Poll::Ready(answer.map(|metered| metered.unwrap_or_else(refuse)));
        }
        match kind.project_replace(Kind::Over) {
            KindReplacement::Refused { refusal } => Poll::Ready(Ok(refusal.into_response())),
            _ => Poll::Pending,
        }
    }
}
