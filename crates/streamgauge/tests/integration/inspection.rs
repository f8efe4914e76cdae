//! Looking into a directory without a lock, and without changing anything.

use std::fs;
use std::path::Path;

use streamgauge::{FileStore, HistoryKey, HistorySnapshot, HistoryStore, Stats, StoreError};

fn history(rx: u64) -> HistorySnapshot {
    let mut history = HistorySnapshot::default();
    let stats = Stats {
        total_sessions: 1,
        total_rx_bytes: rx,
        ..Stats::default()
    };
    history.add(&HistoryKey::new("here", "there", "stream"), stats);
    history
}

/// Every file with what it holds.
fn content(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(directory).unwrap().map(Result::unwrap);
    let mut content: Vec<_> = files
        .map(|file| {
            (
                file.file_name().into_string().unwrap(),
                fs::read(file.path()).unwrap(),
            )
        })
        .collect();
    content.sort();
    content
}

#[test]
fn every_collector_that_has_files_is_found_with_what_it_has() {
    let directory = tempfile::tempdir().unwrap();
    let store = FileStore::open(directory.path()).unwrap();
    assert_eq!(store.collectors().unwrap(), Vec::<String>::new());
    store.save("abc", &history(1)).unwrap();
    store.save("aBC", &history(10)).unwrap();
    for foreign in ["notes.txt", "Upper.1.log.bak", "abc.2.snapshot.new", "abc"] {
        fs::write(directory.path().join(foreign), b"of somebody else").unwrap();
    }
    assert_eq!(store.collectors().unwrap(), ["aBC", "abc"]);
    let before = content(directory.path());
    // Beside the store, which has the lock.
    let found = FileStore::inspect(directory.path()).unwrap();
    let shown: Vec<_> = found
        .iter()
        .map(|one| {
            (
                one.collector.as_str(),
                one.history.totals().total_rx_bytes,
                one.damage.len(),
            )
        })
        .collect();
    assert_eq!(shown, [("aBC", 10, 0), ("abc", 1, 0)]);
    let files: Vec<_> = found[1]
        .files
        .iter()
        .map(|file| (file.content.as_str(), file.bytes))
        .collect();
    let bytes = |name: &str| fs::metadata(directory.path().join(name)).unwrap().len();
    assert_eq!(
        files,
        [
            ("log 1: 0 saves", bytes("abc.1.log")),
            ("snapshot 1: 1 rows", bytes("abc.1.snapshot"))
        ]
    );
    assert_eq!(content(directory.path()), before, "it changes nothing");
}

#[test]
fn p6_what_is_damaged_or_was_set_aside_is_told_and_left_where_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let store = FileStore::open(directory.path()).unwrap();
    store.save("abc", &history(1)).unwrap();
    fs::write(directory.path().join("abc.1.log.corrupt-1"), b"of an earlier day").unwrap();
    let log = directory.path().join("abc.1.log");
    let torn = [&fs::read(&log).unwrap()[..], b"torn"].concat();
    fs::write(&log, torn).unwrap();
    let before = content(directory.path());
    let found = FileStore::inspect(directory.path()).unwrap().remove(0);
    assert_eq!(found.history.totals().total_rx_bytes, 1);
    let [damage] = &found.damage[..] else {
        panic!("{:?}", found.damage);
    };
    assert_eq!((&damage.path, damage.offset), (&log, 32));
    assert_eq!(found.set_aside, [directory.path().join("abc.1.log.corrupt-1")]);
    assert_eq!(content(directory.path()), before);
}

#[test]
fn a_log_is_no_snapshot_whatever_it_is_called() {
    let directory = tempfile::tempdir().unwrap();
    let store = FileStore::open(directory.path()).unwrap();
    store.save("abc", &history(1)).unwrap();
    fs::copy(
        directory.path().join("abc.1.log"),
        directory.path().join("abc.1.snapshot"),
    )
    .unwrap();
    let found = FileStore::inspect(directory.path()).unwrap().remove(0);
    assert!(
        found.damage[0].cause.contains("another file"),
        "{}",
        found.damage[0]
    );
}

#[test]
fn a_directory_that_is_not_there_is_an_error_that_names_it() {
    let refused = FileStore::inspect(Path::new("/nowhere")).unwrap_err();
    assert!(
        matches!(&refused, StoreError::Io { path, .. } if path == Path::new("/nowhere")),
        "{refused}"
    );
}
