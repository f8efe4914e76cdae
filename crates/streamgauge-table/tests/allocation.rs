//! What a lookup costs in memory while another thread grows the table: nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use streamgauge_table::{Claim, Entry, Table, prepare_thread};
use streamgauge_testkit::{CountingAllocator, count};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const ENTRIES: u64 = 20_000;

fn put(table: &Table<u64>, number: u64) -> Entry<u64> {
    let entry = Entry::new(&number.to_le_bytes(), number);
    assert!(matches!(table.claim(&entry, || Ok::<_, ()>(())), Claim::Inserted));
    entry
}

/// Ends the reader also where the writer fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        // Relaxed: the reader ends some time after the writer has.
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn lookups_allocate_and_free_nothing_while_the_table_grows_and_is_reclaimed() {
    let table = Table::with_room_for(0);
    let stays = put(&table, u64::MAX);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            prepare_thread();
            let ((), counts) = count(|| {
                // Relaxed: as in `Ends`.
                for number in (0..ENTRIES).cycle().take_while(|_| !done.load(Ordering::Relaxed)) {
                    assert_eq!(table.with(stays.key(), |entry| **entry), Some(u64::MAX));
                    table.with(&number.to_le_bytes(), |entry| assert_eq!(**entry, number));
                    let pin = table.pin();
                    pin.find_each(
                        &[stays.key(); 20],
                        |key| key,
                        |_, _, entry| assert!(entry.is_some()),
                    );
                }
            });
            counts
        });
        let ends = Ends(&done);
        for _ in 0..2 {
            let entries: Vec<_> = (0..ENTRIES).map(|number| put(&table, number)).collect();
            assert!(entries.iter().all(|entry| table.remove(entry)));
            drop(entries);
            table.reclaim();
        }
        drop(ends);
        let counts = reader.join().unwrap();
        assert!(counts.is_zero(), "{counts:?}");
    });
}

#[test]
fn a_prepared_thread_allocates_nothing_in_its_first_lookup() {
    let table = Table::with_room_for(0);
    put(&table, 1);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            prepare_thread();
            let (found, counts) = count(|| table.with(&1_u64.to_le_bytes(), |_| ()).is_some());
            assert!(found && counts.is_zero());
        });
    });
}

#[test]
fn a_removal_frees_nothing() {
    let table = Table::with_room_for(0);
    let entries: Vec<_> = (0..100).map(|number| put(&table, number)).collect();
    for entry in entries {
        let (removed, counts) = count(|| table.remove(&entry));
        // The list of what is retired may move as it grows; the entry stays.
        assert!(removed && counts.largest_free <= 100 * 8, "{counts:?}");
    }
    let reclaimed = table.reclaim();
    assert_eq!(reclaimed.freed + reclaimed.waiting, 100);
}

#[test]
fn the_list_of_what_is_retired_moves_in_pieces() {
    let table = Table::with_room_for(0);
    let entries: Vec<_> = (0..5_000).map(|number| put(&table, number)).collect();
    for entry in entries {
        let (removed, counts) = count(|| table.remove(&entry));
        // 1,024 pointers at once, however many there are.
        assert!(removed && counts.largest_allocation <= 1_024 * 8, "{counts:?}");
    }
}

#[test]
fn a_table_that_grew_gives_all_of_it_back() {
    let entries: Vec<_> = (0..5_000_u64)
        .map(|number| Entry::new(&number.to_le_bytes(), number))
        .collect();
    prepare_thread();
    let (grew, counts) = count(|| {
        let table = Table::with_room_for(0);
        for entry in &entries {
            let _ = table.claim(entry, || Ok::<_, ()>(()));
        }
        let reclaimed = table.reclaim();
        reclaimed.freed + reclaimed.waiting
    });
    // Segments and directories.
    assert!(grew > 20, "{grew}");
    assert_eq!(counts.allocations, counts.frees);
}

#[test]
fn a_table_with_room_allocates_next_to_nothing_of_its_own_for_insertions() {
    let table = Table::with_room_for(1_000);
    let entries: Vec<_> = (0..1_000_u64)
        .map(|number| Entry::new(&number.to_le_bytes(), number))
        .collect();
    let ((), counts) = count(|| {
        for entry in &entries {
            let _ = table.claim(entry, || Ok::<_, ()>(()));
        }
    });
    // Hashes are random: one of the four segments may be split before the others are half full, and one of its halves.
    // A table that grew from nothing would have made eight segments and more.
    assert!(counts.allocations <= 6, "{counts:?}");
}

#[test]
#[cfg_attr(streamgauge_plain_alloc, ignore = "each entry is an allocation then")]
fn entries_of_a_size_share_blocks_that_go_back_when_empty() {
    // Of another class than all other tests' entries.
    let key = [7; 100];
    let mut entries = Vec::with_capacity(10_000);
    let ((), made) = count(|| entries.extend((0..10_000_u64).map(|number| Entry::new(&key, number))));
    // 254 entries of 128 bytes, a header and a rest of 112, less 16 that are left to the allocator.
    assert_eq!(
        (made.allocations, made.bytes_allocated),
        (40, 40 * (32 * 1024 - 16))
    );
    let ((), gone) = count(|| entries.clear());
    assert_eq!(gone.frees, made.allocations - 1, "one block is kept");
    let ((), again) = count(|| entries.extend((0..254_u64).map(|number| Entry::new(&key, number))));
    assert!(again.is_zero(), "{again:?}");
    assert!(
        entries
            .iter()
            .zip(0..)
            .all(|(entry, number)| **entry == number && entry.key() == key)
    );
}

#[test]
fn a_table_with_room_for_many_hardly_grows_below_that() {
    for room in [10_000_u32, 200_000, 300_000] {
        let parts = usize::try_from(room).unwrap() / 10_000;
        let table = Table::with_room_for(parts * 10_000);
        for number in 0..room {
            put(&table, u64::from(number));
        }
        let reclaimed = table.reclaim();
        // Of a part for each 200 entries or fewer, one in fifty at most, and its directory.
        assert!(
            reclaimed.freed + reclaimed.waiting <= 4 + parts,
            "{reclaimed:?} with room for {room}"
        );
    }
}
