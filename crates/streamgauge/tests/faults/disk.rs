//! Disks that fail, for real: full, read-only, gone, a rename and a sync that are refused. What was saved before is whole,
//! `health` says what went wrong where, and once there is room again the next interval saves everything.

use std::cell::{Cell, RefCell};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use streamgauge::{CollectorConfig, Config, Error, ManualClock, Registry, RegistryError, Stats, StoreError};

use crate::ledger_check::{Checked, S, bytes};
use crate::mount::{bind, detach, set_read_only, with_mounts};

/// A collector whose history is kept in a directory, every two seconds.
struct Rig {
    meter: Checked,
    registry: Registry,
    directory: PathBuf,
    /// What was saved last, and the log after it.
    saved: Cell<Stats>,
    file: RefCell<Vec<u8>>,
}

impl Rig {
    /// With one save behind it.
    fn new(directory: &Path) -> Self {
        let clock = ManualClock::default();
        let registry = open(directory, &clock).unwrap();
        let collector = registry.register("hls", config()).unwrap();
        let rig = Self {
            meter: Checked::of(collector, clock),
            registry,
            directory: directory.to_owned(),
            saved: Cell::default(),
            file: RefCell::default(),
        };
        rig.count("before", 1_000);
        rig.saved.set(rig.meter.tick_seconds(2).totals);
        rig.file.replace(fs::read(rig.file()).unwrap());
        assert!(rig.meter.health().is_good());
        rig
    }

    /// A session that ends.
    fn count(&self, id: &str, bytes: u64) {
        self.meter.register(id, id, "here", "there").ingress(bytes);
        self.meter.unregister(id);
    }

    /// Ten sessions that end with a byte each, and take more room than a file's last page has left.
    fn count_much(&self, id: &str) {
        for n in 0..10 {
            self.count(&format!("{id} {n} {}", "long ".repeat(150)), 1);
        }
    }

    fn file(&self) -> PathBuf {
        self.directory.join("hls.0.log")
    }

    /// Saves, which fails with an error that says all of this; the file stays as it was.
    fn assert_refused(&self, parts: &[&str]) {
        let failed = self.meter.health().failed_saves;
        self.meter.tick_seconds(2);
        let health = self.meter.health();
        assert_eq!(health.failed_saves, failed + 1);
        assert!(!health.is_good());
        let error = health.store_error.unwrap();
        for part in parts {
            assert!(error.contains(part), "no {part:?} in {error:?}");
        }
        // What a save that fails leaves behind what was saved is no part of it.
        if let Ok(file) = fs::read(self.file()) {
            assert!(file.starts_with(&self.file.borrow()), "what was saved changed");
            self.assert_left();
        }
    }

    /// That a program which is started now, on a copy of what is there, has what was saved last.
    fn assert_left(&self) {
        let entries = fs::read_dir(&self.directory).unwrap();
        let left = tempfile::tempdir().unwrap();
        for path in entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
        {
            fs::copy(&path, left.path().join(path.file_name().unwrap())).unwrap();
        }
        let registry = open(left.path(), &ManualClock::default()).unwrap();
        let anew = registry.register("hls", config()).unwrap();
        assert_eq!(anew.summary().totals, self.saved.get());
    }

    /// Saves, which works; a collector that is started anew has everything.
    fn assert_recovered(self) {
        let totals = self.meter.tick_seconds(2).totals;
        let health = self.meter.health();
        assert_eq!(health.store_error, None);
        assert!(health.is_good());
        self.assert_kept(totals);
    }

    /// That a collector that is started anew has this.
    fn assert_kept(self, totals: Stats) {
        let Self {
            meter,
            registry,
            directory,
            ..
        } = self;
        drop((meter, registry));
        let registry = open(&directory, &ManualClock::default()).unwrap();
        let anew = registry.register("hls", config()).unwrap();
        assert_eq!(
            (anew.summary().totals, anew.health().set_aside),
            (totals, Vec::new())
        );
    }
}

fn open(directory: &Path, clock: &ManualClock) -> Result<Registry, Error> {
    let mut config = Config::default();
    config.persist_dir = Some(directory.to_owned());
    Registry::manual(config, clock.clone())
}

fn config() -> CollectorConfig {
    let mut config = CollectorConfig::default();
    config.persist_interval = S * 2;
    config.session_timeout = Duration::MAX;
    config
}

