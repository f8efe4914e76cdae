//! M9: pins against reclamation, and the records that pins are written in.

use loom::thread;

use super::{
    Barrier, Entry, LOW, ONE, explore_both_barriers, explore_bounded, look, race, remove_and_reclaim, spawn,
    table, take,
};
use crate::domain::Domain;
use crate::hold::Hold;

/// M9: an entry is not freed while a pin that found it is held, and is freed afterwards.
#[test]
fn m9_lookup_against_removal_and_reclamation() {
    explore_both_barriers(|| {
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
    explore_both_barriers(|| {
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
    explore_both_barriers(|| {
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
    explore_both_barriers(|| {
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
    explore_both_barriers(|| {
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
    explore_both_barriers(|| {
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

/// M9: two reclaimers, each of a table of its own, against a pin that looks into both.
#[test]
fn m9_reclaimers_of_two_tables() {
    explore_both_barriers(|| {
        let tables = [table(&[ONE]), table(&[LOW])];
        let [one, low] = [(&tables[0], ONE), (&tables[1], LOW)].map(|(table, key)| take(table, key));
        let first = spawn(&tables[0], move |table| remove_and_reclaim(table, one));
        let second = spawn(&tables[1], move |table| remove_and_reclaim(table, low));
        let pin = Hold::new();
        look(&tables[0], ONE);
        look(&tables[1], LOW);
        drop(pin);
        first.join().unwrap();
        second.join().unwrap();
    });
}

/// M9: what a burst has found stays until its pin ends.
#[test]
fn m9_a_burst_against_removal_and_reclamation() {
    explore_both_barriers(|| {
        let table = table(&[ONE]);
        let entry = take(&table, ONE);
        race(
            &table,
            |table| {
                table.pin().find_each(
                    &[ONE, ONE],
                    |key| key,
                    |_, _, entry| entry.into_iter().for_each(|entry| entry.0.look()),
                );
            },
            |table| remove_and_reclaim(table, entry),
        );
    });
}

/// M9: what is retired while a pin is held is freed by the first call after its end.
///
/// For readers that leave it to the reclaimer alone. Where both sides use read-modify-writes, loom lets the reclaimer's second
/// one read what its first one wrote, and not the end of the pin that came after it, which the language forbids.
#[test]
fn m9_what_waits_is_freed_when_the_pin_has_ended() {
    Barrier::Reclaimers.choose();
    explore_bounded(|| {
        let table = table(&[ONE]);
        let entry = take(&table, ONE);
        let mark = std::sync::Arc::clone(&entry.0);
        race(
            &table,
            |table| {
                look(table, ONE);
            },
            |table| remove_and_reclaim(table, entry),
        );
        table.reclaim();
        assert!(mark.is_dead(), "nobody holds it back any more");
    });
}

/// M9: two threads make their records at once, and each may find the other's in the list.
#[test]
fn m9_two_threads_make_records() {
    explore_both_barriers(|| {
        let threads = [(); 2].map(|()| thread::spawn(|| drop(Hold::new())));
        assert_eq!(Domain::global().oldest_pin().map(|oldest| oldest > 0), Some(true));
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// M9: of two threads that want the record that a third has left, one takes it over.
#[test]
fn m9_two_threads_want_one_record() {
    explore_both_barriers(|| {
        assert!(Domain::global().take_record().leave());
        let threads = [(); 2].map(|()| {
            thread::spawn(|| {
                let record = Domain::global().take_record();
                record.pin();
                record.unpin();
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
    });
}
