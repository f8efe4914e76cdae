//! M1: byte counters and the close.

use loom::thread;

use super::{Activation, Direction, PerDirection, Shared, count, explore, session};
use crate::session::counter::{ByteCounter, FULL, Settled};

/// M1: each addition is in the final or answers that it came too late, and then knows why.
#[test]
fn m1_close_against_additions() {
    explore(|| {
        let session = session(Activation::OnTraffic, false);
        let adders: Vec<_> = [(Direction::Ingress, 3), (Direction::Ingress, 5)]
            .into_iter()
            .map(|(direction, bytes)| {
                let session = session.clone();
                thread::spawn(move || count(&session, direction, bytes))
            })
            .collect();
        let taken = session.close().unwrap();
        let accepted: u64 = adders.into_iter().map(|adder| adder.join().unwrap()).sum();
        assert_eq!(taken.counts.bytes.rx, accepted);
    });
}

/// M1: the two directions close each for itself.
#[test]
fn m1_directions_close_each_for_itself() {
    explore(|| {
        let session = session(Activation::Explicit, false);
        let adder = {
            let session = session.clone();
            thread::spawn(move || {
                PerDirection::new(
                    count(&session, Direction::Ingress, 3),
                    count(&session, Direction::Egress, 5),
                )
            })
        };
        let taken = session.close().unwrap();
        assert_eq!(taken.counts.bytes, adder.join().unwrap());
    });
}

/// M1: an addition in each direction at once, from threads of their own.
#[test]
fn m1_close_against_both_directions() {
    explore(|| {
        let session = session(Activation::Explicit, false);
        let [rx, tx] = [(Direction::Ingress, 3), (Direction::Egress, 5)].map(|(direction, bytes)| {
            let session = session.clone();
            thread::spawn(move || count(&session, direction, bytes))
        });
        let taken = session.close().unwrap();
        let accepted = PerDirection::new(rx.join().unwrap(), tx.join().unwrap());
        assert_eq!(taken.counts.bytes, accepted);
    });
}

/// M1: bytes that are refused while the closer takes them are counted, or in no total.
#[test]
fn m1_a_refusal_against_close() {
    explore(|| {
        let counter = Shared::new(ByteCounter::new());
        counter.add(FULL);
        let adder = {
            let counter = Shared::clone(&counter);
            thread::spawn(move || {
                let before = counter.add(9);
                match counter.settle(before, 9) {
                    Settled::Counted => 9,
                    Settled::Full | Settled::Late => 0,
                    Settled::First => panic!("there was something"),
                }
            })
        };
        let taken = counter.seal();
        assert_eq!(taken, FULL + adder.join().unwrap());
    });
}

/// M1: what is read of an open word only rises, and is never more than the final; nothing is read of a closed one.
#[test]
fn m1_readings_rise_to_the_final() {
    explore(|| {
        let counter = Shared::new(ByteCounter::new());
        counter.add(1);
        let adder = {
            let counter = Shared::clone(&counter);
            thread::spawn(move || {
                let before = counter.add(4);
                ByteCounter::is_ordinary(before) || counter.settle(before, 4) == Settled::Counted
            })
        };
        let reader = {
            let counter = Shared::clone(&counter);
            thread::spawn(move || [counter.read(), counter.read()])
        };
        let taken = counter.seal();
        let [first, second] = reader.join().unwrap();
        assert!(second.is_none_or(|second| first.is_some_and(|first| first <= second)));
        assert!(first.into_iter().chain(second).all(|read| read <= taken));
        assert_eq!(taken, 1 + 4 * u64::from(adder.join().unwrap()));
    });
}
