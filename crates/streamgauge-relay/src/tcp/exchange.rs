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

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use streamgauge::{Collector, CollectorConfig, ManualClock};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, Join, duplex, join};

    use super::*;

    /// An end that can be read and takes nothing; the far side of what is read.
    fn deaf() -> (Join<DuplexStream, DuplexStream>, DuplexStream) {
        let (reader, far) = duplex(100);
        let (writer, _) = duplex(100);
        (join(reader, writer), far)
    }

    fn session() -> (Collector, SessionHandle) {
        let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
        let session = collector.register("client", "reference", "location", "peer");
        (collector, session)
    }

    #[tokio::test]
    async fn what_a_client_sent_that_hears_nothing_any_more_still_arrives() {
        let (collector, session) = session();
        let (mut client, mut client_far) = deaf();
        let (mut upstream, mut server) = duplex(100);
        server.write_all(b"unheard").await.unwrap();
        let mut exchange = Exchange::new(&mut client, &mut upstream, &session, 1000, b"");
        let is_pending = poll_fn(|context| Poll::Ready(Pin::new(&mut exchange).poll(context).is_pending()));
        assert!(is_pending.await);
        client_far.write_all(b"upload").await.unwrap();
        drop(client_far);
        assert!(matches!(exchange.await, Ended::Client(_)));
        drop(upstream);
        let mut received = Vec::new();
        server.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"upload");
        let totals = collector.refresh().totals;
        assert_eq!((totals.total_rx_bytes, totals.total_tx_bytes), (6, 0));
    }

    #[tokio::test]
    async fn what_an_upstream_answers_that_takes_nothing_any_more_still_arrives() {
        let (collector, session) = session();
        let (mut client, mut client_far) = duplex(100);
        let (mut upstream, mut server_far) = deaf();
        client_far.write_all(b"too much").await.unwrap();
        let mut exchange = Exchange::new(&mut client, &mut upstream, &session, 1000, b"");
        let is_pending = poll_fn(|context| Poll::Ready(Pin::new(&mut exchange).poll(context).is_pending()));
        assert!(is_pending.await);
        server_far.write_all(b"413").await.unwrap();
        drop(server_far);
        assert!(matches!(exchange.await, Ended::Upstream(_)));
        drop(client);
        let mut received = Vec::new();
        client_far.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"413");
        let totals = collector.refresh().totals;
        assert_eq!((totals.total_rx_bytes, totals.total_tx_bytes), (8, 3));
    }
}
