//! An observer that sends on what it is told, and a collector that ticks as fast as it may: for tests that wait for threads.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use streamgauge::{CollectorConfig, SessionEvent, SessionObserver};

/// A collector that has such an observer, whose sessions never expire.
pub(crate) fn fast(observer: Arc<dyn SessionObserver>) -> CollectorConfig {
    let mut config = CollectorConfig::default();
    config.sample_interval = Duration::from_millis(1);
    config.window = Duration::from_millis(10);
    config.session_timeout = Duration::MAX;
    config.observer = Some(observer);
    config
}

/// Sends on what it is told.
pub(crate) struct Reporter {
    sender: Mutex<Sender<String>>,
    tell: fn(&SessionEvent) -> String,
}

impl Reporter {
    /// A reporter, and what it sends of each event: what `tell` says of it.
    pub(crate) fn pair(tell: fn(&SessionEvent) -> String) -> (Receiver<String>, Arc<dyn SessionObserver>) {
        let (sender, receiver) = channel();
        let sender = Mutex::new(sender);
        (receiver, Arc::new(Self { sender, tell }))
    }
}

impl SessionObserver for Reporter {
    fn on_event(&self, event: &SessionEvent) {
        if let Ok(sender) = self.sender.lock() {
            drop(sender.send((self.tell)(event)));
        }
    }
}
