//! The registry: collectors by id, served by one sampler and one worker, with their histories in one store.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;

use crate::clock::ManualClock;
use crate::collector::config::CollectorConfig;
use crate::collector::engine::Engine;
use crate::collector::owner::Placement;
use crate::collector::{Collector, empty_summary};
use crate::error::{Error, RegistryError};
use crate::health::HealthBoard;
use crate::history::file::FileStore;
use crate::history::store::HistoryStore;
use crate::session::Session;
use crate::summary::Summary;
use crate::sync::{Mutex, lock};
use crate::worker::persister::Persister;

/// The configuration of a [`Registry`].
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// The directory in which histories are kept; none: they are not kept, unless `store` does that.
    pub persist_dir: Option<PathBuf>,
    /// The store in which histories are kept, in place of a directory.
    pub store: Option<Arc<dyn HistoryStore>>,
    /// How long dropping the registry waits for an observer that does not return.
    pub stop_timeout: Duration,
}

impl Default for Config {
    /// Nothing is kept.
    fn default() -> Self {
        Self {
            persist_dir: None,
            store: None,
            stop_timeout: CollectorConfig::default().stop_timeout,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("persist_dir", &self.persist_dir)
            .field("has_store", &self.store.is_some())
            .field("stop_timeout", &self.stop_timeout)
            .finish()
    }
}

impl Config {
    fn store(self) -> Result<Option<Arc<dyn HistoryStore>>, Error> {
        match (self.persist_dir, self.store) {
            (Some(directory), Some(_)) => Err(Error::Config {
                field: "persist_dir",
                value: directory.display().to_string(),
                rule: "left out where a store is given",
            }),
            (Some(directory), None) => Ok(Some(Arc::new(FileStore::open(directory)?))),
            (None, store) => Ok(store),
        }
    }
}

/// Collectors by id.
///
/// Cheap to clone; clones are the same registry. Dropping the last one unregisters all collectors and ends the threads:
/// that may wait for the disk.
///
/// ```
/// use streamgauge::{CollectorConfig, Config, ManualClock, Registry};
///
/// let registry = Registry::manual(Config::default(), ManualClock::default())?;
/// let hls = registry.register("hls", CollectorConfig::default())?;
/// hls.register_and_activate("viewer", "stream", "here", "there");
/// hls.egress("viewer", 1_000);
/// registry.tick();
/// assert_eq!(registry.collectors(), ["hls"]);
/// assert_eq!(registry.summary("hls").live.total_tx_bytes, 1_000);
/// assert_eq!(registry.summary("rtmp").live.total_tx_bytes, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Registry {
    reader: RegistryReader,
    owner: Arc<Owner>,
}

struct Owner {
    reader: RegistryReader,
    engine: Arc<Engine>,
    store: Option<Arc<dyn HistoryStore>>,
    stop_timeout: Duration,
    /// Held while a collector comes or goes, so that a history is loaded after it was saved.
    change: Mutex<()>,
}

impl Registry {
    /// Starts a registry with its sampler thread and its worker thread.
    ///
    /// # Errors
    ///
    /// When a thread cannot be started, or the directory cannot be opened, or another registry has it.
    pub fn new(config: Config) -> Result<Self, Error> {
        let stop_timeout = config.stop_timeout;
        let store = config.store()?;
        Ok(Self::with(store, Engine::start()?, stop_timeout))
    }

    /// A registry without threads: the caller brings the time and calls [`tick`](Self::tick). Histories are written, and
    /// observers called, by the thread that ticks.
    ///
    /// # Errors
    ///
    /// When the directory cannot be opened, or another registry has it.
    pub fn manual(config: Config, clock: ManualClock) -> Result<Self, Error> {
        let stop_timeout = config.stop_timeout;
        let store = config.store()?;
        Ok(Self::with(store, Engine::manual(clock), stop_timeout))
    }

    fn with(store: Option<Arc<dyn HistoryStore>>, engine: Engine, stop_timeout: Duration) -> Self {
        let reader = RegistryReader {
            members: Arc::default(),
        };
        let owner = Owner {
            reader: reader.clone(),
            engine: Arc::new(engine),
            store,
            stop_timeout,
            change: Mutex::default(),
        };
        Self {
            reader,
            owner: Arc::new(owner),
        }
    }

    /// Ticks all collectors, in order of their ids.
    pub fn tick(&self) {
        for id in self.collectors() {
            if let Some(collector) = self.collector(&id) {
                collector.tick();
            }
        }
    }

