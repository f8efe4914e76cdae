//! Directories with histories in them, as the library writes them and reads them back.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use streamgauge::{FileStore, HistoryKey, HistoryRow, HistorySnapshot, HistoryStore, Loaded, Stats};
use tempfile::TempDir;

/// Location, peer, reference; sessions, bytes in and out, packets in and out.
pub(crate) type Row<'a> = ([&'a str; 3], [u64; 5]);

/// When the histories of these tests are saved: 2026-01-02T03:04:05.25Z.
pub(crate) const SAVED_AT: Duration = Duration::from_millis(1_767_323_045_250);

/// Two channels and two viewers, one of whom comes under two ports.
pub(crate) const VIEWERS: [Row<'static>; 4] = [
    (["edge-1", "198.51.100.7:4000", "news"], [1, 100, 2000, 3, 4]),
    (["edge-1", "198.51.100.7:4001", "news"], [2, 10, 500, 1, 1]),
    (["edge-1", "203.0.113.9", "sports"], [7, 1, 90_000, 1, 60]),
    (["edge-2", "203.0.113.9", "news"], [1, 4000, 2, 5, 1]),
];

/// What [`VIEWERS`] moved.
pub(crate) const VIEWERS_TOTAL: [u64; 5] = [11, 4111, 92_502, 10, 66];

/// What was discarded beside them.
pub(crate) const DISCARDED: [u64; 5] = [3, 30, 0, 1, 0];

/// What the row of the last viewer inherited, where it is partial.
pub(crate) const INHERITED: u64 = 12;

/// A directory of histories that goes with its test.
#[derive(Debug)]
pub(crate) struct Stored(TempDir);

impl Stored {
    /// An empty directory.
    pub(crate) fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A directory with the viewers in the collector `http`.
    pub(crate) fn viewers() -> Self {
        let stored = Self::empty();
        stored.save("http", &VIEWERS, DISCARDED);
        stored
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Saves a history as the program does that has the directory.
    pub(crate) fn save(&self, collector: &str, rows: &[Row<'_>], discarded: [u64; 5]) {
        let mut snapshot = HistorySnapshot::default();
        for ([location, peer, reference], numbers) in rows {
            snapshot.add(&HistoryKey::new(location, peer, reference), stats(*numbers));
        }
        snapshot.discarded = stats(discarded);
        snapshot.taken_at = SystemTime::UNIX_EPOCH + SAVED_AT;
        self.with_store(|store| store.save(collector, &snapshot).unwrap());
    }

    /// Saves the viewers in the collector `http`, of whom the last came when there was no room for a while.
    pub(crate) fn with_partial_row() -> Self {
        let stored = Self::viewers();
        let ([location, peer, reference], _) = VIEWERS[3];
        stored.with_store(|store| {
            let mut snapshot = history(store, "http");
            let key = HistoryKey::new(location, peer, reference);
            let mut row = snapshot.remove(&key).unwrap();
            (row.is_partial, row.inherited) = (true, INHERITED);
            snapshot.insert(&key, row);
            store.save("http", &snapshot).unwrap();
        });
        stored
    }

    /// Saves a collector `http` that had to fold keys, and a row that differs from its row `(other)` in the peer alone.
    pub(crate) fn with_folded_row() -> Self {
        let stored = Self::empty();
        let mut snapshot = HistorySnapshot::default();
        let folded = HistoryRow {
            is_partial: true,
            inherited: INHERITED,
            ..HistoryRow::of(stats([1; 5]))
        };
        let partial = HistoryRow {
            is_partial: true,
            inherited: INHERITED + 1,
            ..HistoryRow::of(stats([2; 5]))
        };
        snapshot.insert(&HistoryKey::new("(other)", "(other)", "(other)"), folded);
        snapshot.insert(&HistoryKey::new("(other)", "203.0.113.9", "(other)"), partial);
        stored.with_store(|store| store.save("http", &snapshot).unwrap());
        stored
    }

    /// The peer and what is inherited of partial rows.
    pub(crate) fn partial_rows(&self, collector: &str) -> Vec<(String, u64)> {
        let snapshot = self.snapshot_of(collector);
        let rows = snapshot.rows().filter(|(_, row)| row.is_partial);
        rows.map(|(key, row)| (key.peer.to_string(), row.inherited))
            .collect()
    }

    /// How many sessions would be found open by a program that starts now.
    pub(crate) fn open_sessions(&self, collector: &str) -> u64 {
        self.snapshot_of(collector).open_sessions()
    }

    /// What a program would find that starts now: rows, and what was discarded.
    pub(crate) fn load(&self, collector: &str) -> (BTreeMap<[String; 3], [u64; 5]>, [u64; 5]) {
        let snapshot = self.snapshot_of(collector);
        let labels = |key: &HistoryKey| [&key.location, &key.peer, &key.reference].map(ToString::to_string);
        let rows = snapshot
            .rows()
            .map(|(key, row)| (labels(key), numbers(&row.stats)));
        (rows.collect(), numbers(&snapshot.discarded))
    }

    fn snapshot_of(&self, collector: &str) -> HistorySnapshot {
        self.with_store(|store| history(store, collector))
    }

    /// Does something with the directory's store, and gives its lock up for sure: a command that another test starts at that
    /// moment has this program's open files, and with them the lock, until it runs.
    fn with_store<T>(&self, act: impl FnOnce(&FileStore) -> T) -> T {
        let done = act(&self.lock());
        let lock = File::open(self.path().join("lock")).unwrap();
        lock.lock().unwrap();
        lock.unlock().unwrap();
        done
    }

    /// The directory, as a running program has it.
    pub(crate) fn lock(&self) -> FileStore {
        FileStore::open(self.path()).unwrap()
    }

    /// The files of the directory and what is in them.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let paths = fs::read_dir(self.path())
            .unwrap()
            .map(|entry| entry.unwrap().path());
        paths
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect()
    }

    /// The snapshot of a collector.
    pub(crate) fn snapshot(&self, collector: &str) -> PathBuf {
        self.file(collector, "snapshot")
    }

    /// The log of a collector.
    pub(crate) fn log(&self, collector: &str) -> PathBuf {
        self.file(collector, "log")
    }

    fn file(&self, collector: &str, kind: &str) -> PathBuf {
        let is_it = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(collector) && name.ends_with(kind)
        };
        let files = self.files();
        files.into_keys().find(is_it).unwrap()
    }

