//! Who stops a collector, and what it is placed into.

use std::sync::Arc;

use super::config::CollectorConfig;
use super::core::{CollectorCore, Parts};
use super::engine::Engine;
use super::{Collector, Inner};
use crate::health::HealthBoard;
use crate::history::ledger::Ledger;
use crate::worker::persister::{Persister, Recovered};

/// Whose drop stops a collector.
pub(super) struct Owner {
    core: Arc<CollectorCore>,
    engine: Arc<Engine>,
    /// Whether the threads are this collector's alone.
    owns_engine: bool,
}

impl Owner {
    /// Closes, accounts and persists; calls no observer.
    pub(super) fn release(&self) {
        self.engine.finish(&self.core, CollectorCore::release);
    }

    pub(super) fn stop(&self) {
        self.engine.finish(&self.core, CollectorCore::finish);
        self.engine.deliver();
        if self.owns_engine {
            self.engine.end(self.core.config.stop_timeout);
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a registry gives its collectors beside their configuration.
pub(crate) struct Placement {
    pub(crate) name: Arc<str>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) persister: Option<(Persister, Ledger, Recovered)>,
    pub(crate) health: Arc<HealthBoard>,
    pub(crate) owns_engine: bool,
}

impl Placement {
    /// On its own: no name, no history on disk.
    pub(super) fn alone(engine: Engine) -> Self {
        Self {
            name: Arc::default(),
            engine: Arc::new(engine),
            persister: None,
            health: Arc::default(),
            owns_engine: true,
        }
    }
}

impl Collector {
    /// A collector where a registry puts it. The configuration was checked.
    pub(crate) fn placed(config: CollectorConfig, placement: Placement) -> Self {
        let Placement {
            name,
            engine,
            persister,
            health,
            owns_engine,
        } = placement;
        let (persister, ledger, recovered) = match persister {
            Some((persister, ledger, recovered)) => (Some(Arc::new(persister)), ledger, recovered),
            None => (None, Ledger::new(config.max_history_keys), Recovered::default()),
        };
        let parts = Parts {
            name,
            clock: engine.clock().clone(),
            worker: Arc::clone(engine.worker()),
            ledger,
            health,
            persister,
            recovered,
        };
        let core = Arc::new(CollectorCore::new(config, parts));
        engine.serve(&core);
        let owner = Arc::new(Owner {
            core: Arc::clone(&core),
            engine,
            owns_engine,
        });
        Self {
            inner: Some(Inner { core, owner }),
        }
    }
}
