//! Bodies that are counted as they stream.
//!
//! A metered body passes each poll through: it polls the inner body when it is polled, once, holds back nothing and asks for
//! nothing ahead, and its size hint and its end are those of the inner body. A frame is counted before it is handed over; one
//! that the session does not take is not handed over: the body fails with [`SessionClosed`]. Where the inner body has nothing
//! yet, the body waits for the session's close as well.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::Version;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use streamgauge::SessionClosed;

use crate::direction::Direction;
use crate::exchange::Exchange;
use crate::head::{length, trailers_bytes};
use crate::tap::ClosedWatch;

/// The error of metered bodies: the inner body's, as it is, or [`SessionClosed`].
pub type BoxError = Box<dyn Error + Send + Sync>;

pin_project! {
    /// A body that is counted frame by frame: data by its length, trailers by [`trailers_bytes`].
    ///
    /// The request's body that the service gets. Once it has ended or failed it is done with its session.
    ///
    /// Cost: for each frame, one count of the session and, on a metered connection, a lock that this connection alone takes; no
    /// alloc.
    pub struct MeteredBody<B> {
        #[pin]
        body: B,
        tap: Option<Tap>,
        // Failed, since its session closed: nothing follows.
        is_cut: bool,
    }
}

/// What a body is counted with.
#[derive(Debug)]
struct Tap {
    exchange: Exchange,
    direction: Direction,
    version: Version,
    watch: ClosedWatch,
}

impl Tap {
    fn count<D: Buf>(&self, frame: &Frame<D>) -> Result<(), SessionClosed> {
        let bytes = match (frame.data_ref(), frame.trailers_ref()) {
            (Some(data), _) => length(data.remaining()),
            (None, Some(trailers)) => trailers_bytes(self.version, trailers),
            (None, None) => 0,
        };
        self.exchange.count(self.direction, bytes)
    }
}

impl<B> MeteredBody<B> {
    pub(crate) fn new(body: B, direction: Direction, version: Version, exchange: Exchange) -> Self {
        Self {
            body,
            tap: Some(Tap {
                exchange,
                direction,
                version,
                watch: ClosedWatch::default(),
            }),
            is_cut: false,
        }
    }

    pub(crate) fn unmetered(body: B) -> Self {
        Self {
            body,
            tap: None,
            is_cut: false,
        }
    }
}

impl<B> Body for MeteredBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        if *this.is_cut {
            return Poll::Ready(None);
        }
        let Some(tap) = this.tap else {
            return this.body.poll_frame(cx).map_err(Into::into);
        };
        let closed = match this.body.poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => match tap.count(&frame) {
                Ok(()) => return Poll::Ready(Some(Ok(frame))),
                Err(closed) => closed,
            },
            Poll::Ready(end_or_error) => {
                *this.tap = None;
                return Poll::Ready(end_or_error.map(|error| error.map_err(Into::into)));
            }
            Poll::Pending => ready!(tap.watch.poll(tap.exchange.session(), cx)),
        };
        *this.tap = None;
        *this.is_cut = true;
        Poll::Ready(Some(Err(closed.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.is_cut || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> fmt::Debug for MeteredBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeteredBody")
            .field("is_metered", &self.tap.is_some())
            .field("is_cut", &self.is_cut)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The body of a response: the service's, metered, or the text of a [`Refusal`](crate::Refusal), which is not.
    #[project = ResponseBodyProjection]
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProjection]
    #[derive(Debug)]
    enum Kind<B> {
        Metered { #[pin] body: MeteredBody<B> },
        Text { text: Option<Bytes> },
    }
}

impl<B> ResponseBody<B> {
    pub(crate) fn metered(body: MeteredBody<B>) -> Self {
        Self {
            kind: Kind::Metered { body },
        }
    }

    pub(crate) fn text(text: Bytes) -> Self {
        Self {
            kind: Kind::Text { text: Some(text) },
        }
    }
}

impl<B> Body for ResponseBody<B>
where
    B: Body,
    B::Data: From<Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.project().kind.project() {
            KindProjection::Metered { body } => body.poll_frame(cx),
            KindProjection::Text { text } => {
                Poll::Ready(text.take().map(|text| Ok(Frame::data(text.into()))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Metered { body } => body.is_end_stream(),
            Kind::Text { text } => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Metered { body } => body.size_hint(),
            Kind::Text { text } => SizeHint::with_exact(text.as_ref().map_or(0, |text| length(text.len()))),
        }
    }
}
