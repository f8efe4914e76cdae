//! What a save writes, and what is kept, however many keys there are.

use std::path::Path;
use std::time::Duration;

use streamgauge::{Collector, CollectorConfig, Config, ManualClock, Registry};
use tempfile::TempDir;

/// How many keys the history has, where nothing else is asked for.
const KEYS: u64 = 50_000;

/// How many of them change between two saves.
const CHANGES: u64 = 1_000;

/// How many keys a flood has, likewise, and how many of them have a place.
const FLOOD: u64 = 100_000;
const PLACES: u64 = 2_000;

/// What the environment asks for.
fn asked(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |asked| asked.parse().unwrap())
}

fn move_bytes(collector: &Collector, n: u64) {
    let peer = format!("203.0.113.{}:{n}", n % 256);
    let session = collector.register(
        n.to_be_bytes(),
        &format!("channel {}", n % 1_000),
        "edge-1",
        &peer,
    );
    session.egress(1_000 + n);
    session.unregister();
}

/// The bytes of all files of a directory.
fn bytes_in(directory: &Path) -> u64 {
    let files = std::fs::read_dir(directory).unwrap();
    files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

/// The bytes of the files whose names end so.
fn bytes_of(directory: &Path, ending: &str) -> u64 {
    let files = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    files
        .filter(|file| file.file_name().to_string_lossy().ends_with(ending))
        .map(|file| file.metadata().unwrap().len())
        .sum()
}

#[test]
fn p5_a_save_writes_what_changed_and_the_files_stay_small() {
    let keys = asked("STREAMGAUGE_HISTORY_KEYS", KEYS);
    let rig = Rig::new(keys);
    let (directory, collector) = (rig.directory.path(), &rig.collector);
    (0..keys).for_each(|n| move_bytes(collector, n));
    rig.tick();
    let live = bytes_in(directory);
    let (mut most_saved, mut most_compacted, mut most_kept, mut snapshots) = (0, 0, 0, 0);
    let mut seed = 1_u64;
    let (mut logged, mut compacted) = (bytes_of(directory, ".log"), 0);
    let mut round = 0_u64;
    // Until a snapshot took the logs' place twice, the first of all keys.
    while snapshots < 2 {
        for _ in 0..CHANGES {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            move_bytes(collector, (seed >> 33) % keys);
        }
        rig.tick();
        let now = bytes_of(directory, ".log");
        let unfinished = bytes_of(directory, ".snapshot.new");
        // Where a snapshot took their place there are fewer bytes of logs than before.
        most_saved = most_saved.max(now.saturating_sub(logged));
        most_compacted = most_compacted.max(unfinished.saturating_sub(compacted));
        snapshots += u64::from(now < logged);
        (logged, compacted) = (now, unfinished);
        most_kept = most_kept.max(bytes_in(directory));
        round += 1;
        assert!(round < 100_000, "no snapshot was ever finished");
    }
    println!(
        "{keys} keys of {live} bytes, {round} saves of {CHANGES} changes: a save wrote {most_saved} bytes at most, a step of a \
         snapshot {most_compacted}, and there were {most_kept} at most"
    );
    assert!(most_saved < 500_000, "{most_saved} bytes in a save");
    assert!(most_compacted < 500_000, "{most_compacted} bytes in a step");
    assert!(most_kept < 4 * live + (2 << 20), "{most_kept} bytes of {live}");
    rig.assert_kept();
}

#[test]
fn p5_a_flood_of_keys_leaves_files_as_small_as_the_rows_that_stay() {
    let flood = asked("STREAMGAUGE_FLOOD", FLOOD);
    let rig = Rig::new(PLACES);
    let directory = rig.directory.path();
    (0..PLACES).for_each(|n| move_bytes(&rig.collector, n));
    rig.tick();
    let live = bytes_in(directory);
    let mut most = 0;
    for n in 0..flood {
        move_bytes(&rig.collector, n);
        if n % PLACES == 0 {
            rig.tick();
            most = most.max(bytes_in(directory));
        }
    }
    let summary = rig.collector.refresh();
    println!("{flood} keys, {PLACES} places of {live} bytes: there were {most} bytes at most");
    assert!(summary.caps.evicted_keys > flood / 2, "{:?}", summary.caps);
    assert!(most < 4 * live + (2 << 20), "{most} bytes of {live}");
    rig.assert_kept();
}

/// A collector that saves at each tick, in a directory of its own.
struct Rig {
    directory: TempDir,
    clock: ManualClock,
    registry: Registry,
    collector: Collector,
}

impl Rig {
    fn new(max_history_keys: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::default();
        let (registry, collector) = begin(directory.path(), &clock, max_history_keys);
        Self {
            directory,
            clock,
            registry,
            collector,
        }
    }

    fn tick(&self) {
        self.clock.advance(Duration::from_secs(1));
        self.collector.tick();
        let health = self.collector.health();
        assert_eq!((health.store_error, health.compaction_error), (None, None));
    }

    /// That a collector that is started anew has all of it.
    fn assert_kept(self) {
        let Self {
            directory,
            registry,
            collector,
            ..
        } = self;
        collector.stop();
        let totals = collector.summary().totals;
        drop((collector, registry));
        let (_registry, anew) = begin(directory.path(), &ManualClock::default(), u64::MAX);
        assert_eq!(anew.summary().totals, totals);
    }
}

fn begin(directory: &Path, clock: &ManualClock, max_history_keys: u64) -> (Registry, Collector) {
    let mut settings = Config::default();
    settings.persist_dir = Some(directory.to_owned());
    let registry = Registry::manual(settings, clock.clone()).unwrap();
    let mut config = CollectorConfig::default();
    config.persist_interval = Duration::from_secs(1);
    config.max_history_keys = max_history_keys;
    config.max_tracked_sessions = u64::MAX;
    let collector = registry.register("hls", config).unwrap();
    (registry, collector)
}
