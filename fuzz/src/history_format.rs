//! Target: the bytes of a history, through the store that reads and writes them.
//!
//! An input is read twice: as a whole file, and as the payload of a file whose frame is in order, since almost nothing that
//! a fuzzer makes up has the right checksum. The store has to take what a second, slow reader takes, and read the same of
//! it; to write it again as a second writer does; and a collector that begins with it has to add up. What the store does
//! not take it has to keep under another name, byte for byte. Either way it may allocate so many bytes for each byte of the
//! file, and no more: lengths in it may lie.

mod reading;
mod seeds;
mod spelling;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use streamgauge::{
    CollectorConfig, Config, FileStore, HistorySnapshot, HistoryStore, Loaded, ManualClock, Registry, Stats,
};
use streamgauge_testkit::count;
use tempfile::TempDir;

use crate::target::Target;

/// The decoder of histories.
pub const TARGET: Target = Target {
    name: "history_format",
    run,
    seeds: seeds::all,
};

/// The collector whose history an input is.
const NAME: &str = "fuzz";

/// What reading may allocate for each byte of the file. A row of empty labels has 8 bytes, and takes two nodes of a tree.
const MOST_PER_BYTE: u64 = 64;

/// What reading may allocate whatever the file: paths, messages; and, where labels are cut from blocks, one block of each
/// of the 15 sizes that there are.
const MOST_AT_ALL: u64 = if cfg!(streamgauge_plain_alloc) {
    16 << 10
} else {
    16 << 10 | 15 << 15
};

thread_local! {
    static BENCH: Bench = Bench::new();
}

fn run(input: &[u8]) {
    BENCH.with(|bench| {
        bench.check(input);
        bench.check(&spelling::framed(input));
    });
}

/// A store, and the file that it reads.
struct Bench {
    store: Arc<FileStore>,
    path: PathBuf,
    /// Removed with the bench; where a fuzzer ends the process, with the directory for temporary files that it was given.
    _directory: TempDir,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("streamgauge-fuzz-")
            .tempdir()
            .unwrap();
        Self {
            store: Arc::new(FileStore::open(directory.path()).unwrap()),
            path: directory.path().join(format!("{NAME}.history")),
            _directory: directory,
        }
    }

    fn check(&self, file: &[u8]) {
        fs::write(&self.path, file).unwrap();
        let (loaded, counts) = count(|| self.store.load(NAME));
        let most = MOST_AT_ALL + MOST_PER_BYTE * file.len() as u64;
        assert!(
            counts.bytes_allocated <= most,
            "{} bytes allocated for a file of {}",
            counts.bytes_allocated,
            file.len()
        );
        let expected = spelling::unframed(file).and_then(reading::read);
        match loaded.unwrap() {
            Loaded::Nothing => panic!("there is a file"),
            Loaded::SetAside(aside) => {
                assert!(expected.is_none(), "set aside: {}", aside.cause);
                assert!(!aside.cause.is_empty());
                assert!(!self.path.exists(), "set aside, and still there");
                assert!(fs::read(&aside.path).unwrap() == file, "set aside and changed");
                fs::remove_file(aside.path).unwrap();
            }
            Loaded::History(snapshot) => {
                assert_eq!(Some(&snapshot), expected.as_ref(), "not what the format says");
                self.check_saved(&snapshot);
                // One in four: it takes as long as all the rest.
                if file.len().is_multiple_of(4) {
                    self.check_restored(&snapshot);
                }
            }
        }
    }

    /// What is written again is what was read, and in the one way there is to write it.
    fn check_saved(&self, snapshot: &HistorySnapshot) {
        self.store.save(NAME, snapshot).unwrap();
        assert!(
            fs::read(&self.path).unwrap() == spelling::file(snapshot),
            "written otherwise than the format says: {snapshot:?}"
        );
        assert_eq!(self.store.load(NAME).unwrap(), Loaded::History(snapshot.clone()));
    }

    /// A collector that begins with it adds up, goes on, and leaves it and what it counted.
    fn check_restored(&self, snapshot: &HistorySnapshot) {
        let rows = Stats::sum(snapshot.rows().map(|(_, row)| row.stats));
        let before = Stats::sum([rows, snapshot.discarded]);
        let mut config = Config::default();
        config.store = Some(Arc::<FileStore>::clone(&self.store) as Arc<dyn HistoryStore>);
        let clock = ManualClock::default();
        let registry = Registry::manual(config, clock.clone()).unwrap();
        let mut config = CollectorConfig::default();
        // The table's room, for one session.
        config.expected_sessions = 1;
        let collector = registry.register(NAME, config).unwrap();
        let first = collector.summary();
        assert_eq!((first.history.stats, first.discarded), (rows, snapshot.discarded));
        assert_eq!(first.totals, before);
        collector.register("a", "stream", "here", "there").ingress(5);
        clock.advance(Duration::from_secs(1));
        collector.tick();
        assert!(collector.ingress_bitrate() <= 40.0, "what was loaded has no rate");
        drop(registry);
        let last = collector.summary();
        let counted = Stats {
            total_sessions: 1,
            total_rx_bytes: 5,
            ..Stats::default()
        };
        assert_eq!(last.totals, Stats::sum([before, counted]));
        let Loaded::History(kept) = self.store.load(NAME).unwrap() else {
            panic!("what a collector saved is a history");
        };
        let kept = Stats::sum(kept.rows().map(|(_, row)| row.stats));
        assert_eq!(kept, Stats::sum([rows, counted]));
    }
}
