//! What polls of a metered connection come to: bytes that passed are counted, and a poll that waits fails when the session closes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use streamgauge::{Closed, SessionClosed, SessionHandle};

use crate::direction::{Direction, PerDirection};
use crate::exchange::Exchange;
use crate::head::length;

/// Counts for an exchange what passes through a connection.
#[derive(Debug)]
pub(crate) struct IoTap {
    exchange: Exchange,
    /// One for each half, since each may be polled by a task of its own.
    watches: PerDirection<ClosedWatch>,
}

impl IoTap {
    pub(crate) fn new(exchange: Exchange) -> Self {
        Self {
            exchange,
            watches: PerDirection::default(),
        }
    }

    /// Asked before a byte is moved, so that nothing passes for a kicked client.
    pub(crate) fn ensure_open(&self) -> io::Result<()> {
        Ok(self.exchange.session().ensure_open()?)
    }

    /// What a read comes to, and how many bytes it moved.
    pub(crate) fn after_read(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<()>>,
        bytes: usize,
    ) -> Poll<io::Result<()>> {
        match polled {
            Poll::Ready(Ok(())) => {
                self.exchange.count(Direction::Ingress, length(bytes))?;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.closed(Direction::Ingress, cx),
        }
    }

    /// Writes at most `most` bytes. They are claimed before the connection has them: another task may send them, and settle its
    /// books, before the write is back.
    pub(crate) fn write(
        &mut self,
        cx: &mut Context<'_>,
        most: usize,
        write: impl FnOnce(&mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        self.ensure_open()?;
        let claim = self.exchange.claim_egress(length(most));
        match write(cx) {
            Poll::Ready(Ok(bytes)) => {
                claim.count(length(bytes))?;
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                drop(claim);
                self.wait(cx)
            }
        }
    }

    /// What a write, flush or shutdown comes to that waits.
    pub(crate) fn wait<R>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        self.closed(Direction::Egress, cx)
    }

    fn closed<R>(&mut self, direction: Direction, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        let watch = self.watches.at(direction);
        watch
            .poll(self.exchange.session(), cx)
            .map(|closed| Err(closed.into()))
    }
}

/// What all slices hold together.
pub(crate) fn total(bufs: &[IoSlice<'_>]) -> usize {
    bufs.iter().map(|buf| buf.len()).sum()
}

/// Tells the one task that polls it that a session closed.
///
/// It is made where the task first has to wait: what never waits never pays for it.
#[derive(Debug, Default)]
pub(crate) struct ClosedWatch {
    closed: Option<Closed>,
}

impl ClosedWatch {
    /// Ready once the session has closed; otherwise the task is woken when it does.
    pub(crate) fn poll(&mut self, session: &SessionHandle, cx: &mut Context<'_>) -> Poll<SessionClosed> {
        let closed = self.closed.get_or_insert_with(|| session.closed());
        Pin::new(closed).poll(cx).map(SessionClosed)
    }
}
