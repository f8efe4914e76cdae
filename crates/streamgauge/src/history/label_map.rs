//! A map from a label to a value, cheap to copy.

use std::fmt;
use std::ops::Bound;

use rpds::RedBlackTreeMapSync;

use crate::label::Label;

/// A map from a label to a value, ordered by label. Cloning it copies a pointer.
#[derive(Clone)]
pub struct LabelMap<V> {
    map: RedBlackTreeMapSync<Label, V>,
}

impl<V> LabelMap<V> {
    /// The value under `label`.
    ///
    /// Cost: O(log n); no alloc; no lock.
    #[must_use]
    pub fn get(&self, label: &str) -> Option<&V> {
        self.map.get(label)
    }

    /// Labels and values, ordered by label.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.map.iter().map(|(label, value)| (&**label, value))
    }

    /// Labels behind `label`, and their values, ordered by label, whether or not `label` itself is there: a walk that
    /// stops goes on behind where it stopped.
    ///
    /// Cost: O(log n) for the first; no lock.
    pub fn after(&self, label: &str) -> impl Iterator<Item = (&str, &V)> {
        self.map
            .range::<str, _>((Bound::Excluded(label), Bound::Unbounded))
            .map(|(label, value)| (&**label, value))
    }

    /// How many labels there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.map.size()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }
}

impl<V: Clone + Default> LabelMap<V> {
    /// Changes the value under `label`, which starts as the default.
    pub(crate) fn update(&mut self, label: &Label, change: impl FnOnce(&mut V)) {
        if let Some(value) = self.map.get_mut(label) {
            change(value);
        } else {
            let mut value = V::default();
            change(&mut value);
            self.map.insert_mut(label.clone(), value);
        }
    }

    /// Removes what is under `label`.
    pub(crate) fn remove(&mut self, label: &str) {
        self.map.remove_mut(label);
    }
}

impl<V> Default for LabelMap<V> {
    fn default() -> Self {
        Self {
            map: RedBlackTreeMapSync::new_sync(),
        }
    }
}

impl<V: PartialEq> PartialEq for LabelMap<V> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<V: fmt::Debug> fmt::Debug for LabelMap<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(feature = "serde")]
impl<V: serde::Serialize> serde::Serialize for LabelMap<V> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::LabelMap;

    #[test]
    fn a_copy_keeps_what_it_was_made_of() {
        let mut map = LabelMap::<u64>::default();
        let label: super::Label = "a".into();
        map.update(&label, |value| *value += 1);
        let copy = map.clone();
        map.update(&label, |value| *value += 1);
        map.update(&"b".into(), |value| *value += 5);
        assert_eq!((copy.get("a"), copy.len()), (Some(&1), 1));
        assert!(!copy.is_empty() && LabelMap::<u64>::default().is_empty());
        assert_eq!(map.iter().collect::<Vec<_>>(), [("a", &2), ("b", &5)]);
    }

    #[test]
    fn a_walk_goes_on_behind_a_label_that_may_be_gone() {
        let mut map = LabelMap::<u64>::default();
        for label in ["a", "c", "d"] {
            map.update(&label.into(), |value| *value += 1);
        }
        let after = |label| map.after(label).map(|(label, _)| label).collect::<Vec<_>>();
        assert_eq!(after(""), ["a", "c", "d"]);
        assert_eq!(after("a"), ["c", "d"]);
        assert_eq!(after("b"), ["c", "d"]);
        assert_eq!(after("d"), Vec::<&str>::new());
    }

    #[test]
    fn what_is_removed_is_gone_here_and_stays_in_a_copy() {
        let mut map = LabelMap::<u64>::default();
        for label in ["a", "b", "c"] {
            map.update(&label.into(), |value| *value += 1);
        }
        let copy = map.clone();
        map.remove("b");
        map.remove("never there");
        assert_eq!(map.iter().collect::<Vec<_>>(), [("a", &1), ("c", &1)]);
        assert_eq!((map.get("b"), copy.get("b")), (None, Some(&1)));
    }

    #[test]
    fn maps_are_equal_if_their_labels_and_values_are() {
        let map = |entries: &[(&str, u64)]| {
            let mut map = LabelMap::<u64>::default();
            for (label, number) in entries {
                map.update(&(*label).into(), |value| *value += number);
            }
            map
        };
        assert_eq!(map(&[("a", 1), ("b", 2)]), map(&[("b", 2), ("a", 1)]));
        for other in [&[("a", 1)][..], &[("a", 1), ("b", 3)], &[("a", 1), ("c", 2)]] {
            assert_ne!(map(&[("a", 1), ("b", 2)]), map(other));
        }
    }
}
