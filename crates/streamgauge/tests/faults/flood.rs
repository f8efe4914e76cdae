//! A flood of keys: an attacker whose ids, peers and references are new each time, beside honest clients. The history keeps
//! the rows of who moves more than a share of all bytes, its memory stays what the cap allows, and no byte is lost.
//!
//! `STREAMGAUGE_FLOOD` says how many keys the attacker has, in place of 100,000: `.ci/flood` runs ten million.

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use streamgauge::{
    CollectorConfig, Config, HistoryKey, HistoryRow, HistorySnapshot, HistoryStore, Loaded, ManualClock,
    Registry, Stats, StoreError,
};
use streamgauge_testkit::count;

use crate::ledger_check::{Checked, S, bytes};

/// The places that the history has.
const PLACES: u64 = 1_000;
/// Sessions between two ticks.
const BATCH: u64 = 500;
/// The most that is held, in bytes: what there is anyway, for each place, and for each session of a batch.
///
/// A place is a row, its note in the ranking, three labels of up to 100 bytes with their places in the interner, and four
/// figures in the views; rows and views are there as the ledger, the last summary and the one before it have them.
const FIXED: i64 = 256 << 10;
const PER_PLACE: i64 = 1_200;
const PER_SESSION: i64 = 3_000;

fn attackers() -> u64 {
    std::env::var("STREAMGAUGE_FLOOD").map_or(100_000, |keys| keys.parse().unwrap())
}

/// Keeps the last snapshot.
#[derive(Default)]
struct Memory(Mutex<Option<HistorySnapshot>>);

impl HistoryStore for Memory {
    fn load(&self, _: &str) -> Result<Loaded, StoreError> {
        Ok(Loaded::Nothing)
    }

    fn save(&self, _: &str, snapshot: &HistorySnapshot) -> Result<(), StoreError> {
        *self.0.lock().unwrap() = Some(snapshot.clone());
        Ok(())
    }
}

/// A collector with few places for its history, and what of the memory it took is held.
struct Flooded {
    meter: Checked,
    memory: Arc<Memory>,
    _registry: Registry,
    held: i64,
    most_held: i64,
    /// All bytes that were counted.
    counted: u64,
}

impl Flooded {
    fn new() -> Self {
        let memory = Arc::<Memory>::default();
        let mut config = Config::default();
        config.store = Some(Arc::<Memory>::clone(&memory));
        let clock = ManualClock::default();
        let registry = Registry::manual(config, clock.clone()).unwrap();
        let mut config = CollectorConfig::default();
        config.max_history_keys = PLACES;
        config.session_timeout = Duration::MAX;
        // Saved once, at the stop: to see the rows.
        config.persist_interval = Duration::ZERO;
        let meter = Checked::of(registry.register("flooded", config).unwrap(), clock);
        Self {
            meter,
            memory,
            _registry: registry,
            held: 0,
            most_held: 0,
            counted: 0,
        }
    }

    /// Does `work`, and notes what is held of what it allocated.
    fn watch(&mut self, work: impl FnOnce(&mut Self)) {
        let ((), counts) = count(|| work(self));
        self.held += counts.bytes_allocated.cast_signed() - counts.bytes_freed.cast_signed();
        self.most_held = self.most_held.max(self.held);
    }

    /// A session from beginning to end.
    fn session(&mut self, id: &str, key: &HistoryKey, bytes: u64) {
        self.watch(|this| {
            let session = this.meter.register(id, &key.reference, &key.location, &key.peer);
            session.ingress(bytes / 3);
            session.egress(bytes - bytes / 3);
            session.unregister();
            this.counted += bytes;
        });
    }

