//! When a snapshot is begun, how much of it is written at a time, and when one that failed is tried again: by the bytes that
//! are on the disk, as anyone can count them (P5).

#![expect(clippy::unwrap_used, reason = "the set-up of tests")]

use std::path::Path;
use std::sync::Arc;

use super::HistoryKey;
use super::disk::Disk;
use super::file::FileStore;
use super::journal::Limits;
use super::open::OpenSessions;
use super::picky::{Call, Picky};
use super::snapshot::{Base, Changes, HistorySnapshot};
use super::store::{HistoryStore, Loaded, StoreError};
use crate::stats::Stats;

pub(super) const DIRECTORY: &str = "kept";

/// A store on a disk that refuses what it is told to, and what it took last.
pub(super) struct Rig {
    pub(super) disk: Picky,
    pub(super) store: FileStore,
    limits: Limits,
    pub(super) saved: HistorySnapshot,
    pub(super) saves: u64,
}

impl Rig {
    pub(super) fn new(limits: Limits) -> Self {
        let disk = Picky::default();
        let store = FileStore::on(Arc::new(disk.clone()), Path::new(DIRECTORY), limits);
        Self {
            disk,
            store,
            limits,
            saved: HistorySnapshot::default(),
            saves: 0,
        }
    }

    /// Saves a history in which one of so many rows is another, or came.
    pub(super) fn save_one_of(&mut self, rows: u64) {
        self.try_save_one_of(rows).unwrap();
    }

    pub(super) fn try_save_one_of(&mut self, rows: u64) -> Result<(), StoreError> {
        let key = HistoryKey::new("here", "there", &format!("stream {}", self.saves % rows));
        self.save(&[key])
    }

    /// Saves a history in which these rows are others than in what was taken last, or came.
    fn save(&mut self, keys: &[HistoryKey]) -> Result<(), StoreError> {
        let mut history = self.saved.clone();
        let mut rows = Vec::new();
        for key in keys {
            let stats = Stats {
                total_sessions: 1,
                ..Stats::default()
            };
            history.add(key, stats);
            rows.push((key.clone(), history.row(key).copied()));
        }
        let changes = Changes {
            since: match self.saves {
                0 => Base::Nothing,
                _ => Base::of(&self.saved),
            },
            rows,
            open: Vec::new(),
        };
        let history = history.with(OpenSessions::default(), 0, changes);
        self.store.save("hls", &history)?;
        self.saved = history;
        self.saves += 1;
        Ok(())
    }

    /// Steps until nothing is left to do.
    pub(super) fn maintain(&self) {
        while self.store.maintain("hls").unwrap() {}
    }

    /// The files whose names end so: their numbers and lengths, in order.
    pub(super) fn files(&self, ending: &str) -> Vec<(u64, u64)> {
        let names = self.disk.names(Path::new(DIRECTORY)).unwrap();
        let files = names.iter().filter_map(|name| {
            let number = name.strip_prefix("hls.")?.strip_suffix(ending)?;
            let bytes = self.disk.read(&Path::new(DIRECTORY).join(name)).unwrap();
            Some((number.parse().unwrap(), bytes.len() as u64))
        });
        let mut files: Vec<_> = files.collect();
        files.sort_unstable();
        files
    }

    /// The number of the last log.
    pub(super) fn last_log(&self) -> u64 {
        self.files(".log").last().map_or(0, |(number, _)| *number)
    }

    /// How many bytes the logs up to this one have.
    pub(super) fn logged(&self, last: u64) -> u64 {
        let logs = self.files(".log").into_iter();
        logs.filter(|(number, _)| *number <= last)
            .map(|(_, bytes)| bytes)
            .sum()
    }

    /// How many bytes of logs are a reason for a snapshot.
    fn enough(&self) -> u64 {
        let snapshot = self.files(".snapshot").last().map_or(0, |(_, bytes)| *bytes);
        self.limits.log.max(snapshot)
    }

    /// As after a restart.
    pub(super) fn reopened(mut self) -> Self {
        self.store = FileStore::on(Arc::new(self.disk.clone()), Path::new(DIRECTORY), self.limits);
        let Loaded::History(loaded) = self.store.load("hls").unwrap() else {
            unreachable!("a history was saved")
        };
        assert_eq!(loaded, self.saved);
        self.saved = loaded;
        self
    }
}

/// A snapshot is written in one step.
pub(super) fn limits(log: u64) -> Limits {
    Limits {
        log,
        step: 1 << 20,
        whole_step: 1 << 20,
    }
}

#[test]
fn p5_a_snapshot_is_begun_by_the_save_that_makes_the_logs_as_large_as_the_one_before_and_by_none_earlier() {
    let mut rig = Rig::new(limits(600));
    let (mut of_the_limit, mut of_the_snapshot) = (0, 0);
    // First few rows, of which a snapshot is small; then ever more.
    for n in 0..400 {
        let (last, enough) = (rig.last_log(), rig.enough());
        rig.save_one_of(if n < 100 { 3 } else { 1_000 });
        let is_begun = rig.last_log() > last;
        let logged = rig.logged(last);
        assert_eq!(
            is_begun,
            logged >= enough,
            "{logged} bytes of logs, where {enough} are enough"
        );
        rig.maintain();
        if is_begun {
            assert_eq!(
                (rig.files(".log"), rig.files(".snapshot").len()),
                (vec![(last + 1, 32)], 1)
            );
            of_the_limit += u32::from(enough == 600);
            of_the_snapshot += u32::from(enough > 600);
        }
    }
    assert!(
        of_the_limit > 3 && of_the_snapshot > 3,
        "{of_the_limit} and {of_the_snapshot}"
    );
}

