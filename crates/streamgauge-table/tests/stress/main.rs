//! Threads that register, look up, replace, remove and reclaim at once, with values that know whether they are alive: with
//! keys that spread, and with keys that collide in their hash, in part or wholly.
//!
//! Each test is a round of a number of turns; `STREAMGAUGE_STRESS_SECONDS` has it run again, with other seeds, for so long. Run
//! as it is by the tests, under AddressSanitizer by `.ci/asan` and under ThreadSanitizer by `.ci/tsan`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test calls fails as the test does"
)]

mod collider;

use std::hash::BuildHasher;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use streamgauge_table::{Claim, Entry, Table, pin_by_swap};
use streamgauge_testkit::rounds;

use self::collider::Collider;

const ALIVE: u64 = 0x5e55_1045_a11e;
const KEYS: u64 = 600;
const READERS: u64 = 3;
const WRITERS: u64 = 2;

static MADE: AtomicU64 = AtomicU64::new(0);
static DROPPED: AtomicU64 = AtomicU64::new(0);

struct Value {
    alive: AtomicU64,
    number: u64,
    seen: AtomicU64,
}

impl Value {
    fn new(number: u64) -> Self {
        // Relaxed, here and below: what is counted is read after the threads were joined.
        MADE.fetch_add(1, Ordering::Relaxed);
        Self {
            alive: AtomicU64::new(ALIVE),
            number,
            seen: AtomicU64::new(0),
        }
    }

    fn see(&self, number: u64) {
        assert_eq!(
            self.alive.load(Ordering::Relaxed),
            ALIVE,
            "seen after it was dropped"
        );
        assert_eq!(self.number, number, "another key's value");
        self.seen.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        let alive = std::mem::replace(self.alive.get_mut(), 0);
        assert_eq!(alive, ALIVE, "dropped twice");
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

/// A number that the number before it does not betray (xorshift64).
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn key(number: u64) -> [u8; 20] {
    let mut key = *b"viewer-0000000000000";
    key[12..].copy_from_slice(&number.to_be_bytes());
    key
}

fn read<S: BuildHasher>(table: &Table<Value, S>, state: &mut u64) {
    let number = next(state) % (2 * KEYS);
    match next(state) % 8 {
        0 => {
            let numbers: Vec<u64> = (0..20).map(|_| next(state) % (2 * KEYS)).collect();
            let keys: Vec<_> = numbers.iter().map(|number| key(*number)).collect();
            table.pin().find_each(
                &keys,
                |key| key,
                |at, _, entry| {
                    entry.into_iter().for_each(|entry| entry.see(numbers[at]));
                },
            );
        }
        1 => {
            // A clone is used after its pin has ended.
            let clone = table.with(&key(number), Entry::clone);
            clone.into_iter().for_each(|entry| entry.see(number));
        }
        2 => {
            let (outer, inner) = (table.pin(), table.pin());
            let found = outer.find(&key(number));
            drop(inner);
            found.into_iter().for_each(|entry| entry.see(number));
        }
        _ => {
            table.with(&key(number), |entry| entry.see(number));
        }
    }
}

fn write<S: BuildHasher>(table: &Table<Value, S>, writer: u64, state: &mut u64, span: u64) {
    // Each writer has keys of its own, so that it knows what has to be there.
    let number = (next(state) % span) * WRITERS + writer;
    let fresh = Entry::new(&key(number), Value::new(number));
    match table.claim(&fresh, || Ok::<_, ()>(())) {
        Claim::Inserted => assert!(
            table
                .with(fresh.key(), |found| Entry::is_same(found, &fresh))
                .unwrap()
        ),
        Claim::Taken(old) => {
            old.see(number);
            assert!(table.remove(&old) && !table.remove(&old) && !table.remove(&fresh));
            assert!(table.with(fresh.key(), |_| ()).is_none());
            if next(state) & 1 == 0 {
                assert!(matches!(table.claim(&fresh, || Ok::<_, ()>(())), Claim::Inserted));
            }
        }
        Claim::Declined(()) => panic!("nobody declines"),
    }
}

/// Writers, readers and a reclaimer at one small table, so that growth is always near.
fn round<S: BuildHasher + Sync>(table: &Table<Value, S>, turns: u64, seed: u64) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                scope.spawn(move || {
                    let mut state = 1 + writer + 100 * seed;
                    for turn in 0..turns {
                        write(table, writer, &mut state, 1 + KEYS * turn / turns);
                    }
                })
            })
            .collect();
        let readers: Vec<_> = (0..READERS)
            .map(|reader| {
                let done = &done;
                scope.spawn(move || {
                    let mut state = 50 + reader + 100 * seed;
                    while !done.load(Ordering::Relaxed) {
                        read(table, &mut state);
                    }
                })
            })
            .collect();
        let reclaimer = {
            let done = &done;
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    table.reclaim();
                    for entry in table.entries() {
                        entry.see(u64::from_be_bytes(entry.key()[12..].try_into().unwrap()));
                    }
                }
            })
        };
        // However a writer ends, the others are let go.
        let ends: Vec<_> = writers
            .into_iter()
            .map(std::thread::ScopedJoinHandle::join)
            .collect();
        done.store(true, Ordering::Relaxed);
        // Each by itself: that is how ThreadSanitizer knows that it has ended.
        reclaimer.join().unwrap();
        for reader in readers {
            reader.join().unwrap();
        }
        assert!(ends.iter().all(Result::is_ok));
    });
    table.reclaim();
}

/// Runs rounds, each with a table of its own, and counts what was made and dropped.
fn storm<S: BuildHasher + Sync>(turns: u64, table: impl Fn() -> Table<Value, S>) {
    if std::env::var_os("STREAMGAUGE_PIN_BY_SWAP").is_some() {
        assert!(pin_by_swap());
    }
    // Pins hold back what is retired in every table of the process, and values are counted for all of it.
    let _alone = ALONE.lock().unwrap();
    rounds(|seed| {
        for part in 0..10 {
            let table = table();
            round(&table, turns / 10, 10 * seed + part);
            assert_eq!(table.reclaim().waiting, 0);
            let left = u64::try_from(table.len()).unwrap();
            let alive = MADE.load(Ordering::Relaxed) - DROPPED.load(Ordering::Relaxed);
            assert_eq!(alive, left);
            drop(table);
            assert_eq!(MADE.load(Ordering::Relaxed), DROPPED.load(Ordering::Relaxed));
        }
    });
}

static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn everything_at_once_loses_nothing_and_frees_once() {
    storm(20_000, || Table::with_room_for(0));
}

#[test]
fn keys_that_collide_lose_nothing_and_free_once() {
    // No more hashes than that: all keys in one chain; in a few, of one bucket; in one bucket each of many segments, with one
    // tag for all.
    for few in [0, 0x0300, 0xff00_0000_0000_0000] {
        storm(1_000, || Table::with_hasher(0, Collider { few }));
    }
}
