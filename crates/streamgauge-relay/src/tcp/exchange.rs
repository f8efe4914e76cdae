//! Both directions of a connection, until they have ended, one end breaks, or the session closes.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use streamgauge::{Closed, SessionHandle, Verdict};
use tokio::io::{AsyncRead, AsyncWrite};

use super::pump::{Broken, Counts, Pump};

/// Both directions between a client and an upstream.
///
/// It counts on the session's handle itself, not by wrapping the client's socket: the session's close has to end a connection
/// that waits for the upstream alone, as it does once the client has sent its end.
pub(crate) struct Exchange<'a, C, U> {
    client: &'a mut C,
    upstream: &'a mut U,
    inbound: Option<Pump>,
    outbound: Option<Pump>,
    session: &'a SessionHandle,
    closed: Closed,
    /// An end that takes no more. What it had sent before is still passed on.
    broken: Option<Ended>,
}

/// How an exchange ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Both ends have sent their ends.
    Finished,
    /// The client's connection broke.
    Client(io::Error),
    /// The upstream's connection broke.
    Upstream(io::Error),
    /// The session closed: a kick, a timeout, the collector's stop.
    Session(Verdict),
}

impl<'a, C, U> Exchange<'a, C, U> {
    /// `ahead` was read from the client, and counted, before.
    pub(crate) fn new(
        client: &'a mut C,
        upstream: &'a mut U,
        session: &'a SessionHandle,
        buffer_bytes: usize,
        ahead: &[u8],
    ) -> Self {
        let mut inbound = Pump::new(Counts::Reads, buffer_bytes);
        inbound.put_ahead(ahead);
        Self {
            client,
            upstream,
            inbound: Some(inbound),
            outbound: Some(Pump::new(Counts::Writes, buffer_bytes)),
            session,
            closed: session.closed(),
            broken: None,
        }
    }
}

impl<C, U> Future for Exchange<'_, C, U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Ended> {
        let this = &mut *self;
        if let Poll::Ready(verdict) = Pin::new(&mut this.closed).poll(context) {
            return Poll::Ready(Ended::Session(verdict));
        }
        let (client, upstream) = (&mut *this.client, &mut *this.upstream);
        if let Some(pump) = &mut this.inbound
            && let Poll::Ready(done) = pump.poll(
                context,
                Pin::new(&mut *client),
                Pin::new(&mut *upstream),
                this.session,
            )
        {
            this.inbound = None;
            match done {
                Ok(()) => {}
                Err(Broken::Writer(error)) => this.broken = Some(Ended::Upstream(error)),
                Err(Broken::Reader(error)) => return Poll::Ready(Ended::Client(error)),
                Err(Broken::Session(verdict)) => return Poll::Ready(Ended::Session(verdict)),
            }
        }
        if let Some(pump) = &mut this.outbound
            && let Poll::Ready(done) = pump.poll(context, Pin::new(upstream), Pin::new(client), this.session)
        {
            this.outbound = None;
            match done {
                Ok(()) => {}
                Err(Broken::Writer(error)) => this.broken = Some(Ended::Client(error)),
                Err(Broken::Reader(error)) => return Poll::Ready(Ended::Upstream(error)),
                Err(Broken::Session(verdict)) => return Poll::Ready(Ended::Session(verdict)),
            }
        }
        if this.inbound.is_none() && this.outbound.is_none() {
            Poll::Ready(this.broken.take().unwrap_or(Ended::Finished))
        } else {
            Poll::Pending
        }
    }
}
