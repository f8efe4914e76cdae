//! Several snapshots and logs of one collector, of which one is damaged (P6).

#![expect(clippy::unwrap_used, reason = "the set-up of tests")]

use std::path::{Path, PathBuf};

use super::crashes::{DIRECTORY, Rig, assert_acceptable, config, found, run_until, work};
use super::disk::Disk;
use super::simulated::SimulatedDisk;

/// The names that end so, the newest last.
fn named(disk: &SimulatedDisk, ending: &str) -> Vec<String> {
    let mut names = disk.names(Path::new(DIRECTORY)).unwrap();
    names.retain(|name| name.ends_with(ending));
    names.sort_by_key(|name| number(name));
    names
}

/// The number of a file.
fn number(name: &str) -> u64 {
    name.split('.').nth(1).unwrap().parse().unwrap()
}

fn path(name: &str) -> PathBuf {
    Path::new(DIRECTORY).join(name)
}

fn write(disk: &SimulatedDisk, name: &str, bytes: &[u8]) {
    let mut file = disk.open(&path(name), 0).unwrap();
    file.write(bytes).unwrap();
    file.sync().unwrap();
}

/// Flips a bit of a file's first record.
fn damage(disk: &SimulatedDisk, name: &str) {
    let mut bytes = disk.read(&path(name)).unwrap();
    let at = 60.min(bytes.len() - 1);
    bytes[at] ^= 1;
    write(disk, name, &bytes);
}

#[test]
fn p6_a_damaged_snapshot_costs_nothing_while_what_leads_up_to_it_is_there() {
    let mut tried = 0;
    for step in 0.. {
        let disk = SimulatedDisk::default();
        let (rig, is_dark) = run_until(&disk, step, 9);
        for left in &disk.aftermaths() {
            let left = left.settled();
            let snapshots = named(&left, ".snapshot");
            let Some((newest, older)) = snapshots.split_last() else {
                continue;
            };
            // A name that was removed may be gone before one that was removed earlier.
            let logs = named(&left, ".log");
            let mut leading = older.last().map_or(0, |older| number(older))..number(newest);
            if leading.all(|number| logs.contains(&format!("hls.{number}.log"))) {
                damage(&left, newest);
                assert_acceptable(&found(&left).0, &rig.acceptable(), &format!("step {step}"));
                tried += 1;
            }
        }
        if !is_dark {
            break;
        }
    }
    assert!(tried > 10, "{tried}");
}

#[test]
fn p6_a_snapshot_that_was_left_behind_takes_no_history_back() {
    let disk = SimulatedDisk::default();
    let rig = Rig::new(&disk);
    let collector = rig.registry.register("hls", config()).unwrap();
    let mut stale: Option<(String, Vec<u8>)> = None;
    // Until the first snapshot is gone and another has taken its place.
    let newest = loop {
        work(&rig, &collector, 9);
        let Some(newest) = named(&disk, ".snapshot").pop() else {
            continue;
        };
        let (first, _) = stale.get_or_insert_with(|| (newest.clone(), disk.read(&path(&newest)).unwrap()));
        if *first != newest {
            break newest;
        }
    };
    let (name, bytes) = stale.unwrap();
    write(&disk, &name, &bytes);
    damage(&disk, &newest);
    let (found, saved) = (found(&disk).0, rig.acceptable().remove(0));
    assert_eq!(
        found.taken_at, saved.taken_at,
        "the logs behind the newest were passed over"
    );
    assert!(found.rows().all(|(key, row)| saved.row(key) == Some(row)));
    assert!(found.totals().total_rx_bytes > 0);
}

#[test]
fn p5_what_is_held_for_a_collector_goes_when_it_is_unregistered() {
    let disk = SimulatedDisk::default();
    let rig = Rig::new(&disk);
    let collector = rig.registry.register("hls", config()).unwrap();
    work(&rig, &collector, 3);
    assert_eq!(rig.store.store.held(), 1);
    rig.registry.unregister("hls").unwrap();
    // Whoever still has a clone stops it once more, which is nothing to the store.
    collector.stop();
    assert_eq!(rig.store.store.held(), 0);
    assert_eq!(found(&disk).0.totals(), collector.summary().totals);
}

#[test]
fn p6_a_log_that_was_made_for_a_snapshot_that_never_came_leaves_no_gap_in_the_numbers() {
    let disk = SimulatedDisk::default();
    write(&disk, "hls.1.log", &[]);
    let rig = Rig::new(&disk);
    let collector = rig.registry.register("hls", config()).unwrap();
    assert_eq!(collector.health().set_aside, []);
    // So many that a snapshot of them takes several steps, with saves in between.
    let sessions: Vec<_> = (0..8)
        .map(|n| collector.register(format!("{n}"), "stream", "here", "there"))
        .collect();
    for _ in 0..10 {
        for session in &sessions {
            session.ingress(1);
            rig.tick();
            // A copy: a load puts what it finds in order.
            let (history, set_aside) = found(&disk.settled());
            assert_acceptable(&history, &rig.acceptable(), "behind the log that was passed over");
            assert_eq!(set_aside, []);
        }
    }
    assert!(number(&named(&disk, ".snapshot").pop().unwrap()) > 2);
}

#[test]
fn p1_a_serial_is_not_given_again_also_where_the_files_have_nobody_left_who_had_it() {
    let disk = SimulatedDisk::default();
    let rig = Rig::new(&disk);
    let collector = rig.registry.register("hls", config()).unwrap();
    let sessions = ["a", "b", "c"].map(|id| collector.register(id, "stream", "here", "there"));
    rig.tick();
    let given = rig.acceptable()[0].open().map(|session| session.serial).max();
    sessions.iter().for_each(|session| assert!(session.unregister()));
    rig.tick();
    let first_log = disk.read(&path("hls.0.log")).unwrap();
    // Until a snapshot has taken the place of the log that had them. No session lives to be saved meanwhile.
    while disk.read(&path("hls.0.log")).is_ok() {
        collector
            .register_and_activate("d", "stream", "here", "there")
            .unregister();
        rig.tick();
    }
    assert!(first_log.len() > 32 && !named(&disk, ".snapshot").is_empty());
    let rig = Rig::new(&disk.settled());
    let collector = rig.registry.register("hls", config()).unwrap();
    collector.register("e", "stream", "here", "there");
    rig.tick();
    let next = rig.acceptable()[0].open().map(|session| session.serial).min();
    assert!(given.is_some() && next > given, "{next:?} after {given:?}");
}
