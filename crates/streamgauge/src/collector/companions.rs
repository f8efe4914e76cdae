//! The collectors whose bitrates count along with a collector's own.
//!
//! Held weakly: companions form meshes. The list is replaced whole, so a reader loads it without waiting.

use std::sync::{Arc, Weak};

use super::core::CollectorCore;
use crate::slot::Slot;
use crate::sync::{Mutex, lock};

/// The companions of one collector.
#[derive(Debug)]
pub(crate) struct Companions {
    list: Slot<Vec<Weak<CollectorCore>>>,
    /// Held by who replaces the list.
    change: Mutex<()>,
}

impl Companions {
    pub(crate) fn new() -> Self {
        Self {
            list: Slot::new(Arc::default()),
            change: Mutex::default(),
        }
    }

    /// Adds one. One that is there already, or is `own`, is ignored; ones that are gone are left out.
    pub(crate) fn add(&self, own: &Arc<CollectorCore>, other: &Arc<CollectorCore>) {
        let _changing = lock(&self.change);
        if Arc::ptr_eq(own, other) {
            return;
        }
        let mut list: Vec<_> = self
            .list
            .load()
            .iter()
            .filter(|known| known.strong_count() > 0)
            .map(Weak::clone)
            .collect();
        let other = Arc::downgrade(other);
        if list.iter().any(|known| known.ptr_eq(&other)) {
            return;
        }
        list.push(other);
        self.list.swap(Arc::new(list));
    }

    /// Those that are still there.
    pub(crate) fn all(&self) -> Vec<Arc<CollectorCore>> {
        self.list.load().iter().filter_map(Weak::upgrade).collect()
    }

    /// The sum of `value` over those that are still there.
    pub(crate) fn sum(&self, value: impl Fn(&CollectorCore) -> f64) -> f64 {
        self.list
            .load()
            .iter()
            .filter_map(Weak::upgrade)
            .map(|companion| value(&companion))
            .sum()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use crate::{Collector, CollectorConfig, ManualClock};

    #[test]
    fn p5_companions_that_are_gone_give_up_their_places() {
        let manual = || Collector::manual(CollectorConfig::default(), ManualClock::default());
        let (meter, stays) = (manual(), manual());
        meter.add_companion(&stays);
        for _ in 0..100 {
            meter.add_companion(&manual());
        }
        // An admission waits for those that are there.
        let there = meter.core().map_or(0, |core| core.companions.all().len());
        let places = meter.core().map_or(0, |core| core.companions.list.load().len());
        // The last one that came is found to be gone when the next one comes.
        assert_eq!((there, places), (1, 2));
    }
}
