//! What polls of a metered connection come to: bytes that passed are counted, and a poll that waits fails when the session closes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use streamgauge::{Closed, SessionHandle};

use crate::closed::SessionClosed;
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

    /// Counts the bytes that the poll moved, or waits for the session's close along with it.
    pub(crate) fn settle<R>(
        &mut self,
        direction: Direction,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<R>>,
        bytes: impl FnOnce(&R) -> usize,
    ) -> Poll<io::Result<R>> {
        match polled {
            Poll::Ready(Ok(passed)) => {
                self.exchange.count(direction, length(bytes(&passed)))?;
                Poll::Ready(Ok(passed))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let watch = self.watches.at(direction);
                watch
                    .poll(self.exchange.session(), cx)
                    .map(|closed| Err(closed.into()))
            }
        }
    }
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
        Pin::new(closed)
            .poll(cx)
            .map(|verdict| SessionClosed { verdict })
    }
}
