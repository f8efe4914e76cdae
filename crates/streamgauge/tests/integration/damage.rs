//! History files that do not check out: what is right of them is taken, what is not is set aside and reported (P6).

use std::fs;
use std::path::{Path, PathBuf};

use streamgauge::{
    CollectorConfig, Config, FileStore, HistoryKey, HistorySnapshot, HistoryStore, Loaded, ManualClock,
    Registry, SetAside, Stats,
};
use tempfile::TempDir;

use crate::ledger_check::{Checked, S};

/// A directory with one collector's log of three saves, and what was counted by each.
struct Kept {
    directory: TempDir,
    log: Vec<u8>,
    /// Where each save ends, the header's end first, and the bytes received by then.
    saves: Vec<(usize, u64)>,
}

fn config() -> CollectorConfig {
    let mut config = CollectorConfig::default();
    config.persist_interval = S;
    config
}

fn open(directory: &Path) -> (Registry, ManualClock) {
    let clock = ManualClock::default();
    let mut config = Config::default();
    config.persist_dir = Some(directory.to_owned());
    (Registry::manual(config, clock.clone()).unwrap(), clock)
}

impl Kept {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (registry, clock) = open(directory.path());
        let meter = Checked::of(registry.register("hls", config()).unwrap(), clock);
        let path = directory.path().join("hls.0.log");
        let mut saves = vec![(32, 0)];
        for (id, bytes) in [("a", 1), ("b", 10), ("c", 100)] {
            let session = meter.register(id, id, "here", "there");
            session.ingress(bytes);
            meter.tick_after(S);
            let saved = saves.last().unwrap().1 + bytes;
            saves.push((
                usize::try_from(fs::metadata(&path).unwrap().len()).unwrap(),
                saved,
            ));
        }
        // A crash: the registry stops after the files were copied.
        let log = fs::read(&path).unwrap();
        let kept = tempfile::tempdir().unwrap();
        fs::write(kept.path().join("hls.0.log"), &log).unwrap();
        Self {
            directory: kept,
            log,
            saves,
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("hls.0.log")
    }

    /// What a load finds in these bytes: received bytes, and what was set aside.
    fn load(&self, log: &[u8]) -> (u64, Vec<SetAside>) {
        fs::write(self.path(), log).unwrap();
        let store = FileStore::open(self.directory.path()).unwrap();
        match store.load("hls").unwrap() {
            Loaded::Nothing => unreachable!("there is a log"),
            Loaded::History(history) => (history.totals().total_rx_bytes, Vec::new()),
            Loaded::Damaged { history, set_aside } => (history.totals().total_rx_bytes, set_aside),
        }
    }

    /// What the saves come to that end by byte `end`.
    fn saved_by(&self, end: usize) -> (usize, u64) {
        *self
            .saves
            .iter()
            .rev()
            .find(|(at, _)| *at <= end)
            .unwrap_or(&(0, 0))
    }
}

#[test]
fn p6_a_log_cut_anywhere_is_what_was_saved_before_and_the_rest_is_set_aside() {
    let kept = Kept::new();
    for length in 0..=kept.log.len() {
        let (right, bytes) = kept.saved_by(length);
        let (found, set_aside) = kept.load(&kept.log[..length]);
        assert_eq!(found, bytes, "cut to {length} bytes");
        if length == right && length > 0 {
            assert_eq!(set_aside, [], "cut to {length} bytes");
            continue;
        }
        let [aside] = &set_aside[..] else {
            panic!("{set_aside:?}")
        };
        assert_eq!(aside.damage.path, kept.path());
        assert_eq!(aside.damage.offset, right as u64, "cut to {length} bytes");
        assert_eq!(fs::read(&aside.path).unwrap(), kept.log[right..length]);
        fs::remove_file(&aside.path).unwrap();
    }
}

#[test]
fn p6_a_flipped_byte_anywhere_of_a_log_ends_it_in_front_of_that_save() {
    let kept = Kept::new();
    for at in 0..kept.log.len() {
        let mut log = kept.log.clone();
        log[at] = !log[at];
        let (right, bytes) = kept.saved_by(at);
        let (found, set_aside) = kept.load(&log);
        assert_eq!(found, bytes, "byte {at}");
        let [aside] = &set_aside[..] else {
            panic!("byte {at}: {set_aside:?}")
        };
        assert_eq!(aside.damage.offset, right as u64, "byte {at}");
        assert_eq!(fs::read(&aside.path).unwrap(), log[right..], "byte {at}");
        let told = aside.damage.to_string();
        assert!(
            told.contains("hls.0.log at byte") && told.contains("lost: "),
            "{told}"
        );
        fs::remove_file(&aside.path).unwrap();
    }
}

