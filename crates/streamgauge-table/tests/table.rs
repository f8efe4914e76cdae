//! What the table holds, finds, refuses and forgets.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test calls fails as the test does"
)]

use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use ahash::RandomState;
use streamgauge_table::{Claim, Entry, Table};

/// Every key has the same hash.
#[derive(Clone, Copy, Default)]
struct Constant;

impl BuildHasher for Constant {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self
    }
}

impl Hasher for Constant {
    fn write(&mut self, _: &[u8]) {}

    fn finish(&self) -> u64 {
        0x0123_4567_89ab_cdef
    }
}

fn claim<T, S: BuildHasher>(table: &Table<T, S>, entry: &Entry<T>) -> bool {
    match table.claim(entry, || Ok::<_, ()>(())) {
        Claim::Inserted => true,
        Claim::Taken(other) => {
            assert_eq!(other.key(), entry.key());
            false
        }
        Claim::Declined(()) => panic!("nobody declines"),
    }
}

fn entry(number: u64) -> Entry<u64> {
    Entry::new(format!("viewer-{number}").as_bytes(), number)
}

fn find<S: BuildHasher>(table: &Table<u64, S>, number: u64) -> Option<u64> {
    table.with(format!("viewer-{number}").as_bytes(), |entry| **entry)
}

/// Reclaims until nothing waits: the tests beside this one pin too, each for a moment. Answers what was freed.
fn reclaim_all<T, S: BuildHasher>(table: &Table<T, S>) -> usize {
    let mut freed = 0;
    loop {
        let reclaimed = table.reclaim();
        freed += reclaimed.freed;
        if reclaimed.waiting == 0 {
            return freed;
        }
        std::thread::yield_now();
    }
}

/// Fills a table, empties it in another order, and fills it again, with all of it looked up on the way.
fn fills_and_empties<S: BuildHasher>(table: &Table<u64, S>, entries: u64, step: u64) {
    let all: Vec<_> = (0..entries).map(entry).collect();
    for _ in 0..2 {
        for (number, one) in (0..).zip(&all) {
            assert_eq!(find(table, number), None);
            assert!(claim(table, one) && !claim(table, &entry(number)));
            assert_eq!(find(table, number), Some(number));
        }
        assert_eq!((table.len(), table.is_empty()), (all.len(), false));
        assert!((0..entries).all(|number| find(table, number) == Some(number)));
        let listed: HashSet<u64> = table.entries().iter().map(|entry| **entry).collect();
        assert_eq!((listed.len(), table.entries().len()), (all.len(), all.len()));
        // `step` has no factor in common with the number of entries: each is met once.
        for turn in 0..entries {
            let number = turn * step % entries;
            let one = &all[usize::try_from(number).unwrap()];
            assert!(table.remove(one) && !table.remove(one));
            assert_eq!(find(table, number), None);
            let next = (turn + 1) * step % entries;
            assert_eq!(find(table, next), (turn + 1 < entries).then_some(next));
        }
        assert!(table.is_empty() && table.entries().is_empty());
        reclaim_all(table);
    }
    assert!(all.iter().all(|one| one.references() == 1));
}

#[test]
fn an_empty_table_finds_nothing() {
    let table = Table::<u64>::with_room_for(0);
    assert_eq!((find(&table, 1), table.len()), (None, 0));
    assert_eq!(table.with(b"", |_| ()), None);
    assert!(!table.remove(&entry(1)));
    assert_eq!((table.reclaim().freed, table.reclaim().waiting), (0, 0));
}

#[test]
fn a_table_grows_from_nothing_and_back() {
    fills_and_empties(&Table::with_room_for(0), 200_000, 70_001);
}

#[test]
fn a_table_with_room_does_not_grow() {
    // Where keys fall together a part is split all the same, with one seed in some fifteen: this one is not among them.
    let table = Table::with_hasher(20_000, RandomState::with_seeds(1, 2, 3, 4));
    for number in 0..20_000 {
        assert!(claim(&table, &entry(number)));
    }
    assert_eq!(reclaim_all(&table), 0, "no part of it was replaced");
}

#[test]
fn equal_hashes_are_slow_and_right() {
    fills_and_empties(&Table::with_hasher(0, Constant), 2_000, 701);
}

#[test]
fn keys_that_went_on_are_found_when_those_that_sent_them_on_are_gone() {
    // A bucket holds seven: one key goes on, one bucket is full of such, and so on.
    for entries in [8_u64, 9, 14, 15, 22] {
        let table = Table::with_hasher(0, Constant);
        let all: Vec<_> = (0..entries).map(entry).collect();
        assert!(all.iter().all(|one| claim(&table, one)));
        for (number, one) in (0..).zip(&all) {
            assert!(table.remove(one));
            for other in 0..entries {
                assert_eq!(find(&table, other), (other > number).then_some(other));
            }
        }
    }
}