/// Writes until there is no room left.
fn fill(directory: &Path) -> PathBuf {
    let path = directory.join("filler");
    for length in (0..=64).rev() {
        // What does not fit is cut by the disk: then less is tried.
        if fs::write(&path, vec![0; length << 10]).is_ok() {
            return path;
        }
    }
    unreachable!("nothing always fits")
}

#[test]
fn p6_a_full_disk_keeps_the_old_history_until_there_is_room_again() {
    with_mounts("full", |directory| {
        let rig = Rig::new(directory);
        let filler = fill(directory);
        rig.count_much("while full");
        rig.assert_refused(&["cannot write", "hls.0.log", "No space left"]);
        rig.count("still full", 100);
        rig.assert_refused(&["No space left"]);
        fs::remove_file(filler).unwrap();
        rig.assert_recovered();
    });
}

#[test]
fn p6_a_history_larger_than_the_disk_is_not_accepted_in_part() {
    with_mounts("larger than the disk", |directory| {
        let rig = Rig::new(directory);
        let before = rig.meter.summary().totals;
        for n in 0..200 {
            rig.count(&format!("{n} {}", "long ".repeat(100)), 1);
        }
        rig.assert_refused(&["cannot write", "No space left"]);
        // What was cut off is no save, and started anew the collector has what was saved last.
        let torn = fs::read(rig.file()).unwrap();
        assert!(torn.len() < 200 * 500);
        rig.meter.stopped();
        assert!(rig.meter.health().store_error.is_some());
        drop((rig.meter, rig.registry));
        let registry = open(directory, &ManualClock::default()).unwrap();
        let full = registry.register("hls", config()).unwrap();
        assert_eq!(full.summary().totals, before);
        // There is no room to keep a copy of the torn save, and it is not cut off without one.
        full.register("after", "after", "here", "there").ingress(1);
        full.stop();
        assert!(full.health().store_error.unwrap().contains("set aside"));
        assert_eq!(fs::read(directory.join("hls.0.log")).unwrap(), torn);
        // Nor does each try leave a part of one.
        full.stop();
        let names = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        let names: Vec<_> = names
            .filter(|name| name.to_string_lossy().contains("corrupt"))
            .collect();
        assert!(names.is_empty(), "{names:?}");
        let left = tempfile::tempdir().unwrap();
        fs::write(left.path().join("hls.0.log"), torn).unwrap();
        let registry = open(left.path(), &ManualClock::default()).unwrap();
        let anew = registry.register("hls", config()).unwrap();
        assert_eq!(
            (anew.summary().totals, anew.health().set_aside.len()),
            (before, 1)
        );
    });
}

#[test]
fn p6_a_disk_that_is_full_at_stop_is_tried_again_by_the_next_stop() {
    with_mounts("full at stop", |directory| {
        let rig = Rig::new(directory);
        let filler = fill(directory);
        rig.count_much("while full");
        let totals = rig.meter.stopped().totals;
        assert_eq!(bytes(totals), (1_010, 0));
        assert!(rig.meter.health().store_error.is_some());
        fs::remove_file(filler).unwrap();
        rig.meter.stopped();
        assert_eq!(rig.meter.health().store_error, None);
        rig.assert_kept(totals);
    });
}

#[test]
fn p6_a_disk_that_becomes_read_only_is_shown_and_recovered_from() {
    with_mounts("read-only", |directory| {
        let rig = Rig::new(directory);
        rig.count("while read-only", 10);
        set_read_only(directory, true);
        rig.assert_refused(&["cannot open", "hls.0.log", "Read-only"]);
        set_read_only(directory, false);
        rig.assert_recovered();
    });
}

#[test]
fn p6_on_a_read_only_disk_no_registry_opens() {
    with_mounts("opened read-only", |directory| {
        set_read_only(directory, true);
        let refused = open(directory, &ManualClock::default()).unwrap_err();
        assert!(
            matches!(&refused, Error::Store(StoreError::Io { .. })),
            "{refused}"
        );
        assert!(refused.to_string().contains("Read-only"), "{refused}");
        set_read_only(directory, false);
        open(directory, &ManualClock::default()).unwrap();
    });
}

