//! The history as summaries show it: what rows add up to, by each label.

use super::snapshot::HistorySnapshot;
use super::{History, HistoryKey};
use crate::history::label_map::LabelMap;
use crate::label::Label;
use crate::stats::Stats;

impl History {
    /// Adds what was entered in the row under `key` to what stands under its labels.
    pub(super) fn show(&mut self, key: &HistoryKey, stats: Stats) {
        self.peers.update(&key.peer, |peer| {
            peer.stats.add(stats);
            peer.locations.update(&key.location, |row| row.add(stats));
        });
        self.locations.update(&key.location, |row| row.add(stats));
        self.references.update(&key.reference, |row| row.add(stats));
    }

    /// Takes out a row that has left `rows`. A label of which nothing is left goes.
    ///
    /// Cost: O(log n) for each view; where a sum was held at `u64::MAX`, a look at every row.
    pub(super) fn hide(&mut self, key: &HistoryKey, stats: Stats, rows: &HistorySnapshot) {
        let left = |sum: Option<&Stats>, is_under: &dyn Fn(&HistoryKey) -> bool| {
            let mut sum = sum.copied().unwrap_or_default();
            if sum.is_held() {
                let under = rows.rows().filter(|(key, _)| is_under(key));
                return Stats::sum(under.map(|(_, row)| row.stats));
            }
            sum.remove(stats);
            sum
        };
        let HistoryKey {
            location,
            peer,
            reference,
        } = key;

        let of_peer = self.peers.get(peer);
        let rest = left(of_peer.map(|peer| &peer.stats), &|row| row.peer == *peer);
        if rest == Stats::default() {
            self.peers.remove(peer);
        } else {
            let at_location = of_peer.and_then(|peer| peer.locations.get(location));
            let at_location = left(at_location, &|row| row.peer == *peer && row.location == *location);
            self.peers.update(peer, |peer| {
                peer.stats = rest;
                set(&mut peer.locations, location, at_location);
            });
        }
        let rest = left(self.locations.get(location), &|row| row.location == *location);
        set(&mut self.locations, location, rest);
        let rest = left(self.references.get(reference), &|row| row.reference == *reference);
        set(&mut self.references, reference, rest);
    }
}

fn set(map: &mut LabelMap<Stats>, label: &Label, stats: Stats) {
    if stats == Stats::default() {
        map.remove(label);
    } else {
        map.update(label, |sum| *sum = stats);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use crate::history::snapshot::HistorySnapshot;
    use crate::history::{History, HistoryKey};
    use crate::stats::Stats;

    #[test]
    fn p1_what_leaves_a_sum_that_was_held_at_its_most_leaves_what_is_under_its_labels() {
        let received = |bytes| Stats {
            total_rx_bytes: bytes,
            ..Stats::default()
        };
        let (mut history, mut rows) = (History::default(), HistorySnapshot::default());
        for (location, peer, reference, bytes) in [
            ("east", "p", "r1", u64::MAX),
            ("east", "p", "r2", 7),
            ("west", "p", "r3", 5),
            ("east", "q", "r4", 13),
            ("west", "q", "r1", 1),
        ] {
            let key = HistoryKey::new(location, peer, reference);
            rows.add(&key, received(bytes));
            history.show(&key, received(bytes));
        }
        let gone = HistoryKey::new("east", "p", "r1");
        rows.remove(&gone);
        history.hide(&gone, received(u64::MAX), &rows);
        let peer = history.peers.get("p").unwrap();
        assert_eq!(peer.stats, received(12));
        let at = |location| peer.locations.get(location).copied();
        assert_eq!((at("east"), at("west")), (Some(received(7)), Some(received(5))));
        assert_eq!(history.locations.get("east"), Some(&received(20)));
        assert_eq!(history.references.get("r1"), Some(&received(1)));
    }
}
