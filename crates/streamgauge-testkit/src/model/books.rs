//! The history of the model: a row for each triple, and what was discarded.
//!
//! There are only so many rows. A key that finds no room, and brings bytes, takes the place of the one that weighs least:
//! bytes that it counted, and bytes that those weighed whose place it took. What that one counted is folded into "(other)".

use std::collections::BTreeMap;

use streamgauge::HistoryKey;

use super::tally::Tally;
use crate::way::Pair;

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

    /// Sessions of keys that have no row.
    fn other() -> Self {
        Self::own("(other)")
    }

    /// Packets that came after their session's close: none, where there is one thread. Its row takes no key's place.
    fn late() -> Self {
        Self::own("(late)")
    }

    fn is_own(&self) -> bool {
        *self == Self::other() || *self == Self::late()
    }
}

impl From<&HistoryKey> for Key {
    fn from(key: &HistoryKey) -> Self {
        Self {
            location: key.location.as_str().to_owned(),
            peer: key.peer.as_str().to_owned(),
            reference: key.reference.as_str().to_owned(),
        }
    }
}

/// What is known of a key: what was counted under it since it entered, whether it may have been there before, and how many
/// bytes it can have moved then at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Entry {
    pub(crate) tally: Tally,
    pub(crate) is_partial: bool,
    pub(crate) inherited: u64,
}

impl Entry {
    /// What decides who has to leave: bytes of both ways, and those of whose place it took.
    fn weight(&self) -> u64 {
        let Pair { rx, tx } = self.tally.bytes;
        rx.saturating_add(tx).saturating_add(self.inherited)
    }
}

/// What was entered of sessions that ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Entered {
    pub(crate) rows: BTreeMap<Key, Entry>,
    pub(crate) discarded: Tally,
}

impl Entered {
    /// Adds to a row. One that was not there begins as what was folded says that it may have been folded itself.
    pub(crate) fn add(&mut self, key: &Key, tally: Tally) {
        let of_new = self.of_new(key);
        let row = self.rows.entry(key.clone()).or_insert(of_new);
        row.tally = row.tally.plus(tally);
    }

    fn of_new(&self, key: &Key) -> Entry {
        let other = self.rows.get(&Key::other()).copied().unwrap_or_default();
        if key.is_own() || !other.is_partial {
            return Entry::default();
        }
        Entry {
            tally: Tally::default(),
            ..other
        }
    }

    /// The rows that are not the history's own.
    fn keys(&self) -> impl Iterator<Item = (&Key, &Entry)> {
        self.rows.iter().filter(|(key, _)| !key.is_own())
    }

    /// Whether anything was folded.
    pub(crate) fn is_partial(&self) -> bool {
        self.rows.get(&Key::other()).is_some_and(|other| other.is_partial)
    }

    pub(crate) fn tallies(&self) -> impl Iterator<Item = Tally> {
        self.rows.values().map(|row| row.tally)
    }

    pub(crate) fn totals(&self) -> Tally {
        Tally::sum(self.tallies()).plus(self.discarded)
    }
}

/// The rows, of which there are only so many.
#[derive(Debug, Clone)]
pub(crate) struct Books {
    pub(crate) entered: Entered,
    /// Sessions that were folded into "(other)" for want of room, and keys that had a row and lost it.
    pub(crate) folded: u64,
    pub(crate) evicted: u64,
    max_keys: u64,
}

impl Books {
    /// What a store had, or nothing.
    pub(super) fn of(stored: Entered, max_keys: u64) -> Self {
        let mut books = Self {
            entered: stored,
            folded: 0,
            evicted: 0,
            max_keys,
        };
        while books.keys() > max_keys {
            books.evict();
        }
        books
    }

    fn keys(&self) -> u64 {
        self.entered.keys().count() as u64
    }

    pub(super) fn enter(&mut self, key: &Key, tally: Tally) {
        let is_new = !self.entered.rows.contains_key(key) && !key.is_own();
        if is_new && self.keys() >= self.max_keys {
            let has_bytes = tally.bytes != Pair::default();
            if self.max_keys == 0 || !has_bytes {
                // For who has no byte nobody leaves.
                let row = self.entered.of_new(key);
                self.fold(Entry { tally, ..row });
                return;
            }
            self.evict();
        }
        self.entered.add(key, tally);
    }

    /// Folds the lightest row; of equal ones the first.
    fn evict(&mut self) {
        let least = self.entered.keys().map(|(_, row)| row.weight()).min();
        let lightest = self
            .entered
            .keys()
            .find(|(_, row)| Some(row.weight()) == least)
            .map(|(key, _)| key.clone());
        if let Some(row) = lightest.and_then(|key| self.entered.rows.remove(&key)) {
            self.evicted += 1;
            self.fold(row);
        }
    }

    fn fold(&mut self, row: Entry) {
        self.folded = self.folded.saturating_add(row.tally.sessions);
        let was_partial = self.entered.is_partial();
        let other = self.entered.rows.entry(Key::other()).or_default();
        *other = Entry {
            tally: other.tally.plus(row.tally),
            is_partial: true,
            inherited: match was_partial {
                true => other.inherited.max(row.weight()),
                false => row.weight(),
            },
        };
    }

    pub(super) fn discard(&mut self, tally: Tally) {
        self.entered.discarded = self.entered.discarded.plus(tally);
    }

    /// The rows that `of` gives one name, together.
    pub(crate) fn by(&self, of: impl Fn(&Key) -> String) -> BTreeMap<String, Tally> {
        let mut sums: BTreeMap<String, Tally> = BTreeMap::new();
        for (key, row) in &self.entered.rows {
            let sum = sums.entry(of(key)).or_default();
            *sum = sum.plus(row.tally);
        }
        sums
    }
}
