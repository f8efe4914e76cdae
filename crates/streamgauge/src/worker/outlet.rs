//! Where a collector's events go: the log, and the observer.

use std::fmt;
use std::sync::Arc;

use tracing::level_filters::LevelFilter;

use super::Worker;
use crate::collector::config::CollectorConfig;
use crate::event::{SessionEvent, SessionObserver};
use crate::health::{HealthBoard, contain};
use crate::sync::{Mutex, lock};

/// The way out for one collector's events.
pub(crate) struct Outlet {
    observer: Option<Arc<dyn SessionObserver>>,
    max_queued: u64,
    queued: Mutex<u64>,
    health: Arc<HealthBoard>,
}

impl Outlet {
    pub(crate) fn new(config: &CollectorConfig, health: Arc<HealthBoard>) -> Self {
        Self {
            observer: config.observer.clone(),
            max_queued: config.max_queued_events,
            queued: Mutex::new(0),
            health,
        }
    }

    /// Whether events are worth making.
    pub(crate) fn is_observed(&self) -> bool {
        self.observer.is_some() || LevelFilter::current() >= LevelFilter::DEBUG
    }

    /// Sends an event on its way, unless too many wait.
    pub(crate) fn offer(self: &Arc<Self>, event: SessionEvent, worker: &Worker) {
        let has_room = {
            let mut queued = lock(&self.queued);
            let has_room = *queued < self.max_queued;
            *queued += u64::from(has_room);
            has_room
        };
        if has_room {
            worker.deliver(self, event);
        } else {
            self.count_undelivered();
        }
    }

    /// Logs an event and calls the observer. On the worker.
    pub(super) fn deliver(&self, event: &SessionEvent) {
        *lock(&self.queued) -= 1;
        self.health.contain(|| event.log());
        if let Some(observer) = &self.observer
            && contain(|| observer.on_event(event)).is_err()
        {
            self.health.note(|health| health.observer_panics += 1);
        }
    }

    /// Where to note how it fares.
    pub(super) fn health(&self) -> &Arc<HealthBoard> {
        &self.health
    }

    /// Gives an event up.
    pub(super) fn give_up(&self, event: SessionEvent) {
        *lock(&self.queued) -= 1;
        drop(event);
        self.count_undelivered();
    }

    fn count_undelivered(&self) {
        self.health.note(|health| health.undelivered_events += 1);
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet")
            .field("is_observed", &self.is_observed())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Arc, CollectorConfig, Outlet, SessionEvent, SessionObserver};

    struct Nobody;

    impl SessionObserver for Nobody {
        fn on_event(&self, _: &SessionEvent) {}
    }

    #[test]
    fn without_an_observer_or_a_log_no_event_is_made() {
        let mut config = CollectorConfig::default();
        assert!(!Outlet::new(&config, Arc::default()).is_observed());
        config.observer = Some(Arc::new(Nobody));
        assert!(Outlet::new(&config, Arc::default()).is_observed());
    }
}