#[test]
fn p5_logs_of_just_enough_bytes_are_enough() {
    let saved = |limit| {
        let mut rig = Rig::new(limits(limit));
        (0..5).for_each(|_| rig.save_one_of(1));
        rig
    };
    let bytes = saved(u64::MAX).logged(0);
    assert_eq!(saved(bytes).last_log(), 1);
    assert_eq!(saved(bytes + 1).last_log(), 0);
}

/// Has each snapshot fail; answers at how many bytes of logs each was tried.
pub(super) fn tried_in_vain(rig: &mut Rig, ending: &'static str) -> Vec<u64> {
    rig.disk.refuse(Call::Make, ending, 0);
    let mut tried = Vec::new();
    while tried.len() < 4 {
        let (last, times) = (rig.last_log(), rig.disk.times());
        rig.save_one_of(3);
        let logged = rig.logged(last);
        let outcome = rig.store.maintain("hls");
        if rig.disk.times() > times {
            tried.push(logged);
        }
        // From the first that failed on it is said, until one does not.
        match outcome {
            Err(StoreError::Io { .. } | StoreError::Other(_)) => assert!(rig.disk.times() > 0),
            Err(StoreError::InUse { .. }) => unreachable!("it is open"),
            Ok(is_more) => assert!(!is_more && rig.disk.times() == 0),
        }
        assert_eq!(rig.files(".snapshot.new"), []);
    }
    tried
}

/// That they were tried for each 500 bytes more, a quarter of 2,000, one save of some bytes later at most.
fn assert_each_quarter(tried: &[u64]) {
    for pair in tried.windows(2) {
        // Each log that is made has a header, too.
        assert!((500..600).contains(&(pair[1] - pair[0])), "{tried:?}");
    }
}

#[test]
fn p5_a_snapshot_that_fails_is_tried_again_for_each_quarter_more_in_logs() {
    // One that cannot be begun, for want of a log behind it; and one that cannot be written.
    for ending in [".1.log", ".snapshot.new"] {
        let mut rig = Rig::new(limits(2_000));
        let tried = tried_in_vain(&mut rig, ending);
        assert!((2_000..2_100).contains(&tried[0]), "{tried:?}");
        assert_each_quarter(&tried);
        // Once it can be done again it is, and what piled up is gone.
        rig.disk.refuse_nothing();
        let (last, before) = (rig.last_log(), *tried.last().unwrap());
        while rig.files(".snapshot").is_empty() {
            rig.save_one_of(3);
            drop(rig.store.maintain("hls"));
            assert!(rig.logged(last) < before + 600 + 100, "it is not tried again");
        }
        assert_eq!(rig.files(".log").len(), 1);
        assert!(!rig.store.maintain("hls").unwrap());
        let rig = rig.reopened();
        assert_eq!(rig.saved.totals().total_sessions, rig.saves);
    }
}

#[test]
fn p5_all_logs_that_a_restart_finds_count() {
    let mut rig = Rig::new(limits(2_000));
    tried_in_vain(&mut rig, ".snapshot.new");
    let logs = rig.files(".log");
    assert!(
        logs.iter().all(|(_, bytes)| *bytes < 2_200) && logs.len() == 5,
        "{logs:?}"
    );
    let mut rig = rig.reopened();
    let last = rig.last_log();
    rig.disk.refuse_nothing();
    rig.save_one_of(3);
    assert_eq!(rig.last_log(), last + 1, "a snapshot was begun by the first save");
    rig.maintain();
    assert_eq!(rig.files(".log"), [(last + 1, 32)]);
}

#[test]
fn p5_a_snapshot_that_fails_is_tried_as_often_where_a_restart_found_several_logs() {
    let mut rig = Rig::new(limits(2_000));
    let mut tried = tried_in_vain(&mut rig, ".snapshot.new");
    let mut rig = rig.reopened();
    // By the first save behind the restart; then as before, however often.
    let again: Vec<_> = (0..3)
        .flat_map(|_| tried_in_vain(&mut rig, ".snapshot.new"))
        .collect();
    assert!(again[0] < tried.pop().unwrap() + 100, "{again:?}");
    assert_each_quarter(&again);
}

#[test]
fn p5_a_step_writes_twice_the_save_before_it_and_else_the_least_there_is() {
    let mut rig = Rig::new(Limits {
        log: 20_000,
        step: 200,
        whole_step: 200,
    });
    let keys: Vec<_> = (0..1_000)
        .map(|n| HistoryKey::new("here", "there", &format!("stream {n}")))
        .collect();
    rig.save(&keys).unwrap();
    let first = rig.logged(0);
    assert_eq!(rig.last_log(), 1);
    let written = |rig: &Rig| rig.files(".snapshot.new").last().map_or(0, |(_, bytes)| *bytes);
    // No entry here has more.
    let entry = 64;
    // Twice as much as all of it would be all of it.
    assert!(first > 20_000 && !rig.store.maintain("hls").unwrap());
    assert_eq!(rig.files(".snapshot").len(), 1);
    // With small saves, one small step behind each.
    while rig.last_log() == 1 {
        rig.save(&keys[..100]).unwrap();
    }
    for n in 0..20 {
        let keys = &keys[..20 * (n % 3)];
        let (log, before) = (rig.logged(2), written(&rig));
        rig.save(keys).unwrap();
        let saved = rig.logged(2) - log;
        assert!(rig.store.maintain("hls").unwrap());
        let step = written(&rig) - before;
        let least = (2 * saved).max(200);
        assert!(
            (least..least + entry).contains(&step),
            "{step} behind a save of {saved}"
        );
        // One that no save went before.
        let before = written(&rig);
        assert!(rig.store.maintain("hls").unwrap());
        assert!((200..200 + entry).contains(&(written(&rig) - before)));
    }
}
