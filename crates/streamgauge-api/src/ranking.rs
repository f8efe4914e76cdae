//! The top N of a walk: a heap that never holds more, so that neither all is sorted nor anything else kept.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What ranks highest of what it was offered. Of equals, those offered first.
#[derive(Debug)]
pub(crate) struct Ranking<T> {
    limit: usize,
    offered: u64,
    /// The least on top.
    heap: BinaryHeap<Reverse<Entry<T>>>,
}

#[derive(Debug)]
struct Entry<T> {
    rank: (u128, Reverse<u64>),
    item: T,
}

impl<T> Ranking<T> {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            offered: 0,
            heap: BinaryHeap::with_capacity(limit),
        }
    }

    /// Takes an item if it is among the highest so far.
    pub(crate) fn offer(&mut self, rank: u128, item: T) {
        let rank = (rank, Reverse(self.offered));
        self.offered += 1;
        if self.heap.len() < self.limit {
            self.heap.push(Reverse(Entry { rank, item }));
        } else if let Some(mut least) = self.heap.peek_mut()
            && least.0.rank < rank
        {
            *least = Reverse(Entry { rank, item });
        }
    }

    /// The items, the highest first.
    pub(crate) fn into_items(self) -> impl Iterator<Item = T> {
        // Sorted ascending by Reverse: the highest first.
        self.heap
            .into_sorted_vec()
            .into_iter()
            .map(|Reverse(entry)| entry.item)
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}

/// A bitrate, or a sum of such, as a rank. Those that are not negative order as their bits do.
pub(crate) fn of_bitrate(bitrate: f64) -> u128 {
    u128::from(bitrate.max(0.0).to_bits())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Ranking, of_bitrate};

    proptest! {
        #[test]
        fn a_ranking_is_the_front_of_a_stable_sort(ranks in prop::collection::vec(0_u8..20, 0..200), limit in 0_usize..30) {
            let mut ranking = Ranking::new(limit);
            let mut sorted: Vec<(u8, usize)> = Vec::new();
            for (at, rank) in ranks.into_iter().enumerate() {
                ranking.offer(u128::from(rank), (rank, at));
                prop_assert!(ranking.heap.len() <= limit);
                sorted.push((rank, at));
            }
            sorted.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
            sorted.truncate(limit);
            prop_assert_eq!(ranking.into_items().collect::<Vec<_>>(), sorted);
        }

        #[test]
        fn bitrates_rank_as_they_compare(one in 0.0..1e15_f64, other in 0.0..1e15_f64) {
            prop_assert_eq!(one.total_cmp(&other), of_bitrate(one).cmp(&of_bitrate(other)));
        }
    }

    #[test]
    fn what_is_no_bitrate_ranks_least() {
        assert_eq!(
            (of_bitrate(f64::NAN), of_bitrate(-1.0), of_bitrate(0.0)),
            (0, 0, 0)
        );
    }
}
