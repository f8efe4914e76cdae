//! A history at one moment, as stores save and load it.

use std::sync::Arc;
use std::time::SystemTime;

use rpds::RedBlackTreeMapSync;

use super::open::{OpenChange, OpenSession, OpenSessions};
use super::row::HistoryRow;
use super::{HistoryKey, OTHER};
use crate::stats::Stats;

/// A history at one moment, as a [`HistoryStore`](crate::HistoryStore) saves and loads it: what ended, and which sessions
/// were open at that moment, with what they had moved so far. A copy is cheap: it shares the rows.
///
/// ```
/// use streamgauge::{HistoryKey, HistorySnapshot, Stats};
///
/// let mut snapshot = HistorySnapshot::default();
/// let key = HistoryKey::new("here", "198.51.100.7", "stream");
/// snapshot.add(&key, Stats { total_sessions: 1, total_rx_bytes: 10, ..Stats::default() });
/// snapshot.add(&key, Stats { total_sessions: 1, total_rx_bytes: 5, ..Stats::default() });
/// let rows: Vec<_> = snapshot.rows().collect();
/// assert_eq!(rows.len(), 1);
/// assert_eq!(rows[0].1.stats.total_rx_bytes, 15);
/// ```
#[derive(Debug, Clone)]
pub struct HistorySnapshot {
    pub(super) rows: RedBlackTreeMapSync<HistoryKey, HistoryRow>,
    /// As the row "(other)" has it: the heaviest rank that was folded, if anything was. What new keys inherit.
    pub(super) heaviest_folded: Option<u64>,
    pub(super) open: OpenSessions,
    /// Higher than the serials of all sessions that were saved.
    pub(super) next_serial: u64,
    /// What sessions moved that never became active.
    pub discarded: Stats,
    /// When it was taken.
    pub taken_at: SystemTime,
    /// Which one it is; none where rows were changed since, or a store of another make made it.
    pub(super) mark: Option<Mark>,
    /// What is other than in the snapshot that the store took last; none where that is not known, so that all of it counts.
    pub(super) changes: Option<Arc<Changes>>,
}

/// Tells one snapshot from all others.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mark(Arc<()>);

impl PartialEq for Mark {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// What a store has.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Base {
    /// Nothing was saved.
    #[default]
    Nothing,
    /// The snapshot of this mark; one of which nobody knows where there is none.
    Snapshot(Option<Mark>),
}

impl Base {
    /// A store that has this snapshot.
    pub(crate) fn of(snapshot: &HistorySnapshot) -> Self {
        Self::Snapshot(snapshot.mark.clone())
    }
}

/// What is other than in the snapshot before.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// What the store has that they are the changes of. Where it has another, as a store behind a store may that fails or
    /// passes over saves, they do not lead to the snapshot, and all of it counts.
    pub(crate) since: Base,
    /// The rows that changed or came, and the keys of those that left.
    pub(crate) rows: Vec<(HistoryKey, Option<HistoryRow>)>,
    pub(crate) open: Vec<OpenChange>,
}

impl HistorySnapshot {
    /// The rows, ordered by their keys.
    pub fn rows(&self) -> impl Iterator<Item = (&HistoryKey, &HistoryRow)> {
        self.rows.iter()
    }

