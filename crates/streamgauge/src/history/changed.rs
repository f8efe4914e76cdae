//! What changed in the history since a store last took it: which rows are to be written again, and which to be removed.
//!
//! For each key whose row changed, came or left since the last take it is noted whether there was a row at that take. A key
//! that came and left in between is forgotten: so there are at most as many notes as there were rows then and are now, and
//! an attacker's keys do not pile up between two saves.
//!
//! The ledger writes; taking is moving a table, and sorting is left to who writes it down, on the worker.

use std::collections::HashMap;

use super::HistoryKey;
use super::row::HistoryRow;
use super::snapshot::HistorySnapshot;

/// The keys whose rows changed, came or left since the last take, each with whether it had a row then.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    keys: HashMap<HistoryKey, bool, ahash::RandomState>,
}

impl Changed {
    /// A row changes, or comes: `is_there` says whether the key has one just before.
    pub(super) fn note(&mut self, key: &HistoryKey, is_there: bool) {
        // A key that is noted already was there, or not, at the take: that does not change.
        if !self.keys.contains_key(key) {
            self.keys.insert(key.clone(), is_there);
        }
    }

    /// A row leaves.
    pub(super) fn note_left(&mut self, key: HistoryKey) {
        if *self.keys.entry(key.clone()).or_insert(true) {
            return;
        }
        self.keys.remove(&key);
    }

    /// What to write: in order of the keys, each with its row in `rows`, or none if it is to be removed.
    pub(crate) fn rows(self, rows: &HistorySnapshot) -> Vec<(HistoryKey, Option<HistoryRow>)> {
        let mut changed: Vec<_> = self
            .keys
            .into_keys()
            .map(|key| {
                let row = rows.row(&key).copied();
                (key, row)
            })
            .collect();
        changed.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        changed
    }

    /// Puts what an earlier take gave in front of this one: where that was not written. `rows` are those of this take.
    pub(crate) fn follow(&mut self, earlier: Self, rows: &HistorySnapshot) {
        self.keys.extend(earlier.keys);
        self.keys
            .retain(|key, was_there| *was_there || rows.row(key).is_some());
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Changed;
    use crate::history::HistoryKey;
    use crate::history::row::HistoryRow;
    use crate::history::snapshot::HistorySnapshot;

    fn key(name: &str) -> HistoryKey {
        HistoryKey::new("here", name, "stream")
    }

    impl Changed {
        /// How many keys there are.
        pub(in crate::history) fn len(&self) -> usize {
            self.keys.len()
        }
    }

    #[test]
    fn p5_a_key_that_came_and_left_between_two_takes_is_forgotten() {
        let mut changed = Changed::default();
        changed.note(&key("new"), false);
        changed.note(&key("new"), true);
        changed.note_left(key("new"));
        assert_eq!(changed, Changed::default());
        // One that was there is to be removed, however often it came again and left.
        changed.note_left(key("old"));
        for _ in 0..2 {
            changed.note(&key("old"), false);
            changed.note_left(key("old"));
        }
        assert_eq!(
            changed.clone().rows(&HistorySnapshot::default()),
            [(key("old"), None)]
        );
        // And if it is there in the end, it is to be written.
        changed.note(&key("old"), false);
        let (mut rows, row) = (HistorySnapshot::default(), HistoryRow::default());
        rows.insert(&key("old"), row);
        assert_eq!(changed.rows(&rows), [(key("old"), Some(row))]);
    }

    #[test]
    fn what_was_taken_and_not_written_is_written_with_the_next() {
        let mut rows = HistorySnapshot::default();
        let (mut earlier, mut later) = (Changed::default(), Changed::default());
        earlier.note(&key("came and left"), false);
        later.note_left(key("came and left"));
        earlier.note(&key("came"), false);
        earlier.note(&key("changed twice"), true);
        later.note(&key("changed twice"), true);
        earlier.note_left(key("left and came"));
        later.note(&key("left and came"), false);
        later.note_left(key("left"));
        for there in ["came", "changed twice", "left and came"] {
            rows.insert(&key(there), HistoryRow::default());
        }
        later.follow(earlier, &rows);
        let row = Some(HistoryRow::default());
        assert_eq!(
            later.rows(&rows),
            [
                ("came", row),
                ("changed twice", row),
                ("left", None),
                ("left and came", row)
            ]
            .map(|(name, row)| (key(name), row))
        );
    }
}
