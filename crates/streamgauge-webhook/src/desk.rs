//! What the observer and the thread share: the queue, the counts, and when to stop. One lock, so that each event is in
//! one count at any time. Nobody holds it while the network is used.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use streamgauge::SessionEvent;

use crate::clock;
use crate::counts::WebhookCounts;

/// An event and its number.
pub(crate) type Numbered = (u64, Arc<SessionEvent>);

/// The queue, and who waits at it.
#[derive(Debug)]
pub(crate) struct Desk {
    max_queued: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Numbered>,
    /// The number of the event that comes next.
    next: u64,
    counts: WebhookCounts,
    /// When to give up what is queued, once that was asked for.
    stop_by: Option<Instant>,
    /// Whether all handles are gone.
    is_left: bool,
    /// Whether the thread takes nothing any more.
    has_ended: bool,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Delivered,
    Failed(String),
    /// The thread stops, and it was neither of both.
    Dropped,
}

impl Desk {
    pub(crate) fn new(max_queued: usize) -> Self {
        Self {
            max_queued,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds it can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues an event, or counts it as dropped.
    pub(crate) fn offer(&self, event: &SessionEvent) {
        let mut state = self.state();
        if state.has_ended || state.counts.pending >= self.max_queued as u64 {
            state.counts.dropped += 1;
            return;
        }
        let number = state.next;
        state.next += 1;
        state.counts.pending += 1;
        state.queue.push_back((number, Arc::new(event.clone())));
        drop(state);
        self.changed.notify_all();
    }

    /// Takes the events of a request: waits for the first, and takes what else is there. None when the thread is to end;
    /// what is queued then is dropped.
    pub(crate) fn take(&self, max_batch: usize) -> Option<Vec<Numbered>> {
        let mut state = self.state();
        loop {
            let is_due = state.stop_by.is_some_and(|stop_by| clock::now() >= stop_by);
            if !is_due && !state.queue.is_empty() {
                let batch = max_batch.min(state.queue.len());
                return Some(state.queue.drain(..batch).collect());
            }
            if state.stop_by.is_some() || state.is_left {
                state.has_ended = true;
                let dropped = state.queue.len() as u64;
                state.queue.clear();
                state.counts.settle(dropped, &Outcome::Dropped);
                drop(state);
                self.changed.notify_all();
                return None;
            }
            state = self.wait(state, None);
        }
    }

    /// Says what became of a request.
    pub(crate) fn settle(&self, events: usize, outcome: &Outcome) {
        self.state().counts.settle(events as u64, outcome);
    }

    /// Pauses before a request is sent again. A stop ends the pause: what is left of the time is for trying. A pause that
    /// begins after that ends with the time that is left, at the latest.
    pub(crate) fn pause(&self, pause: Duration, error: &str) {
        let mut state = self.state();
        state.counts.retries += 1;
        state.counts.last_error = Some(error.to_owned());
        let known = state.stop_by;
        let end = clock::now().checked_add(pause);
        // None is never, and not before all.
        let end = [end, known].into_iter().flatten().min();
        while state.stop_by == known {
            let left = end.map(|end| end.saturating_duration_since(clock::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return;
            }
            state = self.wait(state, left);
        }
    }

    /// When to give up, if that was asked for.
    pub(crate) fn stop_by(&self) -> Option<Instant> {
        self.state().stop_by
    }

    /// Asks the thread to end: at once if nothing is queued, and then at the latest. The earliest of several counts.
    pub(crate) fn stop(&self, stop_by: Instant) {
        let mut state = self.state();
        state.stop_by = Some(state.stop_by.map_or(stop_by, |earlier| earlier.min(stop_by)));
        drop(state);
        self.changed.notify_all();
    }

    /// Lets the thread end once it has seen to what is queued.
    pub(crate) fn leave(&self) {
        self.state().is_left = true;
        self.changed.notify_all();
    }

    /// The thread is gone: what it did not settle is dropped, and so is what comes.
    pub(crate) fn abandon(&self) {
        let mut state = self.state();
        state.has_ended = true;
        state.queue.clear();
        let pending = state.counts.pending;
        state.counts.settle(pending, &Outcome::Dropped);
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until the thread has ended, or a moment has come.
    pub(crate) fn wait_for_end(&self, until: Instant) {
        let mut state = self.state();
        while !state.has_ended {
            let left = until.saturating_duration_since(clock::now());
            if left.is_zero() {
                return;
            }
            state = self.wait(state, Some(left));
        }
    }

    pub(crate) fn counts(&self) -> WebhookCounts {
        self.state().counts.clone()
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, most: Option<Duration>) -> MutexGuard<'a, State> {
        match most {
            None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(most) => {
                let waited = self.changed.wait_timeout(state, most);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }
}

impl WebhookCounts {
    fn settle(&mut self, events: u64, outcome: &Outcome) {
        self.pending = self.pending.saturating_sub(events);
        match outcome {
            Outcome::Delivered => {
                self.delivered += events;
                self.last_error = None;
            }
            Outcome::Failed(error) => {
                self.failed += events;
                self.last_error = Some(error.clone());
            }
            Outcome::Dropped => self.dropped += events,
        }
    }
}

#[cfg(test)]
mod tests {
    use streamgauge::{Collector, CollectorConfig, ManualClock, SessionObserver};

    use super::*;

    struct Told(Arc<Desk>);

    impl SessionObserver for Told {
        fn on_event(&self, event: &SessionEvent) {
            if matches!(event, SessionEvent::Closed(_)) {
                self.0.offer(event);
            }
        }
    }

    #[test]
    fn what_a_thread_leaves_behind_that_is_gone_is_dropped_and_nobody_waits_for_it() {
        let desk = Arc::new(Desk::new(10));
        let mut config = CollectorConfig::default();
        config.observer = Some(Arc::new(Told(Arc::clone(&desk))));
        let collector = Collector::manual(config, ManualClock::default());
        let close = |id: &str| {
            collector.register(id, "r", "l", "p").unregister();
            collector.refresh();
        };
        close("under way");
        close("queued");
        assert_eq!(desk.take(1).map(|taken| taken.len()), Some(1));
        desk.abandon();
        close("late");
        let counts = desk.counts();
        assert_eq!((counts.pending, counts.dropped), (0, 3));
        // It returns: the thread has ended.
        desk.wait_for_end(clock::now() + Duration::from_secs(3_600));
    }
}