#[test]
fn keys_are_compared_whole() {
    let table = Table::with_hasher(0, Constant);
    // Of each length two keys that differ in one byte, the byte being each in turn.
    let mut keys = vec![Vec::new()];
    for len in [1, 3, 4, 7, 8, 9, 15, 16, 17, 40] {
        keys.push(vec![0; len]);
        for at in 0..len {
            let mut key = vec![0; len];
            key[at] = 1;
            keys.push(key);
        }
    }
    for (number, key) in (0..).zip(&keys) {
        assert!(claim(&table, &Entry::new(key, number)), "{key:?}");
    }
    for (number, key) in (0_u64..).zip(&keys) {
        assert_eq!(table.with(key, |entry| **entry), Some(number), "{key:?}");
    }
}

#[test]
fn a_removal_takes_the_very_entry_and_never_its_successor() {
    let table = Table::with_room_for(0);
    let (old, new) = (entry(1), entry(1));
    assert!(claim(&table, &old) && table.remove(&old) && claim(&table, &new));
    assert!(!table.remove(&old));
    assert!(
        table
            .with(new.key(), |found| Entry::is_same(found, &new))
            .unwrap()
    );
    assert!(table.remove(&new));
}

#[test]
fn announce_runs_once_before_the_entry_can_be_found_and_may_decline() {
    let table = Table::with_room_for(0);
    let declined = table.claim(&entry(1), || Err("no"));
    assert!(matches!(declined, Claim::Declined("no")));
    assert_eq!(find(&table, 1), None);
    let mut announced = 0;
    let claimed = table.claim(&entry(1), || {
        announced += 1;
        assert_eq!(find(&table, 1), None);
        Ok::<_, ()>(())
    });
    assert!(matches!(claimed, Claim::Inserted));
    let taken = table.claim(&entry(1), || -> Result<(), ()> { panic!("the key is taken") });
    assert!(matches!(taken, Claim::Taken(_)) && announced == 1);
}

#[test]
fn a_panic_in_announce_leaves_the_table_whole() {
    let table = Table::with_room_for(0);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        table.claim(&entry(1), || -> Result<(), ()> { panic!("on purpose") })
    }));
    assert!(outcome.is_err() && find(&table, 1).is_none());
    assert!(claim(&table, &entry(1)) && find(&table, 1) == Some(1));
}

#[test]
fn many_keys_side_by_side_are_found_as_one_by_one() {
    let table = Table::with_room_for(0);
    for number in (0..1_000).filter(|number| number % 3 != 0) {
        assert!(claim(&table, &entry(number)));
    }
    for len in [0, 1, 15, 16, 17, 100] {
        let keys: Vec<String> = (0..len).map(|number| format!("viewer-{}", number / 2)).collect();
        let mut seen = Vec::new();
        table.pin().find_each(
            &keys,
            |key| key.as_bytes(),
            |at, _, found| {
                seen.push((at, found.map(|entry| **entry)));
            },
        );
        let expected: Vec<_> = (0..len)
            .map(|at| (usize::try_from(at).unwrap(), find(&table, at / 2)))
            .collect();
        assert_eq!(seen, expected);
    }
}

#[test]
fn what_comes_between_two_of_many_is_seen_by_the_second() {
    let table = Table::with_room_for(0);
    let one = entry(1);
    assert!(claim(&table, &one));
    let mut seen = Vec::new();
    table.pin().find_each(
        &["viewer-1", "viewer-2", "viewer-1"],
        |key| key.as_bytes(),
        |at, _, found| {
            seen.push(found.map(|entry| **entry));
            if at == 0 {
                assert!(table.remove(&one) && claim(&table, &entry(2)));
            }
        },
    );
    assert_eq!(seen, [Some(1), Some(2), None]);
}

#[test]
fn a_dropped_table_drops_what_it_holds_and_what_it_retired() {
    let value = Arc::new(());
    let table = Table::with_room_for(0);
    for number in 0..2_000_u64 {
        let entry = Entry::new(&number.to_le_bytes(), Arc::clone(&value));
        assert!(claim(&table, &entry));
        if number % 2 == 0 {
            assert!(table.remove(&entry));
        }
    }
    let kept = table.with(&1_u64.to_le_bytes(), Entry::clone).unwrap();
    assert_eq!(Arc::strong_count(&value), 2_001);
    drop(table);
    assert_eq!(Arc::strong_count(&value), 2);
    drop(kept);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn a_value_may_use_the_table_that_drops_it() {
    struct Nosy(Arc<Table<u64>>);
    impl Drop for Nosy {
        fn drop(&mut self) {
            assert!(claim(&self.0, &entry(7)));
            self.0.reclaim();
        }
    }
    let other = Arc::new(Table::with_room_for(0));
    let table = Table::with_room_for(0);
    let nosy = Entry::new(b"nosy", Nosy(Arc::clone(&other)));
    assert!(claim(&table, &nosy) && table.remove(&nosy));
    drop(nosy);
    assert_eq!(
        (find(&other, 7), reclaim_all(&table), find(&other, 7)),
        (None, 1, Some(7))
    );
}

#[test]
fn tables_and_entries_go_where_their_values_may() {
    fn goes<X: Send + Sync>() {}
    goes::<Table<u64>>();
    goes::<Entry<u64>>();
    goes::<Table<Arc<str>>>();
}
