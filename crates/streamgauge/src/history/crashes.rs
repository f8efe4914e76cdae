//! Whatever a crash leaves on the disk, at whatever step of a save or a snapshot it comes: what is recovered is the last save
//! that was acknowledged, or the one that was under way, to the row and to the byte (P6).

#![expect(clippy::unwrap_used, reason = "the set-up of tests")]

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::file::FileStore;
use super::journal::Limits;
use super::recovery::Damage;
use super::simulated::SimulatedDisk;
use super::snapshot::HistorySnapshot;
use super::store::{HistoryStore, Loaded, SetAside, StoreError};
use crate::clock::ManualClock;
use crate::collector::Collector;
use crate::collector::config::{Activation, CollectorConfig};
use crate::history::HistoryKey;
use crate::registry::{Config, Registry};
use crate::stats::Stats;

pub(super) const DIRECTORY: &str = "kept";

/// Snapshots are begun early, and written in many steps.
const LIMITS: Limits = Limits {
    log: 400,
    step: 60,
    whole_step: 100,
};

/// A store that remembers what it was given, and what it took.
pub(super) struct Recording {
    pub(super) store: FileStore,
    given: Mutex<Given>,
}

#[derive(Default)]
struct Given {
    /// What it took last.
    taken: HistorySnapshot,
    /// What it was given since, and did not take.
    refused: Vec<HistorySnapshot>,
}

impl HistoryStore for Recording {
    fn load(&self, collector: &str) -> Result<Loaded, StoreError> {
        self.store.load(collector)
    }

    fn save(&self, collector: &str, snapshot: &HistorySnapshot) -> Result<(), StoreError> {
        let saved = self.store.save(collector, snapshot);
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if saved.is_ok() {
            given.taken = snapshot.clone();
            given.refused.clear();
        } else {
            given.refused.push(snapshot.clone());
        }
        saved
    }

    fn maintain(&self, collector: &str) -> Result<bool, StoreError> {
        self.store.maintain(collector)
    }

    fn release(&self, collector: &str) {
        self.store.release(collector);
    }
}

pub(super) fn config() -> CollectorConfig {
    CollectorConfig {
        persist_interval: Duration::from_secs(1),
        session_timeout: Duration::MAX,
        activation: Activation::Explicit,
        max_history_keys: 3,
        ..CollectorConfig::default()
    }
}

/// A collector on a disk.
pub(super) struct Rig {
    clock: ManualClock,
    pub(super) store: Arc<Recording>,
    pub(super) registry: Registry,
}

impl Rig {
    pub(super) fn new(disk: &SimulatedDisk) -> Self {
        let store = Arc::new(Recording {
            store: FileStore::on(Arc::new(disk.clone()), Path::new(DIRECTORY), LIMITS),
            given: Mutex::default(),
        });
        let clock = ManualClock::default();
        let config = Config {
            store: Some(Arc::<Recording>::clone(&store)),
            ..Config::default()
        };
        let registry = Registry::manual(config, clock.clone()).unwrap();
        Self {
            clock,
            store,
            registry,
        }
    }

    pub(super) fn tick(&self) {
        self.clock.advance(Duration::from_secs(1));
        self.registry.tick();
    }

    /// What may be recovered: what the store took last, or was given since.
    pub(super) fn acceptable(&self) -> Vec<HistorySnapshot> {
        let given = self.store.given.lock().unwrap_or_else(PoisonError::into_inner);
        let all = [&given.taken].into_iter().chain(&given.refused);
        all.cloned().collect()
    }
}

/// Sessions open, count, become active, close, are discarded and folded, saved at each step.
pub(super) fn work(rig: &Rig, collector: &Collector, rounds: u64) {
    for n in 0..rounds {
        let peer = format!("peer {}", n % 5);
        let session = collector.register(format!("{n}"), "stream", "here", &peer);
        session.ingress(1 << n);
        rig.tick();
        if n % 3 != 0 {
            session.activate();
        }
        session.egress(3);
        rig.tick();
        if n % 2 == 0 {
            session.unregister();
            rig.tick();
        }
    }
}

/// What a program that is started on this disk finds, where a crash is all that it went through: a save that was cut off may be
/// wrong with it, the first of all with the header in front of it, and no file is missed.
fn recovered(disk: &SimulatedDisk) -> HistorySnapshot {
    let (history, set_aside) = found(disk);
    for aside in set_aside {
        let Damage {
            offset, cause, lost, ..
        } = &aside.damage;
        let is_cut_off = lost.starts_with("the save that") || (*offset == 0 && !cause.contains("missing"));
        assert!(is_cut_off, "{}", aside.damage);
    }
    history
}

/// What a program that is started on this disk finds, whatever is wrong with it.
pub(super) fn found(disk: &SimulatedDisk) -> (HistorySnapshot, Vec<SetAside>) {
    let store = FileStore::on(Arc::new(disk.clone()), Path::new(DIRECTORY), LIMITS);
    match store.load("hls").unwrap() {
        Loaded::Nothing => (HistorySnapshot::default(), Vec::new()),
        Loaded::History(history) => (history, Vec::new()),
        Loaded::Damaged { history, set_aside } => (history, set_aside),
    }
}