#[test]
fn p6_a_damaged_file_that_cannot_be_set_aside_is_neither_accepted_nor_lost() {
    with_mounts("damaged and read-only", |directory| {
        let registry = open(directory, &ManualClock::default()).unwrap();
        let path = directory.join("hls.0.log");
        fs::write(&path, b"damaged").unwrap();
        set_read_only(directory, true);
        let refused = registry.register("hls", config()).unwrap_err();
        assert!(
            matches!(
                &refused,
                RegistryError::Start {
                    source: Error::Store(StoreError::Io { .. }),
                    ..
                }
            ),
            "{refused}"
        );
        assert!(refused.to_string().contains("set aside"), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), b"damaged");
        set_read_only(directory, false);
        let collector = registry.register("hls", config()).unwrap();
        let aside = collector.health().set_aside;
        assert_eq!(fs::read(&aside[0].path).unwrap(), b"damaged");
    });
}

#[test]
fn p6_a_directory_that_vanishes_is_shown_and_recovered_from() {
    with_mounts("vanishing", |mounted| {
        let directory = mounted.join("kept");
        let rig = Rig::new(&directory);
        let away = mounted.join("away");
        fs::rename(&directory, &away).unwrap();
        rig.count("while gone", 10);
        rig.assert_refused(&["cannot open", "hls.0.log", "No such file"]);
        fs::rename(&away, &directory).unwrap();
        rig.assert_recovered();
    });
}

#[test]
fn p6_a_directory_that_was_removed_may_be_made_anew() {
    with_mounts("removed", |mounted| {
        let directory = mounted.join("kept");
        let rig = Rig::new(&directory);
        fs::remove_dir_all(&directory).unwrap();
        rig.count("while gone", 10);
        rig.assert_refused(&["cannot open", "No such file"]);
        // From the second time on all of it is to be written anew.
        rig.assert_refused(&["cannot create", "No such file"]);
        fs::create_dir(&directory).unwrap();
        rig.assert_recovered();
    });
}

#[test]
fn p6_a_rename_that_fails_leaves_the_old_history() {
    with_mounts("rename", |directory| {
        let rig = Rig::new(directory);
        // Without its log the history is written anew, in a snapshot.
        let (log, away) = (rig.file(), directory.join("away"));
        fs::rename(&log, &away).unwrap();
        rig.count("while gone", 10);
        rig.assert_refused(&["cannot open", "hls.0.log", "No such file"]);
        fs::rename(&away, &log).unwrap();
        // Over what is a mount of its own, nothing is renamed.
        let snapshot = directory.join("hls.1.snapshot");
        fs::write(&snapshot, b"").unwrap();
        bind(&snapshot, &snapshot);
        rig.assert_refused(&["cannot rename to", "hls.1.snapshot", "busy"]);
        detach(&snapshot);
        rig.assert_recovered();
    });
}

#[test]
fn p6_a_sync_that_fails_leaves_the_old_history() {
    let directory = tempfile::tempdir().unwrap();
    let rig = Rig::new(directory.path());
    fs::rename(rig.file(), directory.path().join("away")).unwrap();
    rig.count("while it does not sync", 10);
    rig.assert_refused(&["cannot open", "hls.0.log"]);
    fs::rename(directory.path().join("away"), rig.file()).unwrap();
    let unfinished = directory.path().join("hls.1.snapshot.new");
    // Takes all that is written, and cannot be synced.
    symlink("/dev/null", &unfinished).unwrap();
    rig.assert_refused(&["cannot sync", "hls.1.snapshot.new"]);
    fs::remove_file(&unfinished).unwrap();
    rig.assert_recovered();
}

#[test]
fn p6_a_snapshot_that_cannot_be_begun_is_shown_until_one_is_and_saves_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let rig = Rig::new(directory.path());
    // Where the next log is to be.
    let blocked = directory.path().join("hls.1.log");
    fs::create_dir(&blocked).unwrap();
    let grow = |name: &str| {
        for n in 0..500 {
            let label = |what: &str| format!("{what} {name} {n} {}", "long ".repeat(190));
            let session = rig
                .meter
                .register(n.to_string(), &label("r"), &label("l"), &label("p"));
            session.ingress(1);
            session.unregister();
        }
    };
    for round in 0..3 {
        // More than a MiB: and then a save without much in it.
        if round == 0 {
            grow("first");
        } else {
            rig.count("more", 1);
        }
        rig.meter.tick_seconds(2);
        let health = rig.meter.health();
        let error = health.compaction_error.clone().unwrap();
        assert!(
            error.contains("cannot create") && error.contains("hls.1.log"),
            "{error}"
        );
        assert_eq!((health.store_error.clone(), health.is_good()), (None, false));
    }
    fs::remove_dir(&blocked).unwrap();
    grow("second");
    rig.meter.tick_seconds(2);
    assert_eq!(rig.meter.health().compaction_error, None);
    rig.assert_recovered();
}
