//! Which row of the history is the lightest: the one that makes room for a new key where none is left.
//!
//! This is the order of Space-Saving (Metwally, Agrawal, El Abbadi: *Efficient Computation of Frequent and Top-k Elements in
//! Data Streams*, ICDT 2005), with bytes as weights: a new key takes the place of that of the least rank, and inherits
//! the rank. The authors keep counters in buckets of one rank each, which suits weights of one; for bytes it is a heap here.
//!
//! The heap is lazy. It notes each key once, with the rank that it had when it was noted; a row that counts more leaves its note
//! as it is. A note that comes to the top and is out of date is noted anew, and sinks. Invariants:
//!
//! * One note for each key that has a row and takes a place, and none for any other.
//! * No note is above its key's rank, since ranks only rise. So a note at the top that is up to date is the least of all
//!   ranks. Of equal ranks the least key is first, whatever the order of events was.
//!
//! Cost: nothing for a row that counts more. To take the lightest O(log n), and as much again for each note that is put
//! right on the way, of which each update of a row makes at most one. It is made by the first row that has to leave: in O(n).
//!
//! The ledger alone uses it. What becomes of who leaves is its business.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use super::HistoryKey;
use super::row::HistoryRow;
use super::snapshot::HistorySnapshot;

/// The keys of the history that take a place, the lightest first.
#[derive(Debug)]
pub(crate) struct Ranking {
    notes: BinaryHeap<Reverse<(u64, HistoryKey)>>,
}

impl Ranking {
    /// Of all the rows there are.
    pub(crate) fn of(rows: &HistorySnapshot) -> Self {
        let notes: Vec<_> = rows
            .rows()
            .filter(|(key, _)| key.takes_a_place())
            .map(|(key, row)| Reverse((row.rank(), key.clone())))
            .collect();
        Self { notes: notes.into() }
    }

    /// Notes a key that has got a row.
    pub(crate) fn enter(&mut self, key: HistoryKey, rank: u64) {
        self.notes.push(Reverse((rank, key)));
    }

    /// Lets go of the key whose row is the lightest of `rows`, and answers it.
    pub(crate) fn take_lightest(&mut self, rows: &HistorySnapshot) -> Option<HistoryKey> {
        loop {
            let mut top = self.notes.peek_mut()?;
            let Reverse((noted, key)) = &*top;
            let rank = rows.row(key).map(HistoryRow::rank);
            debug_assert!(rank.is_some_and(|rank| rank >= *noted), "{key:?} has {rank:?}");
            match rank {
                Some(rank) if rank != *noted => top.0.0 = rank,
                _ => return Some(PeekMut::pop(top).0.1),
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Ranking;
    use crate::history::HistoryKey;
    use crate::history::dice::Dice;
    use crate::history::snapshot::HistorySnapshot;
    use crate::stats::Stats;

    fn key(name: u64) -> HistoryKey {
        HistoryKey::new("here", &format!("{name:02}"), "stream")
    }

    fn bytes(rx: u64, tx: u64) -> Stats {
        Stats {
            total_rx_bytes: rx,
            total_tx_bytes: tx,
            ..Stats::default()
        }
    }

    /// The naive twin: looks at every row.
    fn lightest(rows: &HistorySnapshot) -> Option<HistoryKey> {
        let mut lightest: Option<(u64, &HistoryKey)> = None;
        for (key, row) in rows.rows() {
            let rank = row.stats.total_rx_bytes + row.stats.total_tx_bytes + row.inherited;
            let is_own = ["(other)", "(late)"].contains(&&*key.peer);
            // In order of the keys: the first of equal ranks stays.
            if !is_own && lightest.is_none_or(|(least, _)| rank < least) {
                lightest = Some((rank, key));
            }
        }
        lightest.map(|(_, key)| key.clone())
    }

    #[test]
    fn the_lightest_goes_first_and_of_equal_ones_the_least_key() {
        let mut rows = HistorySnapshot::default();
        for (name, rx, tx) in [(1, 5, 0), (2, 1, 2), (3, 0, 3), (4, 2, 0), (5, 9, 9)] {
            rows.add(&key(name), bytes(rx, tx));
        }
        for own in ["(other)", "(late)"] {
            rows.add(&HistoryKey::new(own, own, own), bytes(0, 0));
        }
        let mut ranking = Ranking::of(&rows);
        // A row that counted more since is not the lightest any more.
        rows.add(&key(4), bytes(0, 4));
        for expected in [2, 3, 1, 4, 5] {
            assert_eq!(ranking.take_lightest(&rows), Some(key(expected)));
        }
        assert_eq!(ranking.take_lightest(&rows), None);
    }

    #[test]
    fn it_takes_what_a_look_at_every_row_takes() {
        for seed in 0..300 {
            let mut dice = Dice(seed);
            let mut rows = HistorySnapshot::default();
            for name in 0..dice.below(20) {
                rows.add(&key(name * 3), bytes(dice.below(5), dice.below(5)));
            }
            let mut ranking = Ranking::of(&rows);
            for step in 0..200 {
                let key = key(dice.below(60));
                let is_new = rows.row(&key).is_none();
                if is_new && dice.below(2) == 0 {
                    let taken = ranking.take_lightest(&rows);
                    assert_eq!(taken, lightest(&rows), "seed {seed}, step {step}");
                    if let Some(taken) = taken {
                        rows.remove(&taken);
                    }
                }
                rows.add(&key, bytes(dice.below(4), dice.below(3)));
                if is_new {
                    let rank = rows.row(&key).unwrap().rank();
                    ranking.enter(key, rank);
                }
            }
            assert_eq!(ranking.notes.len(), rows.len(), "one note for each key");
        }
    }
}
