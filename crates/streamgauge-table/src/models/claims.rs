//! M8: writers of one key.

use super::{Claim, Entry, ONE, Small, Value, explore_bounded, look, race, spawn, table, take};

fn claim(table: &Small, entry: &Entry<Value>) -> Option<Entry<Value>> {
    match table.claim(entry, || Ok::<_, ()>(())) {
        Claim::Inserted => None,
        Claim::Taken(other) => Some(other),
        Claim::Declined(()) => unreachable!("nobody declines"),
    }
}

/// M8: of two claims of one key, one inserts and the other gets what was inserted.
#[test]
fn m8_two_claims_of_one_key() {
    explore_bounded(|| {
        let table = table(&[]);
        let (own, others) = (Entry::new(&ONE, Value::new()), Entry::new(&ONE, Value::new()));
        let other = {
            let others = others.clone();
            spawn(&table, move |table| {
                if let Some(taken) = claim(table, &others) {
                    assert!(!Entry::is_same(&taken, &others));
                    taken.0.look();
                }
            })
        };
        let is_own = match claim(&table, &own) {
            None => true,
            Some(taken) => {
                assert!(Entry::is_same(&taken, &others));
                taken.0.look();
                false
            }
        };
        other.join().unwrap();
        let there = take(&table, ONE);
        assert!(Entry::is_same(&there, if is_own { &own } else { &others }));
        assert_eq!(table.len(), 1);
    });
}

/// M8: a removal takes its own entry, never the successor that another thread put in its place.
#[test]
fn m8_removal_against_a_successor() {
    explore_bounded(|| {
        let table = table(&[ONE]);
        let old = take(&table, ONE);
        let fresh = Entry::new(&ONE, Value::new());
        let (same_old, same_fresh) = (old.clone(), fresh.clone());
        race(
            &table,
            move |table| {
                // As a registration that finds a closed session.
                while let Some(taken) = claim(table, &same_fresh) {
                    assert!(Entry::is_same(&taken, &same_old));
                    table.remove(&taken);
                }
            },
            |table| {
                table.remove(&old);
                assert!(!table.remove(&old), "there once");
            },
        );
        assert!(Entry::is_same(&take(&table, ONE), &fresh));
        assert!(look(&table, ONE));
        assert_eq!(table.len(), 1);
    });
}
