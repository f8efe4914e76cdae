//! An observer that keeps what it is told.

use std::sync::{Arc, Mutex, PoisonError};

use streamgauge::{ClosedSession, SessionEvent, SessionObserver};

/// Keeps events in the order in which they came.
#[derive(Default)]
pub(crate) struct Recorder {
    events: Mutex<Vec<SessionEvent>>,
}

impl Recorder {
    /// A recorder, and the same as an observer.
    pub(crate) fn pair() -> (Arc<Self>, Arc<dyn SessionObserver>) {
        let recorder = Arc::new(Self::default());
        let observer: Arc<dyn SessionObserver> = Arc::<Self>::clone(&recorder);
        (recorder, observer)
    }

    /// What came since the last call.
    pub(crate) fn take(&self) -> Vec<SessionEvent> {
        std::mem::take(&mut self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The same in short: what happened to whom.
    pub(crate) fn take_names(&self) -> Vec<String> {
        self.take().iter().map(name).collect()
    }

    /// The closed and corrected sessions among what came since the last call.
    pub(crate) fn take_closed(&self) -> Vec<ClosedSession> {
        let closed = |event| match event {
            SessionEvent::Closed(closed) | SessionEvent::Corrected(closed) => Some(closed),
            _ => None,
        };
        self.take().into_iter().filter_map(closed).collect()
    }
}

impl SessionObserver for Recorder {
    fn on_event(&self, event: &SessionEvent) {
        self.events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(event.clone());
    }
}

/// What happened to whom, as `registered a`.
pub(crate) fn name(event: &SessionEvent) -> String {
    match event {
        SessionEvent::Registered(identity) => format!("registered {}", identity.id),
        SessionEvent::Activated(identity) => format!("activated {}", identity.id),
        SessionEvent::Closed(closed) => format!("closed {}", closed.identity.id),
        SessionEvent::Corrected(closed) => format!("corrected {}", closed.identity.id),
        other => format!("{other:?}"),
    }
}
