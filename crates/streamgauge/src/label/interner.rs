//! The labels of one collector, each text stored once.
//!
//! Sharded: a registration locks the shard of each of its labels for a probe, and where a shard grows, that rehashes one
//! small part of all labels. Randomly keyed, since labels can come from attackers.
//!
//! A table doubles when it is seven eighths full. Were the shards alike, all of them would double at about the same number
//! of labels, and be not half full afterwards: 19 bytes a label. So they are not: the last is asked for twice as many labels
//! as the first, the others for something between, and whatever the number of labels is, some shards have doubled of late
//! and some have yet to. A place then costs some 15 bytes a label at all times.
//!
//! The interner itself holds one reference to each label. A label that nobody else holds is let go by a sweep: the sampler
//! walks a bounded number of buckets in each collection, and only after sessions have ended. A session is held by
//! summaries for two collections after it ended, so its labels are free at the third: each ended session makes three
//! passes due. What a handle or a reader's summary holds for longer goes with the passes that a later end makes due. So
//! the interner has the labels of the sessions and history keys there are, and until the next end those of sessions that
//! somebody held on to.
//!
//! Registrations and the loading of a history write; the sampler sweeps. Cost of a label: a hash, a lock, a probe; an
//! allocation if it is new.

use std::fmt;

use ahash::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::Label;
use crate::sync::{Mutex, lock};

/// How many shards there are; a power of two.
const SHARDS: usize = if cfg!(loom) { 1 } else { 256 };

/// The most buckets that one sweep looks at, or as many for each label that came since the one before.
const BUCKETS_PER_SWEEP: usize = 8_192;

/// A label has at most about two places, so this finds more of them than came.
const BUCKETS_PER_NEW_LABEL: usize = 4;

/// Passes over all shards that follow the end of a session, each in collections of its own.
const PASSES: u32 = 3;

/// A shard with fewer labels than capacity / this shrinks.
const SPARSE: usize = 8;

/// Every label of a collector that is held somewhere.
pub(crate) struct Interner {
    keys: RandomState,
    shards: Box<[Mutex<HashTable<Label>>]>,
    sweep: Mutex<Sweep>,
}

/// How far the sweep has come.
#[derive(Debug, Default)]
struct Sweep {
    shard: usize,
    bucket: usize,
    passes_due: u32,
    /// How many labels the last sweep left.
    labels_left: usize,
}

impl Interner {
    pub(crate) fn new() -> Self {
        Self {
            // A model is run again and again, and has to take the same steps.
            keys: if cfg!(loom) {
                RandomState::with_seeds(1, 2, 3, 4)
            } else {
                RandomState::new()
            },
            shards: (0..SHARDS).map(|_| Mutex::new(HashTable::new())).collect(),
            sweep: Mutex::default(),
        }
    }

    /// The label of this text.
    pub(crate) fn label(&self, text: &str) -> Label {
        let hash = self.hash(text);
        let mut shard = lock(self.shard(hash));
        let entry = shard.entry(hash, |label| **label == *text, |label| self.hash(label));
        match entry {
            Entry::Occupied(label) => label.get().clone(),
            Entry::Vacant(place) => place.insert(Label::from(text)).get().clone(),
        }
    }

    fn hash(&self, text: &str) -> u64 {
        self.keys.hash_one(text)
    }

    /// The shard for this hash, by bits that the table of a shard uses neither for the bucket nor for the tag in it.
    fn shard(&self, hash: u64) -> &Mutex<HashTable<Label>> {
        /// Of the 16 bits that are asked.
        const ONE: usize = 1 << 16;
        let part = (hash >> 40) as usize & (ONE - 1);
        // About the binary logarithm of 1 + part, with both of them from 0 to 1: it rises by 1.34 of the part at first and by
        // 0.66 in the end, so that the last shards get twice what the first do.
        let bowed = part + part * (ONE - part) / ONE * 34 / 100;
        &self.shards[bowed * SHARDS / ONE]
    }

    /// Says that a session ended, whose labels may be nobody's soon.
    pub(crate) fn session_ended(&self) {
        lock(&self.sweep).passes_due = PASSES;
    }

    /// Lets go of labels that nobody holds any more, as many as a bounded look around finds; nothing where no session has
    /// ended. Called once in each collection.
    pub(crate) fn sweep(&self) {
        let mut sweep = lock(&self.sweep);
        let labels = self.len();
        // Whatever comes and goes, no more is left than came: a fixed number would be outrun.
        let came = labels.saturating_sub(std::mem::replace(&mut sweep.labels_left, labels));
        if sweep.passes_due == 0 {
            return;
        }
        let mut left = BUCKETS_PER_SWEEP.max(came * BUCKETS_PER_NEW_LABEL);
        while sweep.passes_due > 0 && left > 0 {
            let mut shard = lock(&self.shards[sweep.shard]);
            let end = shard.num_buckets().min(sweep.bucket + left);
            for bucket in sweep.bucket..end {
                if shard.get_bucket(bucket).is_some_and(Label::is_sole)
                    && let Ok(label) = shard.get_bucket_entry(bucket)
                {
                    // Only here and under the shard's lock could anybody have got another one.
                    drop(label.remove());
                }
            }
            // An empty shard costs a look, too.
            left -= (end - sweep.bucket).max(1);
            sweep.bucket = end;
            if end < shard.num_buckets() {
                break;
            }
            if shard.len() < shard.capacity() / SPARSE {
                let room = shard.len() * 2;
                shard.shrink_to(room, |label| self.hash(label));
            }
            sweep.bucket = 0;
            sweep.shard = (sweep.shard + 1) % SHARDS;
            if sweep.shard == 0 {
                // The next pass begins in the next collection, by when more labels are free.
                sweep.passes_due -= 1;
                break;
            }
        }
        sweep.labels_left = self.len();
    }

