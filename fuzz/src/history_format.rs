//! Target: the files of a history, through the store that reads and writes them.
//!
//! An input is read four times: as a log, as a snapshot with its empty log, and as the payload of records of either that
//! are in order, since almost nothing that a fuzzer makes up has the right checksum. What the store reads has to be what a second,
//! slow reader reads: of a log the saves up to the first that is not right, of a snapshot all records that are. What is
//! behind that is kept under another name, byte for byte. What was read is written as a second writer spells it out, here and
//! in another directory, and is whole from then on; and a collector that begins with it has to add up. Reading may
//! allocate so many bytes for each byte of the files, and no more: lengths in them may lie.

mod kind;
mod reading;
mod seeds;
mod spelling;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use streamgauge::{
    CollectorConfig, Config, FileStore, HistorySnapshot, HistoryStore, Loaded, ManualClock, Registry, Stats,
};
use streamgauge_testkit::count;
use tempfile::TempDir;

use self::kind::Kind;
use self::reading::{Content, Reading};
use crate::target::Target;

/// The decoder of histories.
pub const TARGET: Target = Target {
    name: "history_format",
    run,
    seeds: seeds::all,
};

/// The collector whose history an input is.
const NAME: &str = "fuzz";

/// The numbers that inputs have as files. A log of another number would have nothing to go on from.
const LOG: u64 = 0;
const SNAPSHOT: u64 = 7;

/// What reading may allocate for each byte of the files. A row of empty labels has 11 bytes, and takes two nodes of a tree;
/// an open session has 14, and its place in a tree of which nodes are half full.
const MOST_PER_BYTE: u64 = 64;

/// What reading may allocate whatever the files: paths, messages; and, where labels are cut from blocks, one block of each
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
        for kind in Kind::ALL {
            bench.check(kind, input);
            bench.check(kind, &spelling::framed(kind, number(kind), input));
        }
    });
}

fn number(kind: Kind) -> u64 {
    match kind {
        Kind::Snapshot => SNAPSHOT,
        Kind::Log => LOG,
    }
}

/// A store whose files are written by hand, and one that begins with nothing.
struct Bench {
    store: Arc<FileStore>,
    fresh: FileStore,
    /// Removed with the bench; where a fuzzer ends the process, with the directory for temporary files that it was given.
    _directories: [TempDir; 2],
}

impl Bench {
    fn new() -> Self {
        // Each input is written and synced some twenty times: in memory, where nobody says otherwise.
        let memory = Path::new("/dev/shm");
        let place = if std::env::var_os("TMPDIR").is_none() && memory.is_dir() {
            memory.to_owned()
        } else {
            std::env::temp_dir()
        };
        let directories = [(); 2].map(|()| {
            tempfile::Builder::new()
                .prefix("streamgauge-fuzz-")
                .tempdir_in(&place)
                .unwrap()
        });
        Self {
            store: Arc::new(FileStore::open(directories[0].path()).unwrap()),
            fresh: FileStore::open(directories[1].path()).unwrap(),
            _directories: directories,
        }
    }

    fn check(&self, kind: Kind, file: &[u8]) {
        let path = prepared(&self.store, kind, file);
        let inspections = FileStore::inspect(self.store.directory()).unwrap();
        let (loaded, counts) = count(|| self.store.load(NAME));
        let most = MOST_AT_ALL + MOST_PER_BYTE * (file.len() + spelling::HEADER) as u64;
        assert!(
            counts.bytes_allocated <= most,
            "{} bytes allocated for a file of {}",
            counts.bytes_allocated,
            file.len()
        );
        let Reading { content, aside } = match kind {
            Kind::Snapshot => reading::snapshot(file, SNAPSHOT),
            Kind::Log => reading::log(file, LOG),
        };
        let (history, set_aside) = match loaded.unwrap() {
            Loaded::Nothing => panic!("there is a file"),
            Loaded::History(history) => (history, Vec::new()),
            Loaded::Damaged { history, set_aside } => (history, set_aside),
        };
        assert_eq!(
            Content::of(&history, content.next_serial),
            content,
            "not what the format says of a {kind:?}"
        );
        let [inspection] = &inspections[..] else {
            panic!("one collector has files: {inspections:?}");
        };
        assert_eq!(inspection.history, history, "inspected otherwise than loaded");
        let damage: Vec<_> = set_aside.iter().map(|aside| aside.damage.clone()).collect();
        assert_eq!(inspection.damage, damage, "inspected otherwise than loaded");
        assert_eq!(
            damage.len(),
            usize::from(aside.is_some()),
            "{damage:?}, {aside:?}"
        );
        for (kept, from) in set_aside.iter().zip(aside) {
            let damage = &kept.damage;
            assert!(damage.path == path && !damage.cause.is_empty() && !damage.lost.is_empty());
            assert!(
                kind == Kind::Snapshot || damage.offset == from as u64,
                "{damage}, {from}"
            );
            assert!(kept.path != path);
            assert!(
                fs::read(&kept.path).unwrap() == file[from..],
                "set aside and changed"
            );
        }
        check_saved(&self.store, number(kind), &history, &content);
        let kept = set_aside.iter().map(|kept| fs::read(&kept.path).unwrap());
        assert!(
            kept.eq(aside.map(|from| file[from..].to_vec())),
            "set aside, and gone with a save"
        );
        clear(self.fresh.directory());
        assert_eq!(self.fresh.load(NAME).unwrap(), Loaded::Nothing);
        check_saved(&self.fresh, 0, &history, &content);
        // One in four: it takes as long as all the rest.
        if file.len().is_multiple_of(4) {
            self.check_restored(&history);
        }
    }