#[test]
fn p6_a_flipped_byte_anywhere_of_a_snapshot_loses_no_more_than_its_record_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let store = FileStore::open(directory.path()).unwrap();
    let mut snapshot = HistorySnapshot::default();
    let stats = Stats {
        total_sessions: 3,
        total_rx_bytes: u64::MAX / 2,
        ..Stats::default()
    };
    snapshot.add(&HistoryKey::new("here", "there", "stream"), stats);
    snapshot.discarded.total_tx_bytes = 7;
    store.save("a", &snapshot).unwrap();
    assert_eq!(store.load("a").unwrap(), Loaded::History(snapshot.clone()));
    let path = directory.path().join("a.1.snapshot");
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] = !bytes[at];
        fs::write(&path, &bytes).unwrap();
        let Loaded::Damaged { history, set_aside } = store.load("a").unwrap() else {
            panic!("byte {at} flipped");
        };
        // Of the header nothing else depends: then all is there, and reported all the same.
        let expected = if at < 32 {
            snapshot.clone()
        } else {
            HistorySnapshot::default()
        };
        assert_eq!(history, expected, "byte {at}");
        assert_eq!(set_aside.len(), 1);
        assert_eq!(fs::read(&set_aside[0].path).unwrap(), bytes);
        fs::remove_file(&set_aside[0].path).unwrap();
    }
    for length in 0..good.len() {
        fs::write(&path, &good[..length]).unwrap();
        assert!(
            matches!(store.load("a"), Ok(Loaded::Damaged { .. })),
            "cut to {length}"
        );
    }
}

#[test]
fn p6_records_of_a_damaged_snapshot_that_check_out_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let store = FileStore::open(directory.path()).unwrap();
    let mut snapshot = HistorySnapshot::default();
    for n in 0..10_000 {
        let stats = Stats {
            total_sessions: 1,
            total_rx_bytes: 1,
            ..Stats::default()
        };
        snapshot.add(
            &HistoryKey::new("here", &format!("peer {n} {}", "x".repeat(60)), "stream"),
            stats,
        );
    }
    store.save("a", &snapshot).unwrap();
    let path = directory.path().join("a.1.snapshot");
    let mut bytes = fs::read(&path).unwrap();
    assert!(bytes.len() > 3 << 18, "several records");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let Loaded::Damaged { history, set_aside } = store.load("a").unwrap() else {
        panic!("a flipped bit");
    };
    assert!((5_000..10_000).contains(&history.len()), "{}", history.len());
    for (key, row) in history.rows() {
        assert_eq!(snapshot.row(key), Some(row));
    }
    let lost = &set_aside[0].damage.lost;
    assert!(
        lost.starts_with(&format!("{} of 10000 rows", 10_000 - history.len())),
        "{lost}"
    );
    // The next save writes all of it anew, and nothing is damaged then.
    store.save("a", &history).unwrap();
    assert_eq!(store.load("a").unwrap(), Loaded::History(history));
}

#[test]
fn p6_what_follows_a_damaged_save_is_said_to_be_lost_and_counting_goes_on_behind_what_is_right() {
    let kept = Kept::new();
    let mut log = kept.log.clone();
    log[kept.saves[1].0 + 20] ^= 1;
    fs::write(kept.path(), &log).unwrap();
    {
        let (registry, _) = open(kept.directory.path());
        let collector = registry.register("hls", config()).unwrap();
        let aside = collector.health().set_aside;
        assert_eq!(aside.len(), 1);
        let lost = &aside[0].damage.lost;
        assert!(lost.contains("1 later saves check out"), "{lost}");
        assert!(aside[0].path.ends_with("hls.0.log.corrupt-1"));
        assert_eq!(collector.summary().totals.total_rx_bytes, 1);
        // A crash before anything is saved: nobody stops it.
        std::mem::forget((registry, collector));
    }
    let left = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(kept.directory.path()).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, left.path().join(path.file_name().unwrap())).unwrap();
    }
    let (registry, clock) = open(left.path());
    let meter = Checked::of(registry.register("hls", config()).unwrap(), clock);
    assert_eq!(meter.health().set_aside.len(), 1);
    let asides = fs::read_dir(left.path()).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().contains("corrupt")
    });
    assert_eq!(asides.count(), 1, "found twice, it is kept once");
    meter.register("d", "d", "here", "there").ingress(1_000);
    meter.tick_after(S);
    assert_eq!(meter.health().store_error, None);
    drop((meter, registry));
    let (registry, _) = open(left.path());
    let collector = registry.register("hls", config()).unwrap();
    assert_eq!(collector.health().set_aside, []);
    assert_eq!(collector.summary().totals.total_rx_bytes, 1_001);
}

