//! M10: stripes.

use loom::thread;

use super::{Activation, Direction, Reading, accepted, explore, explore_bounded, session};

/// M10: additions in two stripes and in the session's own words, each in the final or answered as too late.
#[test]
fn m10_close_against_additions_in_two_stripes() {
    explore(|| {
        let session = session(Activation::Explicit, false);
        let shared = session.handle().shared();
        let adders: Vec<_> = [(0, 3), (1, 5)]
            .into_iter()
            .map(|(stripe, bytes)| {
                let shared = shared.clone();
                thread::spawn(move || accepted(shared.count_as(stripe, Direction::Ingress, bytes), bytes))
            })
            .collect();
        let taken = session.close().unwrap();
        let accepted: u64 = adders.into_iter().map(|adder| adder.join().unwrap()).sum();
        assert_eq!(taken.counts.bytes.rx, accepted);
    });
}

/// M10: stripes that are made while the session closes are sealed by the closer, or nobody counts in them.
#[test]
fn m10_making_of_stripes_against_close() {
    explore(|| {
        let session = session(Activation::Explicit, false);
        // Their box is made before the race, as by an earlier `extra`.
        session.session.set_extra("x");
        let maker = {
            let session = session.clone();
            thread::spawn(move || {
                let shared = session.handle().shared();
                accepted(shared.count_as(1, Direction::Egress, 5), 5)
            })
        };
        let taken = session.close().unwrap();
        assert_eq!(taken.counts.bytes.tx, maker.join().unwrap());
    });
}

/// M10: what a collection reads of an open shared session is never less than what was counted, nor more than its final.
#[test]
fn m10_a_reading_of_stripes_against_close() {
    // Thirteen loads: all interleavings are too many.
    explore_bounded(|| {
        let session = session(Activation::Explicit, false);
        let shared = session.handle().shared();
        assert_eq!(accepted(shared.count_as(0, Direction::Ingress, 7), 7), 7);
        let reader = {
            let session = session.clone();
            thread::spawn(move || match session.session.read() {
                Reading::Open { counts, .. } => Some(counts.bytes.rx),
                Reading::Closed => None,
            })
        };
        let accepted = 7 + accepted(shared.count_as(1, Direction::Ingress, 3), 3);
        let taken = session.close().unwrap();
        assert_eq!(taken.counts.bytes.rx, accepted);
        let read = reader.join().unwrap();
        assert!(read.is_none_or(|read| (7..=accepted).contains(&read)), "{read:?}");
    });
}
