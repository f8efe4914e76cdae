//! Models of the protocols, run under loom: every interleaving of two or three threads, with every value that the orderings
//! let a load return.
//!
//! `.ci/models` runs them. Under the models a bucket has two slots and a segment two buckets. Pins are swaps; those of M9 run
//! once more with plain stores, where a full fence on either side stands for membarrier(2). Memory is never given back: what
//! is freed is marked dead through a cell that loom watches, and every reader looks at the mark. So a read that comes too
//! late, or that nothing orders before the free, fails the model. Which weakening breaks which model is listed in
//! `.ci/mutations`, and `.ci/model-mutations` shows it.

mod claims;
mod entry;
mod lookups;
mod pins;

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use loom::thread;

use crate::barrier::Barrier;
use crate::canary::Canary;
use crate::entry::Entry;
use crate::table::{Claim, Table};

/// A value with a mark that outlives it.
struct Value(Arc<Canary>);

impl Value {
    fn new() -> Self {
        Self(Arc::new(Canary::new()))
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.0.kill();
    }
}

/// Takes a key of eight bytes for its hash.
#[derive(Clone, Copy, Default)]
struct Identity(u64);

impl BuildHasher for Identity {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl Hasher for Identity {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = u64::from_be_bytes(bytes[..8].try_into().unwrap());
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type Small = Table<Value, Identity>;

/// Keys of one bucket: two that only the last bit tells apart, one of the first half's other quarter, one of the other half.
const ONE: [u8; 8] = [0x00, 0, 0, 0, 0, 0, 1, 0];
const TWO: [u8; 8] = [0x00, 0, 0, 0, 0, 0, 2, 0];
const HIGH: [u8; 8] = [0x80, 0, 0, 0, 0, 0, 3, 0];
const LOW: [u8; 8] = [0x40, 0, 0, 0, 0, 0, 4, 0];

fn table(keys: &[[u8; 8]]) -> Arc<Small> {
    let table = Arc::new(Table::with_hasher(0, Identity(0)));
    for key in keys {
        insert(&table, *key);
    }
    table
}

fn insert(table: &Small, key: impl AsRef<[u8]>) {
    let claim = table.claim(&Entry::new(key.as_ref(), Value::new()), || Ok::<_, ()>(()));
    assert!(matches!(claim, Claim::Inserted));
}

/// Looks a key up, and at what was found; says whether it was.
fn look(table: &Small, key: impl AsRef<[u8]>) -> bool {
    let seen = table.with(key.as_ref(), |entry| {
        entry.0.look();
        assert_eq!(entry.key(), key.as_ref());
    });
    seen.is_some()
}

fn take(table: &Small, key: [u8; 8]) -> Entry<Value> {
    table.with(&key, Entry::clone).unwrap()
}

/// Runs a reader on a thread of its own beside a writer on this one. Not the other way round: of the accesses to an atomic
/// loom remembers the last alone, and a writer's own load would hide from it that the reader had looked before.
fn race(table: &Arc<Small>, reader: impl FnOnce(&Small) + 'static, writer: impl FnOnce(&Small)) {
    let reader = spawn(table, reader);
    writer(table);
    reader.join().unwrap();
}

fn spawn(table: &Arc<Small>, work: impl FnOnce(&Small) + 'static) -> thread::JoinHandle<()> {
    let table = Arc::clone(table);
    thread::spawn(move || work(&table))
}

/// Removes the one entry, and frees it if nobody reads it.
fn remove_and_reclaim(table: &Small, entry: Entry<Value>) {
    assert!(table.remove(&entry));
    drop(entry);
    table.reclaim();
}

/// Checks every interleaving.
fn explore(model: impl Fn() + Sync + Send + 'static) {
    check_with(None, model);
}

/// Checks with at most three forced switches: a fault of these protocols needs no more, and all of them would take days.
fn explore_bounded(model: impl Fn() + Sync + Send + 'static) {
    check_with(Some(3), model);
}

/// Checks with readers that swap, and with readers that leave it to the reclaimer.
fn explore_both_barriers(model: impl Fn() + Sync + Send + 'static) {
    let model = Arc::new(model);
    for barrier in [Barrier::Readers, Barrier::Reclaimers] {
        barrier.choose();
        let model = Arc::clone(&model);
        explore_bounded(move || model());
    }
}

fn check_with(preemption_bound: Option<usize>, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemption_bound;
    builder.max_branches = 100_000;
    let runs = Arc::new(std::sync::Mutex::new(0_u64));
    let counted = Arc::clone(&runs);
    builder.check(move || {
        *counted.lock().unwrap() += 1;
        model();
    });
    let runs = *runs.lock().unwrap();
    println!("{runs} interleavings");
    assert!(runs > 1, "a model of one interleaving checks nothing");
}
