//! What holds with either barrier. Every pin of this process holds back what every test retires: one test at a time.

#![expect(clippy::unwrap_used, reason = "what a test calls fails as the test does")]

use std::cell::RefCell;
use std::sync::{Arc, Barrier, Mutex, MutexGuard, PoisonError};

use streamgauge_table::{Claim, Entry, Pin, Table, prepare_thread};
use streamgauge_testkit::count;

use crate::ready;

type Shared = Arc<Table<Arc<()>>>;

fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ready();
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A table with one entry, and what tells whether the entry was freed.
fn table() -> (Shared, Arc<()>) {
    let (table, value) = (Arc::new(Table::with_room_for(0)), Arc::new(()));
    put(&table, &value);
    (table, value)
}

fn put(table: &Table<Arc<()>>, value: &Arc<()>) {
    let entry = Entry::new(b"key", Arc::clone(value));
    assert!(matches!(table.claim(&entry, || Ok::<_, ()>(())), Claim::Inserted));
}

fn remove(table: &Table<Arc<()>>) {
    let entry = table.with(b"key", Entry::clone).unwrap();
    assert!(table.remove(&entry));
}

fn is_freed(value: &Arc<()>) -> bool {
    Arc::strong_count(value) == 1
}

#[test]
fn a_pin_holds_back_what_was_retired_since_it_began() {
    let _alone = alone();
    let (table, value) = table();
    let pin = table.pin();
    let found = pin.find(b"key").unwrap();
    remove(&table);
    for _ in 0..3 {
        let reclaimed = table.reclaim();
        assert_eq!((reclaimed.freed, reclaimed.waiting), (0, 1));
    }
    assert!(!is_freed(&value) && found.key() == b"key");
    drop(pin);
    assert_eq!(table.reclaim().freed, 1);
    assert!(is_freed(&value));
}

#[test]
fn a_pin_holds_back_by_itself_whatever_is_pinned_within_it() {
    let _alone = alone();
    let (table, value) = table();
    let entry = table.with(b"key", Entry::clone).unwrap();
    let pin = table.pin();
    let found = pin.find(b"key").unwrap();
    // With an entry at hand nothing is looked up, and no other pin is taken.
    assert!(table.remove(&entry));
    drop(entry);
    assert_eq!(table.reclaim().freed, 0);
    // What is pinned within it begins in a later epoch, and is not what counts.
    let later = table.pin();
    assert_eq!(table.reclaim().freed, 0);
    drop(later);
    assert_eq!(table.reclaim().freed, 0);
    assert!(!is_freed(&value) && found.key() == b"key");
    drop(pin);
    assert_eq!(table.reclaim().freed, 1);
    assert!(is_freed(&value));
}

#[test]
fn no_threads_pin_is_overlooked() {
    let _alone = alone();
    let (table, value) = table();
    // Another entry beside it.
    let other = Entry::new(b"other", Arc::clone(&value));
    assert!(matches!(table.claim(&other, || Ok::<_, ()>(())), Claim::Inserted));
    let (pinned, unpin) = (Barrier::new(4), [(); 3].map(|()| Barrier::new(2)));
    let unpinned = Barrier::new(2);
    std::thread::scope(|scope| {
        for turn in &unpin {
            scope.spawn(|| {
                let pin = table.pin();
                pinned.wait();
                turn.wait();
                drop(pin);
                unpinned.wait();
            });
        }
        pinned.wait();
        remove(&table);
        assert!(table.remove(&other));
        drop(other);
        // The records are in an order of their own: each thread's is the last that is pinned in one of the rounds, or is not.
        for turn in &unpin {
            let reclaimed = table.reclaim();
            assert_eq!((reclaimed.freed, reclaimed.waiting), (0, 2));
            turn.wait();
            unpinned.wait();
        }
    });
    assert_eq!(table.reclaim().freed, 2);
    assert!(is_freed(&value));
}

#[test]
fn a_pin_does_not_hold_back_what_was_reclaimed_before() {
    let _alone = alone();
    let (table, value) = table();
    let early = table.pin();
    remove(&table);
    assert_eq!(table.reclaim().waiting, 1);
    // Another thread's pin, of a later epoch.
    let (pinned, done) = (Barrier::new(2), Barrier::new(2));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _late = table.pin();
            pinned.wait();
            done.wait();
        });
        pinned.wait();
        drop(early);
        assert_eq!(table.reclaim().freed, 1);
        assert!(is_freed(&value));
        done.wait();
    });
}