    /// The directory with a byte changed in the middle of the snapshot of a collector, which is named.
    pub(crate) fn damage(&self, collector: &str) -> PathBuf {
        let path = self.snapshot(collector);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The names of files in which these bytes are.
    pub(crate) fn files_with(&self, name: &str) -> Vec<String> {
        let has = |bytes: &[u8]| bytes.windows(name.len()).any(|window| window == name.as_bytes());
        let files = self.files();
        let having = files.iter().filter(|(_, bytes)| has(bytes));
        having
            .map(|(path, _)| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect()
    }
}

/// What is stored of a collector, which has to be sound.
fn history(store: &FileStore, collector: &str) -> HistorySnapshot {
    match store.load(collector).unwrap() {
        Loaded::History(snapshot) => snapshot,
        other => panic!("{other:?}"),
    }
}

/// Rows as [`Stored::load`] gives them.
pub(crate) fn rows_of(rows: &[Row<'_>]) -> BTreeMap<[String; 3], [u64; 5]> {
    rows.iter()
        .map(|(labels, numbers)| (labels.map(str::to_owned), *numbers))
        .collect()
}

fn stats([sessions, rx_bytes, tx_bytes, rx_packets, tx_packets]: [u64; 5]) -> Stats {
    Stats {
        total_sessions: sessions,
        total_rx_bytes: rx_bytes,
        total_tx_bytes: tx_bytes,
        total_rx_packets: rx_packets,
        total_tx_packets: tx_packets,
    }
}

fn numbers(stats: &Stats) -> [u64; 5] {
    [
        stats.total_sessions,
        stats.total_rx_bytes,
        stats.total_tx_bytes,
        stats.total_rx_packets,
        stats.total_tx_packets,
    ]
}
