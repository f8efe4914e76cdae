//! A session that closes with its owner.

use std::ops::Deref;

use super::SessionHandle;

/// A session that closes when this is dropped; [`SessionHandle::owned`] makes it.
///
/// For what serves one session and ends with it: a connection, a task. Closing a session that has closed does nothing, so a
/// kick and the end of the connection may come in either order.
///
/// ```
/// use streamgauge::{Collector, CollectorConfig, ManualClock};
///
/// let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
/// {
///     let session = collector.register("client", "stream", "here", "there").owned();
///     session.ingress(1_500);
///     assert!(collector.is_known_session("client"));
/// }
/// assert!(!collector.is_known_session("client"));
/// assert_eq!(collector.refresh().history.stats.total_rx_bytes, 1_500);
/// ```
#[derive(Debug)]
#[must_use = "the session closes when this is dropped"]
pub struct OwnedSession {
    session: SessionHandle,
    is_let_go: bool,
}

impl OwnedSession {
    pub(super) fn new(session: SessionHandle) -> Self {
        Self {
            session,
            is_let_go: false,
        }
    }

    /// The handle, and the session stays open.
    #[must_use]
    pub fn release(mut self) -> SessionHandle {
        self.is_let_go = true;
        self.session.clone()
    }
}

impl Deref for OwnedSession {
    type Target = SessionHandle;

    fn deref(&self) -> &SessionHandle {
        &self.session
    }
}

impl Drop for OwnedSession {
    fn drop(&mut self) {
        if !self.is_let_go {
            self.session.unregister();
        }
    }
}
