//! Does each operation of a script twice, to collectors and to their models, and compares all that can be asked.
//!
//! ```
//! use streamgauge_testkit::{Script, trial};
//!
//! let bytes: Vec<u8> = (0..400_u32).map(|n| (n * 37 % 256) as u8).collect();
//! assert_eq!(trial::run(&Script::from_bytes(&bytes)).map_err(|failure| failure.to_string()), Ok(()));
//! ```
//!
//! There are four collectors: two of a manual registry on a store in memory, one that stands alone, and a null one. One
//! manual clock serves all of them. What an operation answers is compared first, then every getter of every collector,
//! each id of the pool, each handle, `active()`, the summary if a new one was published, `health()`, what observers were
//! told, and what the store was given.

mod check;
mod mismatch;
mod summary;
mod verbs;
mod wards;
mod witness;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use streamgauge::{
    Collector, Config, ManualClock, Registry, SessionHandle, SharedHandle, Summary, Verdict, Writer,
};

pub use self::mismatch::Failure;
use self::mismatch::Mismatch;
use self::summary::wall;
use self::witness::Witness;
use crate::model::published::Published;
use crate::model::saved::Saved;
use crate::model::session::Place;
use crate::model::{Loaded, Model, Now};
use crate::operation::{COLLECTORS, SLOTS};
use crate::script::Script;
use crate::setup::Setup;
use crate::shelf::Shelf;

/// The names of the collectors that a registry has.
const NAMES: [&str; 2] = ["a", "B7"];

/// Runs a script.
///
/// # Errors
///
/// The first answer that differs from the model's, with all operations until then.
pub fn run(script: &Script) -> Result<(), Failure> {
    let failed = |at: usize, mismatch: Mismatch| Failure::new(script, at, mismatch);
    let mut trial = Trial::new(&script.setups).map_err(|mismatch| failed(0, mismatch))?;
    trial.check().map_err(|mismatch| failed(0, mismatch))?;
    for (at, operation) in script.operations.iter().enumerate() {
        let done = trial.perform(operation).and_then(|()| trial.check());
        done.map_err(|mismatch| failed(at, mismatch))?;
    }
    trial
        .check_kept()
        .map_err(|mismatch| failed(script.operations.len().saturating_sub(1), mismatch))
}

/// A collector and its model.
struct Ward {
    collector: Collector,
    /// The number of its model; a null collector has none.
    model: Option<usize>,
    /// What was published when it was last compared.
    summary: Arc<Summary>,
    collections: u64,
    witness: Option<Arc<Witness>>,
}

/// A session as the models know it: the model's number and the session's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pointer {
    model: usize,
    session: usize,
}

/// A handle, and whose it is; nobody's is that of a null collector.
struct HeldHandle {
    handle: SessionHandle,
    of: Option<Pointer>,
}

struct HeldShared {
    shared: SharedHandle,
    of: Option<Pointer>,
}

/// Where a writer counts.
#[derive(Debug, Clone, Copy)]
enum WrittenTo {
    Null,
    Cell(Pointer, Place),
    /// It never had a cell, and answers this.
    Nowhere(Verdict),
}

struct HeldWriter {
    writer: Writer,
    to: WrittenTo,
}

struct Kept {
    summary: Arc<Summary>,
    expected: Published,
    setup: Setup,
}

/// Collectors, models, and what is held of both.
struct Trial {
    clock: ManualClock,
    now: Now,
    shelf: Arc<Shelf>,
    registry: Option<Registry>,
    wards: Vec<Ward>,
    models: Vec<Model>,
    handles: [Option<HeldHandle>; SLOTS],
    shared: [Option<HeldShared>; SLOTS],
    writers: [Option<HeldWriter>; SLOTS],
    kept: Vec<Kept>,
    /// Of each collector that has a store, what is higher than all serials that the store took.
    next_serials: [u64; NAMES.len()],
}

impl Trial {
    fn new(setups: &[Setup; 3]) -> Result<Self, Mismatch> {
        let clock = ManualClock::new(SystemTime::UNIX_EPOCH);
        let mut trial = Self {
            clock,
            now: Now::default(),
            shelf: Arc::default(),
            registry: None,
            wards: Vec::new(),
            models: Vec::new(),
            handles: [const { None }; SLOTS],
            shared: [const { None }; SLOTS],
            writers: [const { None }; SLOTS],
            kept: Vec::new(),
            next_serials: [0; NAMES.len()],
        };
        trial.open_registry()?;
        for (on, setup) in setups.iter().enumerate() {
            let ward = trial.open(on, setup)?;
            trial.wards.push(ward);
        }
        trial.wards.push(Ward {
            collector: Collector::null(),
            model: None,
            summary: Arc::default(),
            collections: 0,
            witness: None,
        });
        debug_assert_eq!(trial.wards.len(), COLLECTORS);
        Ok(trial)
    }

    fn open_registry(&mut self) -> Result<(), Mismatch> {
        let mut config = Config::default();
        let shelf: Arc<Shelf> = Arc::clone(&self.shelf);
        config.store = Some(shelf);
        let registry = Registry::manual(config, self.clock.clone());
        self.registry = Some(registry.map_err(|error| Mismatch::of("the registry", error, "one"))?);
        Ok(())
    }

    /// A collector with a model, which has what the store has.
    fn open(&mut self, on: usize, setup: &Setup) -> Result<Ward, Mismatch> {
        let witness = setup.is_observed.then(Arc::<Witness>::default);
        let config = setup.config(witness.as_ref().map(|witness| Arc::clone(witness) as Arc<_>));
        let (collector, loaded) = match (NAMES.get(on), &self.registry) {
            (Some(name), Some(registry)) => {
                let stored = self.shelf.kept(name);
                let collector = registry
                    .register(name, config)
                    .map_err(|error| Mismatch::of("the collector", error, "one"))?;
                let loaded = stored.map_or_else(Loaded::default, |stored| Loaded {
                    saved: Saved::from(&stored),
                    saved_at: wall(stored.taken_at),
                    next_serial: self.next_serials[on],
                });
                (collector, loaded)
            }
            _ => (Collector::manual(config, self.clock.clone()), Loaded::default()),
        };
        self.models.push(Model::new(setup.clone(), loaded, self.now));
        Ok(Ward {
            collector,
            model: Some(self.models.len() - 1),
            summary: Arc::default(),
            collections: 0,
            witness,
        })
    }

    /// A collector's queue was worked off. Those of the registry share one: whichever of them it was, what any of them had
    /// to tell at its beginning is told.
    fn delivered_by(&mut self, on: usize) {
        let shared = [0, 1];
        let alone = [on];
        for on in if on < NAMES.len() { &shared[..] } else { &alone[..] } {
            if let Some(model) = self.wards[*on].model {
                self.models[model].deliver();
            }
        }
    }

    fn advance(&mut self, nanos: u64) {
        self.clock.advance(Duration::from_nanos(nanos));
        self.now.monotonic += nanos;
        self.now.wall += Duration::from_nanos(nanos);
    }

    /// What the models say that a collector's companions' value adds up to, of those that are still there.
    fn sum_of_companions<T: std::iter::Sum<T>>(&self, model: usize, value: impl Fn(&Model) -> T) -> T {
        let companions = self.models[model].companions.iter();
        let there = companions
            .map(|number| &self.models[*number])
            .filter(|model| !model.is_gone);
        there.map(value).sum()
    }
}