/// Rows, open sessions and what was discarded: all but when it was taken is compared of nothing at all.
pub(super) fn assert_acceptable(found: &HistorySnapshot, acceptable: &[HistorySnapshot], what: &str) {
    assert!(
        acceptable.contains(found),
        "{what}: found {found:#?}, of {acceptable:#?}"
    );
}

/// Runs until the power goes at `step`; answers whether it went.
pub(super) fn run_until(disk: &SimulatedDisk, step: u64, rounds: u64) -> (Rig, bool) {
    let rig = Rig::new(disk);
    let collector = rig.registry.register("hls", config()).unwrap();
    disk.lose_power_at(step);
    work(&rig, &collector, rounds);
    (rig, disk.is_dark())
}

#[test]
fn p6_whatever_a_crash_leaves_is_the_last_save_or_the_one_under_way() {
    let (mut aftermaths, mut snapshots) = (0, 0);
    for step in 0.. {
        let disk = SimulatedDisk::default();
        let (rig, is_dark) = run_until(&disk, step, 9);
        let acceptable = rig.acceptable();
        for (n, left) in disk.aftermaths().iter().enumerate() {
            let names = crate::history::disk::Disk::names(left, Path::new(DIRECTORY)).unwrap();
            snapshots += u64::from(names.iter().any(|name| name.ends_with(".snapshot")));
            let found = recovered(left);
            assert_acceptable(&found, &acceptable, &format!("step {step}, aftermath {n}"));
            aftermaths += 1;
        }
        if !is_dark {
            break;
        }
    }
    assert!(
        aftermaths > 10_000 && snapshots > 1_000,
        "{aftermaths} and {snapshots}"
    );
}

#[test]
fn p6_a_crash_while_what_an_earlier_one_left_is_put_in_order_loses_nothing_more() {
    let mut seconds = 0;
    for step in (0..).step_by(3) {
        let disk = SimulatedDisk::default();
        let (rig, is_dark) = run_until(&disk, step, 6);
        let acceptable = rig.acceptable();
        // Every fifth, so that the two together stay few.
        for left in disk.aftermaths().iter().step_by(97) {
            let first = recovered(&left.settled());
            assert_acceptable(&first, &acceptable, "the first crash");
            for second in 0.. {
                let disk = left.settled();
                disk.lose_power_at(second);
                let rig = Rig::new(&disk);
                let mut acceptable = vec![first.clone()];
                if let Ok(collector) = rig.registry.register("hls", config()) {
                    work(&rig, &collector, 1);
                    acceptable.extend(
                        rig.acceptable()
                            .into_iter()
                            .filter(|given| *given != HistorySnapshot::default()),
                    );
                    if rig.acceptable()[0] != HistorySnapshot::default() {
                        acceptable.remove(0);
                    }
                }
                for left in disk.aftermaths().iter().step_by(31) {
                    assert_acceptable(
                        &recovered(left),
                        &acceptable,
                        &format!("step {step}, then {second}"),
                    );
                    seconds += 1;
                }
                if !disk.is_dark() {
                    break;
                }
            }
        }
        if !is_dark {
            break;
        }
    }
    assert!(seconds > 3_000, "{seconds}");
}

#[test]
fn p6_a_run_that_nothing_interrupts_is_what_the_collector_says_in_few_files() {
    let disk = SimulatedDisk::default();
    let (rig, is_dark) = run_until(&disk, u64::MAX / 2, 40);
    assert!(!is_dark);
    let collector = rig.registry.collector("hls").unwrap();
    assert_eq!(collector.health().failed_saves, 0);
    // Before anything is loaded, which removes what is of no use.
    let names = crate::history::disk::Disk::names(&disk, Path::new(DIRECTORY)).unwrap();
    let found = recovered(&disk);
    assert_eq!(found, rig.acceptable()[0]);
    assert_eq!(found.totals(), rig.registry.summary("hls").totals);
    assert!((2..=4).contains(&names.len()), "{names:?}");
    assert!(disk.steps() > 100);
}

#[test]
fn p6_a_history_that_is_written_whole_is_the_one_before_or_the_one_after_whenever_the_power_goes() {
    let whole = |n: u64| {
        let mut snapshot = HistorySnapshot::default();
        for row in 0..n {
            let stats = Stats {
                total_sessions: n,
                ..Stats::default()
            };
            snapshot.add(&HistoryKey::new("here", "there", &row.to_string()), stats);
        }
        snapshot
    };
    let (mut tried, mut kept) = (0, 0);
    for step in 0.. {
        let disk = SimulatedDisk::default();
        disk.lose_power_at(step);
        let store = FileStore::on(Arc::new(disk.clone()), Path::new(DIRECTORY), LIMITS);
        let mut acceptable = vec![HistorySnapshot::default()];
        for n in 1..=4 {
            // Of nobody knows what it is the changes: all of it is written.
            match store.save("hls", &whole(n)) {
                Ok(()) => acceptable = vec![whole(n)],
                Err(_) => acceptable.push(whole(n)),
            }
        }
        for left in &disk.aftermaths() {
            let found = recovered(left);
            assert_acceptable(&found, &acceptable, &format!("step {step}"));
            kept += u64::from(!found.is_empty());
            tried += 1;
        }
        if !disk.is_dark() {
            break;
        }
    }
    assert!(tried > 1_000 && kept > 500, "{tried} and {kept}");
}
