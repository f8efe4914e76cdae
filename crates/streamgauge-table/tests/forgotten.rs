//! A pin that is forgotten, in a process of its own: it holds back for as long as that runs.

use std::sync::Arc;

use streamgauge_table::{Claim, Entry, Table};

#[test]
fn a_forgotten_pin_holds_back_for_ever_and_harms_nobody() {
    let (table, value) = (Table::with_room_for(0), Arc::new(()));
    let entry = Entry::new(b"key", Arc::clone(&value));
    assert!(matches!(table.claim(&entry, || Ok::<_, ()>(())), Claim::Inserted));
    std::thread::scope(|scope| {
        scope.spawn(|| std::mem::forget(table.pin()));
    });
    assert!(table.remove(&entry));
    drop(entry);
    for _ in 0..3 {
        let reclaimed = table.reclaim();
        assert_eq!((reclaimed.freed, reclaimed.waiting), (0, 1));
    }
    assert_eq!((Arc::strong_count(&value), table.with(b"key", |_| ())), (2, None));
    drop(table);
    assert_eq!(Arc::strong_count(&value), 1);
}
