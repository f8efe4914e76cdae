//! Logs that do not check out: what is taken of them, what is set aside, and whether the next save goes on behind what is right
//! or writes all of it anew (P6).

#![expect(clippy::unwrap_used, reason = "the set-up of tests")]

use std::path::{Path, PathBuf};

use super::HistoryKey;
use super::compaction::{DIRECTORY, Rig, limits, tried_in_vain};
use super::disk::Disk;
use super::entry::{End, Entry};
use super::format::{FileId, RecordWriter};
use super::picky::Call;
use super::row::HistoryRow;
use super::store::{HistoryStore, Loaded, SetAside, StoreError};

/// The path of a log.
fn log(number: u64) -> PathBuf {
    Path::new(DIRECTORY).join(format!("hls.{number}.log"))
}

impl Rig {
    /// A snapshot, and three saves in the log behind it.
    fn with_three_saves() -> Self {
        let mut rig = Self::new(limits(300));
        while rig.files(".snapshot").is_empty() {
            rig.save_one_of(3);
            rig.maintain();
        }
        (0..3).for_each(|_| rig.save_one_of(3));
        rig
    }

    /// Five logs, since no snapshot could be written.
    fn with_five_logs() -> Self {
        let mut rig = Self::new(limits(2_000));
        tried_in_vain(&mut rig, ".snapshot.new");
        rig.disk.refuse_nothing();
        assert_eq!((rig.files(".log").len(), rig.last_log()), (5, 4));
        rig
    }

    /// Changes a file.
    fn change(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.disk.read(path).unwrap();
        change(&mut bytes);
        let mut file = self.disk.open(path, 0).unwrap();
        file.write(&bytes).unwrap();
    }

    /// Starts anew on the same disk, and goes on with what is found.
    fn load_damaged(&mut self) -> Result<Vec<SetAside>, StoreError> {
        match self.store.load("hls")? {
            Loaded::Damaged { history, set_aside } => {
                self.saved = history;
                Ok(set_aside)
            }
            loaded => unreachable!("{loaded:?}"),
        }
    }

    /// How many sessions were saved.
    fn kept(&self) -> u64 {
        self.saved.totals().total_sessions
    }

    /// That a save goes on in the last log, behind byte `right`.
    fn assert_goes_on(&mut self, right: u64) {
        let (last, snapshots) = (self.last_log(), self.files(".snapshot"));
        self.save_one_of(3);
        let (number, bytes) = *self.files(".log").last().unwrap();
        assert_eq!((number, self.files(".snapshot")), (last, snapshots));
        assert!(
            (right + 16..right + 100).contains(&bytes),
            "{bytes}, behind {right}"
        );
        self.assert_found();
    }

    /// That a save writes all of it anew.
    fn assert_begins_anew(&mut self) {
        let last = self.last_log();
        self.save_one_of(3);
        let snapshots = self.files(".snapshot");
        assert_eq!((self.files(".log"), snapshots.len()), (vec![(last + 1, 32)], 1));
        assert_eq!(snapshots[0].0, last + 1);
        self.assert_found();
    }

    fn assert_found(&self) {
        assert_eq!(
            self.store.load("hls").unwrap(),
            Loaded::History(self.saved.clone())
        );
    }

    /// Has no room for copies, while it is loaded.
    fn load_without_room(&mut self) -> Result<Vec<SetAside>, StoreError> {
        self.disk.refuse(Call::Make, ".corrupt-1", 0);
        let loaded = self.load_damaged();
        self.disk.refuse_nothing();
        loaded
    }
}

/// What is said of each file that was set aside.
fn causes(set_aside: &[SetAside]) -> Vec<(PathBuf, &str)> {
    let damages = set_aside.iter().map(|aside| &aside.damage);
    damages
        .map(|damage| (damage.path.clone(), &*damage.cause))
        .collect()
}