    /// The row under `key`.
    ///
    /// Cost: O(log n); no alloc; no lock.
    #[must_use]
    pub fn row(&self, key: &HistoryKey) -> Option<&HistoryRow> {
        self.rows.get(key)
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.size()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The sessions that were open, in the order of their registration.
    pub fn open(&self) -> impl Iterator<Item = OpenSession> {
        self.open.after(None)
    }

    /// How many sessions were open.
    #[must_use]
    pub fn open_sessions(&self) -> u64 {
        self.open.len()
    }

    /// Adds to the row under `key`. Where there is none it is one of a new key, and partial if anything was folded before.
    pub fn add(&mut self, key: &HistoryKey, stats: Stats) {
        self.change();
        match self.rows.get_mut(key) {
            Some(row) => row.stats.add(stats),
            None => self.insert(key, self.newcomer(key, stats)),
        }
    }

    /// Puts a row under `key`, in place of what was there: a row as [`rows`](Self::rows) gave it, which a store kept.
    pub fn insert(&mut self, key: &HistoryKey, row: HistoryRow) {
        self.change();
        if key.is(OTHER) {
            self.heaviest_folded = row.is_partial.then_some(row.inherited);
        }
        self.rows.insert_mut(key.clone(), row);
    }

    /// Takes the row under `key` out.
    pub fn remove(&mut self, key: &HistoryKey) -> Option<HistoryRow> {
        self.change();
        let row = *self.rows.get(key)?;
        self.rows.remove_mut(key);
        if key.is(OTHER) {
            self.heaviest_folded = None;
        }
        Some(row)
    }

    /// It is another one from now on.
    fn change(&mut self) {
        self.mark = None;
        self.changes = None;
    }

    /// What `changes` lead to, if a store has what they are the changes of.
    pub(super) fn changes_since(&self, base: &Base) -> Option<&Changes> {
        let changes = self.changes.as_deref()?;
        let is_known = !matches!(base, Base::Snapshot(None));
        (is_known && changes.since == *base).then_some(changes)
    }

    /// The row of a key that is new here.
    pub(super) fn newcomer(&self, key: &HistoryKey, stats: Stats) -> HistoryRow {
        match self.heaviest_folded {
            Some(inherited) if key.takes_a_place() => HistoryRow {
                stats,
                is_partial: true,
                inherited,
            },
            _ => HistoryRow::of(stats),
        }
    }

    /// Adds a row that has none of its own, or none any more, to that under `other`.
    pub(super) fn fold(&mut self, other: &HistoryKey, row: HistoryRow) {
        let mut sum = self.rows.get(other).copied().unwrap_or_default();
        sum.stats.add(row.stats);
        sum.is_partial = true;
        sum.inherited = self.heaviest_folded.unwrap_or_default().max(row.rank());
        self.insert(other, sum);
    }

    /// What it comes to once the open sessions have ended: those that were active are in the rows then, the others
    /// discarded. So a collector begins that loads it.
    #[must_use]
    pub fn recovered(&self) -> Self {
        let mut recovered = Self {
            open: OpenSessions::default(),
            mark: None,
            changes: None,
            ..self.clone()
        };
        for session in self.open() {
            if session.is_active {
                recovered.add(&session.key, session.stats);
            } else {
                recovered.discarded.add(session.stats);
            }
        }
        recovered
    }

    /// Higher than the serial of each session that was ever saved.
    pub(crate) fn next_serial(&self) -> u64 {
        self.next_serial
    }

    /// With the sessions that were open at the same moment, and what is other than at the save before.
    pub(crate) fn with(self, open: OpenSessions, next_serial: u64, changes: Changes) -> Self {
        Self {
            open,
            next_serial,
            mark: Some(Mark::default()),
            changes: Some(Arc::new(changes)),
            ..self
        }
    }

    /// What all of it comes to: rows, open sessions, and what was discarded.
    #[must_use]
    pub fn totals(&self) -> Stats {
        let rows = self.rows().map(|(_, row)| row.stats);
        let open = self.open().map(|session| session.stats);
        Stats::sum(rows.chain(open).chain([self.discarded]))
    }
}

impl Default for HistorySnapshot {
    /// No rows, taken at the start of 1970.
    fn default() -> Self {
        Self {
            rows: RedBlackTreeMapSync::new_sync(),
            heaviest_folded: None,
            open: OpenSessions::default(),
            next_serial: 0,
            discarded: Stats::default(),
            taken_at: SystemTime::UNIX_EPOCH,
            mark: None,
            changes: None,
        }
    }
}

impl PartialEq for HistorySnapshot {
    fn eq(&self, other: &Self) -> bool {
        self.discarded == other.discarded
            && self.taken_at == other.taken_at
            && self.rows.size() == other.rows.size()
            && self.rows().eq(other.rows())
            && self.open == other.open
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::{Base, Changes, HistorySnapshot};
    use crate::history::HistoryKey;
    use crate::history::file::FileStore;
    use crate::history::journal::Limits;
    use crate::history::open::OpenSessions;
    use crate::history::row::HistoryRow;
    use crate::history::simulated::SimulatedDisk;
    use crate::history::store::{HistoryStore, Loaded};
    use crate::stats::Stats;

    #[test]
    fn without_its_row_of_what_was_folded_nothing_was() {
        let mut snapshot = HistorySnapshot::default();
        let other = HistoryKey::new("(other)", "(other)", "(other)");
        let folded = HistoryRow {
            is_partial: true,
            inherited: 7,
            ..HistoryRow::default()
        };
        snapshot.insert(&other, folded);
        assert_eq!(snapshot.remove(&other), Some(folded));
        let key = HistoryKey::new("here", "there", "stream");
        snapshot.add(&key, Stats::default());
        assert_eq!(snapshot.row(&key), Some(&HistoryRow::default()));
    }

    #[test]
    fn p6_a_store_that_changes_what_it_hands_on_has_all_of_it_saved() {
        let key = |name| HistoryKey::new("here", name, "stream");
        let stats = Stats {
            total_rx_bytes: 7,
            ..Stats::default()
        };
        let unchanged = |since: Base| Changes {
            since,
            ..Changes::default()
        };
        let changes: [fn(&mut HistorySnapshot, HistoryKey, Stats); 3] = [
            |snapshot, key, stats| snapshot.add(&key, stats),
            |snapshot, key, stats| snapshot.insert(&key, HistoryRow::of(stats)),
            |snapshot, key, _| assert!(snapshot.remove(&key).is_some()),
        ];
        for (change, peer) in changes.iter().zip(["new", "new", "old"]) {
            let disk = Arc::new(SimulatedDisk::default());
            let store = FileStore::on(disk, Path::new("kept"), Limits::default());
            let mut first = HistorySnapshot::default();
            first.add(&key("old"), stats);
            let first = first.with(OpenSessions::default(), 0, unchanged(Base::Nothing));
            // Not what led there: all of it is written.
            store
                .save(
                    "hls",
                    &HistorySnapshot {
                        changes: None,
                        ..first.clone()
                    },
                )
                .unwrap();
            let mut second = first
                .clone()
                .with(OpenSessions::default(), 0, unchanged(Base::of(&first)));
            change(&mut second, key(peer), stats);
            store.save("hls", &second).unwrap();
            assert_eq!(store.load("hls").unwrap(), Loaded::History(second));
        }
    }
}
