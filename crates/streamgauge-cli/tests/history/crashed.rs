//! A directory as a program leaves it that ended in the middle: saves in a log, and sessions that were open.

use std::fs;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use streamgauge::{
    Activation, CollectorConfig, Config, FileStore, HistorySnapshot, HistoryStore, Loaded, ManualClock,
    Registry, StoreError,
};

use crate::stored::Stored;

/// The peer of a session that ended between two saves.
pub(crate) const ENDED: &str = "198.51.100.7:4000";

/// The peer of a session that was active at the last save, and its id.
pub(crate) const LIVE: &str = "198.51.100.8:4000";

/// The id of that session.
pub(crate) const LIVE_ID: &str = "id-of-198.51.100.8";

/// The peer of a session that was pending at the last save.
pub(crate) const PENDING: &str = "198.51.100.9:4000";

/// What the rows come to once the open sessions are ended: sessions, bytes in and out, packets in and out.
pub(crate) const ROWS: [(&str, [u64; 5]); 2] = [(ENDED, [1, 100, 20, 1, 1]), (LIVE, [1, 7, 0, 2, 0])];

/// What is discarded then.
pub(crate) const DISCARDED: [u64; 5] = [1, 3, 0, 1, 0];

/// Tells of each save.
struct Told {
    store: FileStore,
    saves: Mutex<Sender<()>>,
}

impl HistoryStore for Told {
    fn load(&self, collector: &str) -> Result<Loaded, StoreError> {
        self.store.load(collector)
    }

    fn save(&self, collector: &str, snapshot: &HistorySnapshot) -> Result<(), StoreError> {
        self.store.save(collector, snapshot)?;
        self.saves.lock().unwrap().send(()).unwrap();
        Ok(())
    }
}

/// The files of collector `http` after two saves, the second of which the program did not outlive.
pub(crate) fn crashed() -> Stored {
    let running = Stored::empty();
    let (saves, told) = channel();
    let clock = ManualClock::default();
    let store = Told {
        store: running.lock(),
        saves: Mutex::new(saves),
    };
    let mut config = Config::default();
    config.store = Some(Arc::new(store));
    let registry = Registry::manual(config, clock.clone()).unwrap();
    let mut config = CollectorConfig::default();
    config.persist_interval = Duration::from_secs(1);
    config.session_timeout = Duration::MAX;
    config.activation = Activation::Explicit;
    config.count_packets = true;
    let collector = registry.register("http", config).unwrap();
    let save = || {
        clock.advance(Duration::from_secs(1));
        registry.tick();
        told.recv().unwrap();
    };
    collector.register_and_activate("ended", "news", "edge-1", ENDED);
    collector.ingress("ended", 100);
    collector.register_and_activate(LIVE_ID, "news", "edge-1", LIVE);
    collector.ingress(LIVE_ID, 3);
    save();
    collector.egress("ended", 20);
    collector.unregister("ended");
    collector.ingress(LIVE_ID, 4);
    collector.register("pending", "news", "edge-1", PENDING);
    collector.ingress("pending", 3);
    save();
    // Taken while it runs: what its stop writes comes too late.
    let crashed = Stored::empty();
    for (path, bytes) in running.files() {
        fs::write(crashed.path().join(path.file_name().unwrap()), bytes).unwrap();
    }
    crashed
}
