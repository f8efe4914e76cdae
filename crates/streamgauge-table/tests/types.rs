//! What each type of the public surface is to threads and to a caught panic, and how large it may be.
#![cfg(not(loom))]

use std::cell::Cell;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::MutexGuard;

use streamgauge_table::{Boxed, Claim, Entry, Found, Pin, Reclaimed, Table, Text};
use streamgauge_testkit::is;

/// `Send` and not `Sync`.
type Unshared = Cell<u64>;
/// `Sync` and not `Send`.
type Unsent = MutexGuard<'static, u64>;

/// Rows of a type and whether it is `Send`, `Sync`, `UnwindSafe`, `RefUnwindSafe` and `Unpin`.
macro_rules! table {
    ($($type:ty: $send:literal $sync:literal $unwind:literal $by_ref:literal $unpin:literal;)*) => {
        $(
            assert_eq!(
                [
                    is!($type: Send),
                    is!($type: Sync),
                    is!($type: UnwindSafe),
                    is!($type: RefUnwindSafe),
                    is!($type: Unpin),
                ],
                [$send == 1, $sync == 1, $unwind == 1, $by_ref == 1, $unpin == 1],
                stringify!($type is Send, Sync, UnwindSafe, RefUnwindSafe, Unpin)
            );
        )*
    };
}

#[test]
#[rustfmt::skip]
fn every_type_is_to_threads_and_panics_what_its_row_says() {
    table! {
        // Send Sync UnwindSafe RefUnwindSafe Unpin
        Entry<u64>:          1 1 1 1 1;
        // Shared, so it goes to another thread only if its value may be looked at there, too.
        Entry<Unshared>:     0 0 0 0 1;
        Entry<Unsent>:       0 0 1 1 1;
        // Its only owner's, as a `Box`.
        Boxed<u64>:          1 1 1 1 1;
        Boxed<Unshared>:     1 0 0 0 1;
        Boxed<Unsent>:       0 1 1 1 1;
        Text:                1 1 1 1 1;
        Table<u64>:          1 1 1 1 1;
        Table<Unshared>:     0 0 0 0 1;
        Table<Unsent>:       0 0 1 1 1;
        // A pin is its thread's.
        Pin<'static, u64>:   0 0 0 0 1;
        // Found under a pin, which it cannot outlive; the thread that looks at it may be another one.
        Found<'static, u64>: 1 1 1 1 1;
        Found<'static, Unshared>: 0 0 0 0 1;
        Claim<u64, ()>:      1 1 1 1 1;
        Claim<Unshared, ()>: 0 0 0 0 1;
        Reclaimed:           1 1 1 1 1;
    }
}

#[test]
#[cfg(target_pointer_width = "64")]
fn no_type_is_larger_than_a_lookup_can_carry() {
    assert_eq!(size_of::<Entry<[u64; 64]>>(), 8);
    assert_eq!(size_of::<Boxed<[u64; 64]>>(), 8);
    assert_eq!(size_of::<Option<Text>>(), 8);
    assert!(size_of::<Pin<'static, u64>>() <= 24);
    assert!(size_of::<Found<'static, u64>>() <= 16);
    assert!(size_of::<Reclaimed>() <= 16);
    // The line of lookups, the state of the hash, and the lines of the writers.
    assert!(size_of::<Table<u64>>() <= 384);
}
