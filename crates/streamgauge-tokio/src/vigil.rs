//! The watch that a task that waits for its peer keeps on its session.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use streamgauge::{Closed, SessionClosed, SessionHandle};

/// Watches for the close of a session, from the first time that a task has to wait.
///
/// One for each way: the halves of a stream are read and written by tasks of their own, and a future of the close has one task
/// to wake.
#[derive(Debug, Default)]
pub(crate) struct Vigil(Option<Closed>);

impl Vigil {
    /// What the inner call answered, or that the session has closed where it would have to wait.
    ///
    /// Cost: nothing where there is no wait. For a wait one load; the first one of a task lists it with the session.
    #[inline]
    pub(crate) fn keep<R>(
        &mut self,
        session: &SessionHandle,
        context: &mut Context<'_>,
        inner: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if inner.is_ready() {
            return inner;
        }
        let closed = self.0.get_or_insert_with(|| session.closed());
        Pin::new(closed)
            .poll(context)
            .map(|verdict| Err(SessionClosed(verdict).into()))
    }
}