    /// Registers a collector, with the history that the store has under its id. The id is one or more of 0-9, A-Z, a-z.
    ///
    /// What does not check out of a stored history is set aside, logged, and shown in
    /// [`Health::set_aside`](crate::Health::set_aside); the collector begins with what does.
    ///
    /// # Errors
    ///
    /// When the id is empty, invalid or taken; when the configuration cannot be followed; when the history can be
    /// neither read nor set aside.
    pub fn register(&self, id: &str, config: CollectorConfig) -> Result<Collector, RegistryError> {
        if id.is_empty() {
            return Err(RegistryError::EmptyId);
        }
        if !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(RegistryError::InvalidId { id: id.to_owned() });
        }
        let failed = |source| RegistryError::Start {
            id: id.to_owned(),
            source,
        };
        config.check().map_err(failed)?;
        let _changing = lock(&self.owner.change);
        if self.reader.members.contains_key(id) {
            return Err(RegistryError::Exists { id: id.to_owned() });
        }
        let health = Arc::<HealthBoard>::default();
        let persister = match &self.owner.store {
            Some(store) => {
                let max_keys = config.max_history_keys;
                // An id may hold the address that is not to be kept.
                let keeps_ids = config.peer_truncation.is_none();
                Some(Persister::load(store, id, max_keys, keeps_ids, &health).map_err(failed)?)
            }
            None => None,
        };
        let placement = Placement {
            name: Arc::from(id),
            engine: Arc::clone(&self.owner.engine),
            persister,
            health,
            owns_engine: false,
        };
        let collector = Collector::placed(config, placement);
        self.reader.members.insert(id.to_owned(), collector.clone());
        Ok(collector)
    }

    /// Stops a collector and takes it out.
    ///
    /// # Errors
    ///
    /// When the id is empty, or not registered.
    pub fn unregister(&self, id: &str) -> Result<(), RegistryError> {
        if id.is_empty() {
            return Err(RegistryError::EmptyId);
        }
        let Some(collector) = self.owner.finish(id) else {
            return Err(RegistryError::NotFound { id: id.to_owned() });
        };
        // Its observer may be called now, and may use this registry: the lock is not held any more.
        collector.stop();
        Ok(())
    }

    /// Stops all collectors and takes them out.
    pub fn unregister_all(&self) {
        self.owner.stop_all();
    }

    /// The ids of all collectors, ordered.
    #[must_use]
    pub fn collectors(&self) -> Vec<String> {
        self.reader.collectors()
    }

    /// A collector by id.
    #[must_use]
    pub fn collector(&self, id: &str) -> Option<Collector> {
        self.reader.collector(id)
    }

    /// The last summary of a collector; an empty one where the id is not registered.
    #[must_use]
    pub fn summary(&self, id: &str) -> Arc<Summary> {
        self.reader.summary(id)
    }

    /// The active sessions of a collector, now; none where the id is not registered.
    #[must_use]
    pub fn active(&self, id: &str) -> Vec<Session> {
        self.reader.active(id)
    }

    /// The read-only half of the registry. It does not keep the collectors running.
    #[must_use]
    pub fn reader(&self) -> RegistryReader {
        self.reader.clone()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("collectors", &self.collectors())
            .finish_non_exhaustive()
    }
}

impl Owner {
    fn stop_all(&self) {
        for id in self.reader.collectors() {
            if let Some(collector) = self.finish(&id) {
                collector.stop();
            }
        }
    }

    /// Takes a collector out and finishes it, in one step for who registers the id anew. Its stop is still to be called,
    /// after the lock was let go.
    fn finish(&self, id: &str) -> Option<Collector> {
        let _changing = lock(&self.change);
        let (_, collector) = self.reader.members.remove(id)?;
        collector.release();
        Some(collector)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.stop_all();
        self.engine.end(self.stop_timeout);
    }
}

/// The read-only half of a [`Registry`].
#[derive(Clone)]
pub struct RegistryReader {
    members: Arc<DashMap<String, Collector, ahash::RandomState>>,
}

impl RegistryReader {
    /// The ids of all collectors, ordered.
    #[must_use]
    pub fn collectors(&self) -> Vec<String> {
        let mut ids: Vec<String> = self.members.iter().map(|entry| entry.key().clone()).collect();
        ids.sort_unstable();
        ids
    }

    /// A collector by id.
    #[must_use]
    pub fn collector(&self, id: &str) -> Option<Collector> {
        // A clone, so that no guard of the map is held while the collector is used.
        self.members.get(id).map(|entry| entry.value().clone())
    }

    /// The last summary of a collector; an empty one where the id is not registered.
    #[must_use]
    pub fn summary(&self, id: &str) -> Arc<Summary> {
        self.collector(id)
            .map_or_else(empty_summary, |collector| collector.summary())
    }

    /// The active sessions of a collector, now; none where the id is not registered.
    #[must_use]
    pub fn active(&self, id: &str) -> Vec<Session> {
        self.collector(id)
            .map_or_else(Vec::new, |collector| collector.active())
    }
}

impl fmt::Debug for RegistryReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryReader")
            .field("collectors", &self.collectors())
            .finish_non_exhaustive()
    }
}