    /// A collector that begins with it adds up, goes on, and leaves it and what it counted.
    fn check_restored(&self, history: &HistorySnapshot) {
        let rows = history.rows().map(|(_, row)| row.stats);
        let open = |is_active: bool| {
            let sessions = history
                .open()
                .filter(move |session| session.is_active == is_active);
            sessions.map(|session| session.stats)
        };
        let ended = Stats::sum(rows.chain(open(true)));
        let discarded = Stats::sum(open(false).chain([history.discarded]));
        let before = Stats::sum([ended, discarded]);
        assert_eq!(history.totals(), before);
        let mut config = Config::default();
        config.store = Some(Arc::<FileStore>::clone(&self.store) as Arc<dyn HistoryStore>);
        let clock = ManualClock::default();
        let registry = Registry::manual(config, clock.clone()).unwrap();
        let mut config = CollectorConfig::default();
        // The table's room, for one session.
        config.expected_sessions = 1;
        let collector = registry.register(NAME, config).unwrap();
        let recovered = Stats::sum(open(true).chain(open(false)));
        assert_eq!(collector.health().recovered, recovered);
        let first = collector.summary();
        assert_eq!((first.history.stats, first.discarded), (ended, discarded));
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
        let rows = Stats::sum(kept.rows().map(|(_, row)| row.stats));
        assert_eq!((rows, kept.discarded), (Stats::sum([ended, counted]), discarded));
        assert_eq!(kept.open_sessions(), 0, "recovered twice");
    }
}

/// What is written again is what was read, in the one way there is to write it; also where it is made anew.
fn check_saved(store: &FileStore, number: u64, history: &HistorySnapshot, content: &Content) {
    store.save(NAME, history).unwrap();
    check_files(store, number + 1, content);
    assert_eq!(store.load(NAME).unwrap(), Loaded::History(history.clone()));
    store.compact(NAME).unwrap();
    check_files(store, number + 2, content);
}

/// There is a snapshot of this number and its empty log, and nothing else.
fn check_files(store: &FileStore, number: u64, content: &Content) {
    let expected = [
        (Kind::Log, spelling::header(Kind::Log, number)),
        (Kind::Snapshot, spelling::snapshot(number, content)),
    ];
    let expected = expected.map(|(kind, bytes)| (kind.file_name(NAME, number), bytes));
    let mut names = names(store.directory());
    names.retain(|name| !name.contains(".corrupt-"));
    assert!(
        names.iter().eq(expected.iter().map(|(name, _)| name)),
        "{names:?}"
    );
    for (name, bytes) in expected {
        let found = fs::read(store.directory().join(&name)).unwrap();
        assert!(
            found == bytes,
            "{name}, written otherwise than the format says: {content:?}"
        );
    }
}

/// Leaves nothing in the store's directory but a file, and what belongs to it; answers where it is.
fn prepared(store: &FileStore, kind: Kind, file: &[u8]) -> PathBuf {
    let directory = store.directory();
    clear(directory);
    if kind == Kind::Snapshot {
        let log = Kind::Log.file_name(NAME, SNAPSHOT);
        fs::write(directory.join(log), spelling::header(Kind::Log, SNAPSHOT)).unwrap();
    }
    let path = directory.join(kind.file_name(NAME, number(kind)));
    fs::write(&path, file).unwrap();
    path
}

/// The files of the store, but for its lock.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name != "lock").collect();
    names.sort();
    names
}

fn clear(directory: &Path) {
    for name in names(directory) {
        fs::remove_file(directory.join(name)).unwrap();
    }
}