#[test]
fn p6_a_file_of_somebody_else_is_set_aside_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hls.0.log");
    for (n, foreign) in [
        &b"short"[..],
        b"a file of somebody else, of some length, and more",
    ]
    .iter()
    .enumerate()
    {
        fs::write(&path, foreign).unwrap();
        let (registry, clock) = open(directory.path());
        let meter = Checked::of(registry.register("hls", config()).unwrap(), clock);
        let aside = meter.health().set_aside;
        assert_eq!(
            aside[0].path,
            directory.path().join(format!("hls.0.log.corrupt-{}", n + 1))
        );
        assert_eq!(fs::read(&aside[0].path).unwrap(), *foreign);
        assert_eq!(meter.summary().totals, Stats::default());
        meter.register("a", "a", "here", "there").ingress(5);
        meter.tick_after(S);
        assert_eq!(meter.health().store_error, None);
        drop((meter, registry));
        let (registry, _) = open(directory.path());
        let collector = registry.register("hls", config()).unwrap();
        assert_eq!(
            (
                collector.health().set_aside,
                collector.summary().totals.total_rx_bytes
            ),
            (vec![], 5)
        );
        drop((collector, registry));
        for name in ["hls.1.snapshot", "hls.1.log", "hls.2.snapshot", "hls.2.log"] {
            drop(fs::remove_file(directory.path().join(name)));
        }
    }
}

#[test]
fn a_snapshot_that_was_not_finished_is_no_history() {
    let directory = tempfile::tempdir().unwrap();
    let unfinished = directory.path().join("hls.1.snapshot.new");
    fs::write(&unfinished, b"torn").unwrap();
    let store = FileStore::open(directory.path()).unwrap();
    assert_eq!(store.load("hls").unwrap(), Loaded::Nothing);
    assert!(!unfinished.exists());
}

#[test]
fn p6_a_save_that_stands_a_second_time_in_its_log_is_none() {
    let kept = Kept::new();
    let last = kept.saves[2].0;
    let log = [&kept.log[..], &kept.log[last..]].concat();
    let (found, set_aside) = kept.load(&log);
    assert_eq!(found, 111);
    assert_eq!(set_aside.len(), 1, "its place is part of its checksum");
    assert_eq!(set_aside[0].damage.offset, kept.log.len() as u64);
}

#[test]
fn p6_a_file_of_a_number_that_no_store_gives_is_left_alone_and_keeps_nobody_from_saving() {
    let directory = tempfile::tempdir().unwrap();
    let foreign = directory.path().join(format!("hls.{}.log", u64::MAX));
    fs::write(&foreign, b"of somebody else").unwrap();
    let store = FileStore::open(directory.path()).unwrap();
    assert_eq!(store.load("hls").unwrap(), Loaded::Nothing);
    let mut snapshot = HistorySnapshot::default();
    snapshot.discarded.total_rx_bytes = 7;
    store.save("hls", &snapshot).unwrap();
    let Loaded::History(found) = store.load("hls").unwrap() else {
        panic!("nothing is damaged");
    };
    assert_eq!(found.totals().total_rx_bytes, 7);
    assert_eq!(fs::read(&foreign).unwrap(), b"of somebody else");
}

#[test]
fn p6_a_torn_save_that_cannot_be_kept_is_not_compacted_away() {
    let kept = Kept::new();
    let torn = &kept.log[..kept.log.len() - 1];
    fs::write(kept.path(), torn).unwrap();
    // A directory in the place of a copy: it is neither the same nor missing.
    let aside = kept.directory.path().join("hls.0.log.corrupt-1");
    fs::create_dir(&aside).unwrap();
    let store = FileStore::open(kept.directory.path()).unwrap();
    let refused = store.compact("hls").unwrap_err();
    assert!(refused.to_string().contains("set aside"), "{refused}");
    assert_eq!(fs::read(kept.path()).unwrap(), torn);
    fs::remove_dir(&aside).unwrap();
    store.compact("hls").unwrap();
    assert_eq!(fs::read(&aside).unwrap(), torn[kept.saves[2].0..]);
    assert!(!kept.path().exists());
    let Loaded::History(history) = store.load("hls").unwrap() else {
        panic!("what was compacted is whole");
    };
    assert_eq!(history.totals().total_rx_bytes, 11);
}