#[test]
fn p6_behind_a_log_that_is_damaged_or_missing_nothing_is_taken() {
    // What stands in the first two.
    let mut rig = Rig::with_five_logs();
    rig.change(&log(2), |bytes| bytes.truncate(34));
    rig.load_damaged().unwrap();
    let kept = rig.kept();
    assert!(kept > 10);
    rig.assert_begins_anew();

    let behind = "what comes before it does not check out";
    let mut rig = Rig::with_five_logs();
    rig.change(&log(2), |bytes| bytes[50] ^= 1);
    let set_aside = rig.load_damaged().unwrap();
    let found = causes(&set_aside);
    assert!(
        found[0].0 == log(2) && found[0].1.contains("checksum"),
        "{found:?}"
    );
    assert_eq!(found[1..], [(log(3), behind), (log(4), behind)]);
    assert_eq!(rig.kept(), kept);
    rig.assert_begins_anew();

    let mut rig = Rig::with_five_logs();
    rig.disk.remove(&log(2)).unwrap();
    let set_aside = rig.load_damaged().unwrap();
    let missing = "log 2, which comes before it, is missing";
    assert_eq!(causes(&set_aside), [(log(3), missing), (log(4), behind)]);
    assert_eq!(rig.kept(), kept);
    rig.assert_begins_anew();
}

#[test]
fn p6_a_save_that_is_cut_off_at_the_end_is_kept_when_there_is_room_and_saves_go_on_in_front_of_it() {
    for has_room in [true, false] {
        let mut rig = Rig::with_three_saves();
        let path = log(rig.last_log());
        let (right, saves) = (rig.logged(u64::MAX), rig.saves);
        rig.change(&path, |bytes| bytes.extend(b"torn"));
        let set_aside = if has_room {
            rig.load_damaged()
        } else {
            rig.load_without_room()
        };
        let set_aside = set_aside.unwrap();
        assert_eq!(
            (set_aside.len(), set_aside[0].damage.offset, rig.kept()),
            (1, right, saves)
        );
        assert_eq!(set_aside[0].path != path, has_room);
        rig.assert_goes_on(right);
        let copy = path.with_extension("log.corrupt-1");
        assert_eq!(rig.disk.read(&copy).unwrap(), b"torn");
    }
}

#[test]
fn p6_no_load_passes_over_a_damage_with_saves_behind_it_of_which_it_cannot_keep_a_copy() {
    // Within the last log, and at the end of another one.
    let within = |rig: &Rig| rig.change(&log(rig.last_log()), |bytes| bytes[50] ^= 1);
    let at_the_end = |rig: &Rig| rig.change(&log(1), |bytes| bytes.extend(b"torn"));
    let mut rig = Rig::with_three_saves();
    within(&rig);
    assert!(rig.load_without_room().is_err());
    let set_aside = rig.load_damaged().unwrap();
    assert_eq!((set_aside.len(), set_aside[0].damage.offset), (1, 32));
    assert_eq!(rig.kept(), rig.saves - 3);
    rig.assert_goes_on(32);

    let mut rig = Rig::with_five_logs();
    at_the_end(&rig);
    assert!(rig.load_without_room().is_err());
    assert_eq!(rig.load_damaged().unwrap().len(), 4);
    rig.assert_begins_anew();
}

#[test]
fn p6_where_a_log_has_no_header_the_next_save_writes_all_anew() {
    let mut rig = Rig::with_three_saves();
    rig.change(&log(rig.last_log()), |bytes| bytes[3] ^= 1);
    assert!(rig.load_without_room().is_err());
    let set_aside = rig.load_damaged().unwrap();
    assert_eq!((set_aside.len(), set_aside[0].damage.offset), (1, 0));
    assert_eq!(rig.kept(), rig.saves - 3);
    rig.assert_begins_anew();
}

#[test]
fn p6_a_save_behind_a_snapshot_that_does_not_count_up_is_not_taken() {
    let mut rig = Rig::with_three_saves();
    let (number, bytes) = *rig.files(".log").last().unwrap();
    // A row more than it says.
    let mut records = RecordWriter::new(FileId::log(number), bytes);
    let key = HistoryKey::new("here", "there", "one more");
    records
        .push(&Entry::row(&key, Some(&HistoryRow::default())))
        .unwrap();
    records.push(&Entry::End(End::of(&rig.saved))).unwrap();
    records.end_record(true).unwrap();
    rig.change(&log(number), |file| file.extend(records.into_bytes()));
    let saved = rig.saved.clone();
    assert!(rig.load_without_room().is_err());
    let set_aside = rig.load_damaged().unwrap();
    assert_eq!((set_aside.len(), set_aside[0].damage.offset), (1, bytes));
    assert_eq!(rig.saved, saved);
    rig.assert_begins_anew();
}