    /// Sessions of the attacker's, all of new keys, and a tick.
    fn attack(&mut self, numbers: Range<u64>, bytes: impl Fn(u64) -> u64) {
        for n in numbers {
            let id = format!("{n:x}");
            // Long, so that labels that were kept would be seen.
            let peer = format!("{n:090x}");
            let reference = format!("{:0100x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            self.session(&id, &HistoryKey::new("here", &peer, &reference), bytes(n));
        }
        self.watch(|this| drop(this.meter.tick_after(S)));
    }

    /// Stops, and checks what holds in any flood. The rows in the end.
    fn rows(&self) -> HistorySnapshot {
        let most = FIXED + PER_PLACE * PLACES.cast_signed() + PER_SESSION * BATCH.cast_signed();
        println!("{} bytes were held, of at most {most}", self.most_held);
        assert!(self.most_held < most, "{} bytes were held", self.most_held);
        let summary = self.meter.stopped();
        let (rx, tx) = bytes(summary.history.stats);
        assert_eq!(rx + tx, self.counted);
        assert!(summary.history.is_partial);
        let snapshot = self.memory.0.lock().unwrap().clone().unwrap();
        assert_eq!(snapshot.len() as u64, PLACES + 1);
        let sum = Stats::sum(snapshot.rows().map(|(_, row)| row.stats));
        assert_eq!(sum, summary.history.stats);
        let other = HistoryKey::new("(other)", "(other)", "(other)");
        let other = snapshot.row(&other).unwrap();
        assert_eq!(other.stats.total_sessions, summary.caps.folded_sessions);
        assert!(other.inherited <= self.counted / PLACES, "{other:?}");
        snapshot
    }
}

fn honest(name: &str, n: u64) -> HistoryKey {
    HistoryKey::new("here", &format!("{name} {n}"), "stream")
}

fn total(row: &HistoryRow) -> u64 {
    row.stats.total_rx_bytes + row.stats.total_tx_bytes
}

/// The attacker's bytes for its key `n`: from 1 to 40.
fn few(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 40 + 1
}

#[test]
fn p1_and_p5_who_moves_more_than_a_share_keeps_exact_totals_in_a_flood_of_keys() {
    const HONEST: u64 = 20;
    const PIECES: u64 = 10;
    let attackers = attackers();
    let batches = attackers / BATCH;
    let attacked: u64 = (0..batches * BATCH).map(few).sum();
    // Of three kinds, and each moves h with h > (attacked + 60 h) / places: one byte more than a share.
    let share = attacked / (PLACES - 3 * HONEST) + 1;
    let share = share.next_multiple_of(PIECES);
    let mut flooded = Flooded::new();
    for n in 0..HONEST {
        flooded.session(&format!("early {n}"), &honest("early", n), share);
    }
    flooded.meter.tick_after(S);
    let pieces = HONEST * PIECES;
    for batch in 0..batches {
        flooded.attack(batch * BATCH..(batch + 1) * BATCH, few);
        // Spread over the flood: who comes in the middle of it, at once or in pieces.
        let come = |of: u64| batch * of / batches..(batch + 1) * of / batches;
        for n in come(HONEST) {
            flooded.session(&format!("late {n}"), &honest("late", n), share);
        }
        for n in come(pieces) {
            let key = honest("in pieces", n % HONEST);
            flooded.session(&format!("piece {n}"), &key, share / PIECES);
        }
    }
    let rows = flooded.rows();
    assert!(share > flooded.counted / PLACES, "no more than a share");
    for n in 0..HONEST {
        let early = rows.row(&honest("early", n)).unwrap();
        assert_eq!(
            (total(early), early.is_partial, early.inherited),
            (share, false, 0)
        );
        // It is not known that there was nothing before; there was not, so all is there.
        let late = rows.row(&honest("late", n)).unwrap();
        assert_eq!((total(late), late.stats.total_sessions), (share, 1));
        assert!(late.is_partial);
        // Some of the pieces may have been folded, and no more than is said.
        let pieces = rows.row(&honest("in pieces", n)).unwrap();
        assert!(total(pieces) <= share && share <= pieces.rank(), "{pieces:?}");
        assert!(pieces.is_partial || total(pieces) == share);
    }
}

#[test]
fn p1_and_p5_an_attacker_who_outweighs_the_honest_has_their_rows_and_not_their_bytes() {
    const HONEST: u64 = 20;
    const MOVED: u64 = 1_000;
    let attackers = attackers();
    let mut flooded = Flooded::new();
    for n in 0..HONEST {
        flooded.session(&format!("early {n}"), &honest("early", n), MOVED);
    }
    flooded.meter.tick_after(S);
    for batch in 0..attackers / BATCH {
        // Each of its keys moves what an honest one does.
        flooded.attack(batch * BATCH..(batch + 1) * BATCH, |_| MOVED);
    }
    for n in 0..HONEST / 2 {
        flooded.session(&format!("again {n}"), &honest("early", n), MOVED);
    }
    let rows = flooded.rows();
    assert!(MOVED < flooded.counted / PLACES, "less than a share");
    for n in 0..HONEST {
        let row = rows.row(&honest("early", n));
        if n < HONEST / 2 {
            // Who came again has what it moved since, and is told that this may not be all, and what there may be.
            let row = row.unwrap();
            assert_eq!((total(row), row.is_partial), (MOVED, true));
            assert!(row.rank() >= 2 * MOVED, "{row:?}");
        } else {
            assert_eq!(row, None);
        }
    }
}