    /// How many labels there are.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }
}

impl fmt::Debug for Interner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interner").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{BUCKETS_PER_SWEEP, Interner, Label, PASSES};

    #[test]
    fn a_text_is_stored_once() {
        let interner = Interner::new();
        let one = interner.label("198.51.100.7");
        assert!(Label::is_same(&one, &interner.label("198.51.100.7")));
        assert!(!Label::is_same(&one, &interner.label("198.51.100.8")));
        assert_eq!(interner.label(""), "");
        assert_eq!(interner.len(), 3);
    }

    #[test]
    fn threads_that_ask_at_once_share_a_text() {
        let interner = Interner::new();
        let labels: Vec<Vec<Label>> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..2_000).map(|n: u32| interner.label(&n.to_string())).collect()))
                .collect();
            asking.into_iter().map(|labels| labels.join().unwrap()).collect()
        });
        assert_eq!(interner.len(), 2_000);
        for (n, label) in labels[0].iter().enumerate() {
            assert_eq!(*label, *n.to_string());
            assert!(labels.iter().all(|others| Label::is_same(label, &others[n])));
        }
    }

    #[test]
    fn p5_labels_that_nobody_holds_are_let_go() {
        let interner = Interner::new();
        let held: Vec<Label> = (0..50_000).map(|n: u32| interner.label(&n.to_string())).collect();
        let (kept, gone) = held.split_at(100);
        let kept = kept.to_vec();
        drop(gone.to_vec());
        drop(held);
        interner.sweep();
        assert_eq!(interner.len(), 50_000, "no session has ended");
        interner.session_ended();
        let mut sweeps = 0;
        let mut before = interner.len();
        while interner.len() > kept.len() {
            interner.sweep();
            assert!(before - interner.len() <= BUCKETS_PER_SWEEP, "a piece at a time");
            before = interner.len();
            sweeps += 1;
            assert!(sweeps < 100, "{before} are left");
        }
        assert!(sweeps > 5, "{sweeps}");
        for (n, label) in kept.iter().enumerate() {
            assert!(Label::is_same(label, &interner.label(&n.to_string())));
        }
        let room: usize = interner
            .shards
            .iter()
            .map(|shard| super::lock(shard).capacity())
            .sum();
        assert!(room < 10_000, "the shards shrank: {room}");
    }

    #[test]
    fn a_label_takes_about_as_many_places_however_many_there_are() {
        let interner = Interner::new();
        for n in 1..=160_000_u32 {
            interner.label(&n.to_string());
            // From the one number on, through more than twice as many: every shard doubles on the way.
            if n >= 60_000 && n % 5_000 == 0 {
                let labels = n as usize;
                let places: usize = interner
                    .shards
                    .iter()
                    .map(|shard| super::lock(shard).num_buckets())
                    .sum();
                let (least, most) = (labels * 15 / 10, labels * 18 / 10);
                assert!((least..most).contains(&places), "{places} at {n}");
            }
        }
    }

    #[test]
    fn a_shard_larger_than_a_sweep_is_swept_in_pieces_and_nothing_left_out() {
        let interner = Interner::new();
        {
            let mut shard = super::lock(&interner.shards[3]);
            for n in 0..20_000_u32 {
                let text = n.to_string();
                shard.insert_unique(interner.hash(&text), Label::from(&*text), |label| {
                    interner.hash(label)
                });
            }
            assert!(shard.num_buckets() > 3 * BUCKETS_PER_SWEEP);
        }
        // The first looks at as many as came.
        interner.sweep();
        interner.session_ended();
        let mut before = interner.len();
        while super::lock(&interner.sweep).passes_due == PASSES {
            interner.sweep();
            assert!(before - interner.len() <= BUCKETS_PER_SWEEP, "a piece at a time");
            before = interner.len();
        }
        assert_eq!(before, 0);
    }

    #[test]
    fn a_label_that_is_held_for_long_goes_when_a_later_session_ends() {
        let interner = Interner::new();
        let held = interner.label("held");
        for _ in 0..2 {
            interner.session_ended();
            for _ in 0..100 {
                interner.sweep();
            }
        }
        assert_eq!(interner.len(), 1);
        drop(held);
        interner.sweep();
        assert_eq!(interner.len(), 1);
        interner.session_ended();
        interner.sweep();
        assert_eq!(interner.len(), 0);
    }

    #[test]
    fn p5_labels_of_sessions_that_come_and_go_fast_do_not_pile_up() {
        const EACH: u32 = 20_000;
        let interner = Interner::new();
        let mut most = 0;
        for round in 0..40 {
            for n in 0..EACH {
                drop(interner.label(&(round * EACH + n).to_string()));
            }
            interner.session_ended();
            interner.sweep();
            most = interner.len();
        }
        assert!(most < 10 * EACH as usize, "{most} labels that nobody holds");
    }
}
