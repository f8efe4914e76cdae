//! Files that vanish or cannot be read while the store is at them: nothing is written over, and what was saved is there (P6).

#![expect(clippy::unwrap_used, reason = "the set-up of tests")]

use std::path::{Path, PathBuf};

use super::compaction::{DIRECTORY, Rig, limits};
use super::disk::Disk;
use super::picky::{Call, Picky};
use super::store::{HistoryStore, Loaded};

fn path(name: &str) -> PathBuf {
    Path::new(DIRECTORY).join(name)
}

fn write(disk: &Picky, name: &str, bytes: &[u8]) {
    let mut file = disk.open(&path(name), 0).unwrap();
    file.write(bytes).unwrap();
}

/// A store with a snapshot, a log behind it, and nothing else.
fn compacted() -> Rig {
    let mut rig = Rig::new(limits(300));
    while rig.files(".snapshot").is_empty() {
        rig.save_one_of(3);
        rig.maintain();
    }
    rig.save_one_of(3);
    assert_eq!((rig.files(".snapshot").len(), rig.files(".log").len()), (1, 1));
    rig
}

#[test]
fn p6_a_log_that_vanishes_under_the_store_is_written_anew() {
    let mut rig = compacted();
    let log = path(&format!("hls.{}.log", rig.last_log()));
    rig.disk.remove(&log).unwrap();
    let refused = rig.try_save_one_of(3).unwrap_err().to_string();
    assert!(
        refused.contains("cannot open") && refused.contains(".log"),
        "{refused}"
    );
    rig.try_save_one_of(3).unwrap();
    let rig = rig.reopened();
    assert_eq!(rig.saved.totals().total_sessions, rig.saves);
}

#[test]
fn p6_a_snapshot_whose_log_is_missing_is_taken_and_the_log_said_to_be_missing() {
    let rig = compacted();
    let log = path(&format!("hls.{}.log", rig.last_log()));
    rig.disk.remove(&log).unwrap();
    let Loaded::Damaged { history, set_aside } = rig.store.load("hls").unwrap() else {
        unreachable!("a log is missing")
    };
    // All but the save behind the snapshot.
    assert_eq!(history.totals().total_sessions, rig.saves - 1);
    let [aside] = &set_aside[..] else {
        unreachable!("{set_aside:?}")
    };
    assert_eq!((&aside.path, &aside.damage.path), (&log, &log));
    assert!(aside.damage.cause.contains("missing"), "{}", aside.damage);
}

#[test]
fn p6_what_cannot_be_read_to_be_set_aside_is_not_passed_over() {
    let rig = compacted();
    let (number, _) = rig.files(".snapshot")[0];
    let snapshot = format!("hls.{number}.snapshot");
    let mut bytes = rig.disk.read(&path(&snapshot)).unwrap();
    bytes[60] ^= 1;
    write(&rig.disk, &snapshot, &bytes);
    // Once to be recovered, and not again to be copied.
    rig.disk.refuse(Call::Read, ".snapshot", 1);
    let refused = rig.store.load("hls").unwrap_err().to_string();
    assert!(refused.contains("cannot set aside"), "{refused}");
    // Nor is a copy of an earlier day written over which cannot be read.
    rig.disk.refuse_nothing();
    let earlier = format!("{snapshot}.corrupt-1");
    write(&rig.disk, &earlier, b"of an earlier day");
    rig.disk.refuse(Call::Read, ".corrupt-1", 0);
    let refused = rig.store.load("hls").unwrap_err().to_string();
    assert!(refused.contains("cannot set aside"), "{refused}");
    rig.disk.refuse_nothing();
    assert_eq!(rig.disk.read(&path(&earlier)).unwrap(), b"of an earlier day");
    // Beside it is room for another.
    assert!(matches!(rig.store.load("hls"), Ok(Loaded::Damaged { .. })));
    assert_eq!(
        rig.disk.read(&path(&format!("{snapshot}.corrupt-2"))).unwrap(),
        bytes
    );
}

#[test]
fn p5_a_save_that_failed_has_the_next_go_on_where_it_would_have() {
    let mut rig = compacted();
    let (last, snapshots) = (rig.last_log(), rig.files(".snapshot"));
    rig.disk.refuse(Call::GoOn, ".log", 0);
    assert!(rig.try_save_one_of(3).is_err());
    rig.disk.refuse_nothing();
    rig.save_one_of(3);
    assert_eq!((rig.last_log(), rig.files(".snapshot")), (last, snapshots));
    let rig = rig.reopened();
    assert_eq!(rig.saved.totals().total_sessions, rig.saves);
}

#[test]
fn what_cannot_be_made_says_so() {
    let mut rig = Rig::new(limits(1_000));
    rig.disk.refuse(Call::Make, ".log", 0);
    let refused = rig.try_save_one_of(3).unwrap_err().to_string();
    assert_eq!(refused, "cannot create kept/hls.0.log: not this one");
}
