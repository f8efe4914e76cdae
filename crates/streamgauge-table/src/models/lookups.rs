//! M8: lookups while the table changes.

use super::{
    Entry, HIGH, LOW, ONE, TWO, explore_both_barriers, explore_bounded, insert, look, race, table, take,
};

/// M8: what a lookup finds is whole.
#[test]
fn m8_lookup_against_insertion() {
    explore_bounded(|| {
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
    explore_bounded(|| {
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
    explore_bounded(|| {
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
///
/// The segment is freed without the fence that an entry's last reference passes, so here the reclaimer's look at the pin has
/// to order the free by itself: it is checked for both kinds of pin.
#[test]
fn m8_lookup_against_a_split() {
    explore_both_barriers(|| {
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
    explore_bounded(|| {
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

/// M8: a key that stays is found while another that passed by the same bucket goes.
#[test]
fn m8_lookup_against_a_removal_on_its_way() {
    explore_bounded(|| {
        let key = |last: u8| [&ONE[..], &[last]].concat();
        let table = table(&[]);
        // Two in the first bucket, two that passed by it.
        for last in 0..4 {
            insert(&table, key(last));
        }
        let third = table.with(&key(2), Entry::clone).unwrap();
        race(
            &table,
            move |table| assert!(look(table, key(3))),
            |table| assert!(table.remove(&third)),
        );
        assert!(look(&table, key(3)) && !look(&table, key(2)));
    });
}

/// M8: a burst finds what stays while its segment is split.
#[test]
fn m8_a_burst_against_a_split() {
    explore_bounded(|| {
        let table = table(&[ONE, HIGH]);
        race(
            &table,
            |table| {
                let mut found = 0;
                table.pin().find_each(
                    &[ONE, HIGH],
                    |key| key,
                    |_, key, entry| {
                        let entry = entry.unwrap();
                        entry.0.look();
                        assert_eq!(entry.key(), key);
                        found += 1;
                    },
                );
                assert_eq!(found, 2);
            },
            |table| {
                insert(table, LOW);
                table.reclaim();
            },
        );
    });
}

/// M8: what was removed and freed is shown by no listing, and copied by no split.
#[test]
fn m8_a_listing_against_removal_and_reclamation() {
    explore_bounded(|| {
        let table = table(&[ONE, TWO]);
        let entry = take(&table, ONE);
        race(
            &table,
            |table| {
                for entry in table.entries() {
                    entry.0.look();
                }
            },
            |table| super::remove_and_reclaim(table, entry),
        );
        insert(&table, LOW);
        insert(&table, HIGH);
        let listed = table.entries();
        assert!(listed.iter().all(|entry| entry.key() != ONE));
        assert_eq!(listed.len(), 3);
        listed.iter().for_each(|entry| entry.0.look());
    });
}
