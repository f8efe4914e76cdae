//! The history of the model: a row for each triple, and what was discarded.

use std::collections::BTreeMap;

use streamgauge::HistorySnapshot;

use super::tally::Tally;

/// What a row stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Key {
    pub(crate) location: String,
    pub(crate) peer: String,
    pub(crate) reference: String,
}

impl Key {
    /// A row of the history's own has its name three times.
    fn own(name: &str) -> Self {
        Self {
            location: name.to_owned(),
            peer: name.to_owned(),
            reference: name.to_owned(),
        }
    }

    /// Sessions of keys that came when there were as many as there may be.
    fn other() -> Self {
        Self::own("(other)")
    }

    /// Packets that came after their session's close: none, where there is one thread. Its row takes no key's place.
    fn late() -> Self {
        Self::own("(late)")
    }
}

/// What a store is given, and gives back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Saved {
    pub(crate) rows: BTreeMap<Key, Tally>,
    pub(crate) discarded: Tally,
}

impl Saved {
    pub(crate) fn add(&mut self, key: &Key, tally: Tally) {
        let row = self.rows.entry(key.clone()).or_default();
        *row = row.plus(tally);
    }

    pub(crate) fn totals(&self) -> Tally {
        Tally::sum(self.rows.values().copied()).plus(self.discarded)
    }
}

impl From<&HistorySnapshot> for Saved {
    fn from(snapshot: &HistorySnapshot) -> Self {
        let folded = snapshot.folded();
        let row = |(key, row): (&streamgauge::HistoryKey, &streamgauge::HistoryRow)| {
            let key = Key {
                location: key.location.as_str().to_owned(),
                peer: key.peer.as_str().to_owned(),
                reference: key.reference.as_str().to_owned(),
            };
            (key, Tally::from(row.stats))
        };
        Self {
            rows: folded.rows().map(row).collect(),
            discarded: folded.discarded.into(),
        }
    }
}

/// The rows, of which there are only so many.
#[derive(Debug, Clone)]
pub(crate) struct Books {
    pub(crate) saved: Saved,
    /// Sessions that were entered under "(other)" for want of room.
    pub(crate) folded: u64,
    max_keys: u64,
}

impl Books {
    /// What a store had, or nothing.
    pub(super) fn of(stored: Saved, max_keys: u64) -> Self {
        let mut books = Self {
            saved: Saved {
                rows: BTreeMap::new(),
                discarded: stored.discarded,
            },
            folded: 0,
            max_keys,
        };
        for (key, tally) in stored.rows {
            books.enter(&key, tally);
        }
        books
    }

    pub(super) fn enter(&mut self, key: &Key, tally: Tally) {
        let (other, late) = (Key::other(), Key::late());
        let has_row = self.saved.rows.contains_key(key) || *key == other || *key == late;
        let keys = self
            .saved
            .rows
            .keys()
            .filter(|key| **key != other && **key != late);
        if has_row || (keys.count() as u64) < self.max_keys {
            self.saved.add(key, tally);
        } else {
            self.folded = self.folded.saturating_add(tally.sessions);
            self.saved.add(&other, tally);
        }
    }

    pub(super) fn discard(&mut self, tally: Tally) {
        self.saved.discarded = self.saved.discarded.plus(tally);
    }

    /// The rows that `of` gives one name, together.
    pub(crate) fn by(&self, of: impl Fn(&Key) -> String) -> BTreeMap<String, Tally> {
        let mut sums: BTreeMap<String, Tally> = BTreeMap::new();
        for (key, tally) in &self.saved.rows {
            let sum = sums.entry(of(key)).or_default();
            *sum = sum.plus(*tally);
        }
        sums
    }
}