#[test]
fn pins_nest_and_are_dropped_in_any_order() {
    let _alone = alone();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let (table, value) = table();
        let mut pins: Vec<Option<Pin<'_, _>>> = (0..3).map(|_| Some(table.pin())).collect();
        remove(&table);
        for pin in order {
            assert_eq!(table.reclaim().freed, 0);
            pins[pin] = None;
        }
        assert_eq!(table.reclaim().freed, 1);
        assert!(is_freed(&value));
    }
}

#[test]
fn a_clone_made_under_a_pin_keeps_its_entry() {
    let _alone = alone();
    let (table, value) = table();
    let clone = table.with(b"key", Entry::clone).unwrap();
    remove(&table);
    assert_eq!(table.reclaim().freed, 1);
    assert!(!is_freed(&value));
    drop(clone);
    assert!(is_freed(&value));
}

#[test]
fn a_pin_that_a_panic_ends_is_ended() {
    let _alone = alone();
    let (table, value) = table();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        table.with(b"key", |_| panic!("on purpose"))
    }));
    assert!(outcome.is_err());
    remove(&table);
    assert_eq!(table.reclaim().freed, 1);
    assert!(is_freed(&value));
}

#[test]
fn threads_that_ended_hold_nothing_back_and_leave_their_records_to_others() {
    // A record has lines of its own; what the system needs for a destructor is smaller.
    const RECORD_BYTES: u64 = 128;
    let _alone = alone();
    let (table, value) = table();
    let mut made = 0;
    for _ in 0..100 {
        let (_, counts) = std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    count(|| {
                        prepare_thread();
                        assert!(table.with(b"key", |_| ()).is_some());
                    })
                })
                .join()
                .unwrap()
        });
        made += u64::from(counts.largest_allocation >= RECORD_BYTES);
    }
    // This thread's own record may be among the free ones or be made later.
    assert!(
        made <= 1,
        "{made} records for threads that came one after the other"
    );
    remove(&table);
    assert_eq!(table.reclaim().freed, 1);
    assert!(is_freed(&value));
}

/// Looks up when its thread has ended, as far as thread-locals are concerned.
struct Late(RefCell<Option<(Shared, Arc<()>)>>);

impl Drop for Late {
    fn drop(&mut self) {
        let Some((table, value)) = self.0.take() else {
            return;
        };
        let pin = table.pin();
        let found = pin.find(b"key").unwrap();
        remove(&table);
        assert_eq!(
            table.reclaim().freed,
            0,
            "held back by a pin of a thread that ends"
        );
        assert!(Arc::ptr_eq(&found, &value));
        drop(pin);
        assert_eq!(table.reclaim().freed, 1);
        put(&table, &value);
        assert!(table.with(b"key", |_| ()).is_some());
    }
}

#[test]
fn destructors_of_thread_locals_may_look_up() {
    thread_local! {
        static BEFORE: Late = const { Late(RefCell::new(None)) };
        static AFTER: Late = const { Late(RefCell::new(None)) };
    }
    let _alone = alone();
    let ((first, first_value), (second, second_value)) = (table(), table());
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            // One is registered before the thread's record is made and one after it: whichever way round the system runs
            // them, one of them comes after the record went back.
            BEFORE.with(|late| {
                late.0
                    .replace(Some((Arc::clone(&first), Arc::clone(&first_value))))
            });
            prepare_thread();
            AFTER.with(|late| {
                late.0
                    .replace(Some((Arc::clone(&second), Arc::clone(&second_value))))
            });
        });
        // The end of the scope would wait for the closure alone; a join waits for the thread-locals too.
        thread.join().unwrap();
    });
    for (table, value) in [(first, first_value), (second, second_value)] {
        assert!(!is_freed(&value), "the destructor put it in again");
        remove(&table);
        assert_eq!(table.reclaim().freed, 1);
        assert!(is_freed(&value));
    }
}

#[test]
fn a_pin_that_outlives_its_threads_lease_hands_the_record_back_later() {
    struct Keeps(RefCell<Option<Pin<'static, Arc<()>>>>);
    impl Drop for Keeps {
        fn drop(&mut self) {
            drop(self.0.take());
        }
    }
    thread_local! {
        static FIRST: Keeps = const { Keeps(RefCell::new(None)) };
    }
    let _alone = alone();
    let table: &'static Table<Arc<()>> = Box::leak(Box::new(Table::with_room_for(0)));
    let value = Arc::new(());
    put(table, &value);
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            // Registered first, it is dropped last: after the lease.
            FIRST.with(|_| ());
            FIRST.with(|keeps| keeps.0.replace(Some(table.pin())));
        });
        // The end of the scope would wait for the closure alone; a join waits for the thread-locals too.
        thread.join().unwrap();
    });
    remove(table);
    assert_eq!(table.reclaim().freed, 1);
    assert!(is_freed(&value));
}
