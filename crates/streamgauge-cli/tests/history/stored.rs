//! Directories with histories in them, as the library writes them and reads them back.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use streamgauge::{FileStore, HistoryKey, HistorySnapshot, HistoryStore, Loaded, Stats};
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
        self.lock().save(collector, &snapshot).unwrap();
    }

    /// What a program would find that starts now: rows, and what was discarded.
    pub(crate) fn load(&self, collector: &str) -> (BTreeMap<[String; 3], [u64; 5]>, [u64; 5]) {
        match self.lock().load(collector).unwrap() {
            Loaded::History(snapshot) => {
                let labels =
                    |key: &HistoryKey| [&key.location, &key.peer, &key.reference].map(ToString::to_string);
                let rows = snapshot
                    .rows()
                    .map(|(key, row)| (labels(key), numbers(&row.stats)));
                (rows.collect(), numbers(&snapshot.discarded))
            }
            other => panic!("{other:?}"),
        }
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

    /// The file that holds the history of a collector.
    pub(crate) fn history_file(&self, collector: &str) -> PathBuf {
        let holds = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(collector) && !name.contains("corrupt")
        };
        let files = self.files();
        files.into_keys().find(holds).unwrap()
    }

    /// Changes a byte in the middle of the history of a collector.
    pub(crate) fn damage(&self, collector: &str) -> PathBuf {
        let path = self.history_file(collector);
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
