//! Models of the protocols, run under loom: every interleaving of two or three threads, with every value that the orderings
//! let a load return.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p streamgauge-table --release --lib models`. Under the models a bucket has two slots
//! and a segment two buckets, and pins are swaps. Memory is never given back: what is freed is marked dead through a cell
//! that loom watches, and every reader looks at the mark. So a read that comes too late, or that nothing orders before the
//! free, fails the model. What weakening breaks which model is listed in docs/memory-model.md.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use loom::thread;

use crate::canary::Canary;
use crate::domain::Domain;
use crate::entry::Entry;
use crate::hold::Hold;
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

/// M7: the free comes after all that any holder of a clone did.
#[test]
fn m7_the_last_clone_frees() {
    loom::model(|| {
        let entry = Entry::new(b"key", Value::new());
        let other = {
            let entry = entry.clone();
            thread::spawn(move || entry.0.look())
        };
        entry.0.look();
        drop(entry);
        other.join().unwrap();
    });
}

/// M8: what a lookup finds is whole.
#[test]
fn m8_lookup_against_insertion() {
    bounded(|| {
        let table = table(&[]);
        race(
            &table,
            |table| {
                look(table, ONE);
            },
            |table| insert(table, ONE),
        );
        assert!(look(&table, ONE));
    });
}

/// M8: what is put and cleared beside an entry does not show where it should not.
#[test]
fn m8_lookup_against_other_insertions_and_removals() {
    bounded(|| {
        let table = table(&[ONE]);
        let entry = take(&table, ONE);
        race(
            &table,
            |table| {
                look(table, ONE);
                look(table, TWO);
            },
            |table| {
                insert(table, TWO);
                assert!(table.remove(&entry));
            },
        );
        assert!(!look(&table, ONE) && look(&table, TWO));
    });
}

/// M8: an entry that stays is found while its segment is split and the directory doubled; what was outgrown is freed when
/// nobody reads it.
#[test]
fn m8_lookup_against_a_split_that_doubles_the_directory() {
    bounded(|| {
        let table = table(&[ONE, HIGH]);
        race(
            &table,
            |table| assert!(look(table, ONE)),
            |table| {
                // One split tells the two there from each other; a second is needed for what comes after, and a longer
                // directory.
                insert(table, LOW);
                insert(table, TWO);
                table.reclaim();
            },
        );
        assert!([ONE, TWO, LOW, HIGH].into_iter().all(|key| look(&table, key)));
    });
}

/// M8: an entry that stays is found while its segment is split in a directory that is long enough.
#[test]
fn m8_lookup_against_a_split() {
    bounded(|| {
        let table = table(&[ONE, HIGH]);
        race(
            &table,
            |table| assert!(look(table, ONE)),
            |table| {
                insert(table, LOW);
                table.reclaim();
            },
        );
        assert!([ONE, LOW, HIGH].into_iter().all(|key| look(&table, key)));
    });
}

/// M8: where all hashes are the same, an entry that stays is found while segments are chained, and while one before it goes.
#[test]
fn m8_lookup_against_a_chain() {
    bounded(|| {
        let key = |last: u8| [&ONE[..], &[last]].concat();
        let table = table(&[]);
        for last in 0..4 {
            insert(&table, key(last));
        }
        let first = table.with(&key(0), Entry::clone).unwrap();
        race(
            &table,
            move |table| {
                assert!(look(table, key(3)));
                look(table, key(4));
            },
            |table| {
                insert(table, key(4));
                assert!(table.remove(&first));
            },
        );
        assert!(look(&table, key(3)) && look(&table, key(4)) && !look(&table, key(0)));
    });
}

/// Removes the one entry, and frees it if nobody reads it.
fn remove_and_reclaim(table: &Small, entry: Entry<Value>) {
    assert!(table.remove(&entry));
    drop(entry);
    table.reclaim();
}

/// M9: an entry is not freed while a pin that found it is held, and is freed afterwards.
#[test]
fn m9_lookup_against_removal_and_reclamation() {
    bounded(|| {
        let table = table(&[ONE]);
        let entry = take(&table, ONE);
        race(
            &table,
            |table| {
                look(table, ONE);
            },
            |table| remove_and_reclaim(table, entry),
        );
        assert!(!look(&table, ONE));
    });
}

/// M9: the same for a thread that pins again and again.
#[test]
fn m9_two_pins_against_removal_and_reclamation() {
    bounded(|| {
        let table = table(&[ONE]);
        let entry = take(&table, ONE);
        race(
            &table,
            |table| {
                look(table, ONE);
                look(table, ONE);
            },
            |table| remove_and_reclaim(table, entry),
        );
    });
}

/// M9: a clone made under a pin keeps the entry after the table has let go of it.
#[test]
fn m9_a_clone_made_under_a_pin_outlives_the_reclamation() {
    bounded(|| {
        let table = table(&[ONE]);
        let entry = take(&table, ONE);
        race(
            &table,
            |table| {
                if let Some(clone) = table.with(&ONE, Entry::clone) {
                    clone.0.look();
                }
            },
            |table| remove_and_reclaim(table, entry),
        );
    });
}

/// M9: two reclaimers, one batch each, against one pin.
#[test]
fn m9_two_reclaimers() {
    bounded(|| {
        let table = table(&[ONE, LOW]);
        let (one, low) = (take(&table, ONE), take(&table, LOW));
        let first = spawn(&table, move |table| {
            table.remove(&one);
            drop(one);
            table.reclaim();
        });
        let second = spawn(&table, move |table| {
            table.remove(&low);
            drop(low);
            table.reclaim();
        });
        look(&table, ONE);
        first.join().unwrap();
        second.join().unwrap();
    });
}

/// M9: a record goes from one thread to another, with what its owner left in it.
#[test]
fn m9_a_record_is_handed_over() {
    loom::model(|| {
        let domain = Domain::global();
        let record = domain.take_record();
        record.pin();
        let other = thread::spawn(|| {
            let record = Domain::global().take_record();
            record.pin();
            assert!(
                Domain::global()
                    .oldest_pin()
                    .is_some_and(|oldest| oldest < u64::MAX)
            );
            record.unpin();
            assert!(record.leave());
        });
        record.unpin();
        assert!(record.leave());
        other.join().unwrap();
        // Whether it is the second thread's or this one's again: its owner's number is what the last owner left.
        let again = domain.take_record();
        assert!(again.leave());
    });
}

/// M9: nested pins are one.
#[test]
fn m9_nested_pins_against_reclamation() {
    bounded(|| {
        let table = table(&[ONE]);
        let entry = take(&table, ONE);
        race(
            &table,
            |table| {
                let outer = Hold::new();
                if let Some(found) = table.pin().find(&ONE) {
                    drop(Hold::new());
                    found.0.look();
                }
                drop(outer);
            },
            |table| remove_and_reclaim(table, entry),
        );
    });
}

/// Checks with at most three forced switches: a fault of these protocols needs no more, and all of them would take days.
fn bounded(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.max_branches = 10_000;
    builder.check(model);
}
