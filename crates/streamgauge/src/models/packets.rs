//! M2: packet counters.

use loom::thread;

use super::{Activation, CloseReason, Direction, Verdict, count, explore, session};

/// M2: a packet of accepted bytes is in the final or among the late.
#[test]
fn m2_packets_are_in_the_final_or_late() {
    explore(|| {
        let session = session(Activation::Explicit, true);
        let adder = {
            let session = session.clone();
            thread::spawn(move || u64::from(count(&session, Direction::Egress, 5) > 0))
        };
        let taken = session.close().unwrap();
        let accepted = adder.join().unwrap();
        assert_eq!(
            taken.counts.packets.tx + session.population().late_packets().tx,
            accepted
        );
    });
}

/// M2: a call of no bytes is a packet in the final, or learns why it came too late.
#[test]
fn m2_a_packet_of_no_bytes_learns_the_reason() {
    explore(|| {
        let session = session(Activation::Explicit, true);
        let adder = {
            let session = session.clone();
            thread::spawn(move || session.handle().count(Direction::Egress, 0))
        };
        let taken = session.close().unwrap();
        let packets = match adder.join().unwrap() {
            Verdict::Counted => 1,
            verdict => {
                assert_eq!(verdict, Verdict::Closed(CloseReason::Unregistered));
                0
            }
        };
        assert_eq!(taken.counts.packets.tx, packets);
        assert!(session.population().late_packets().is_zero());
    });
}

/// M2: the same for a packet that is not the first.
#[test]
fn m2_later_packets_are_in_the_final_or_late() {
    explore(|| {
        let session = session(Activation::Explicit, true);
        assert_eq!(count(&session, Direction::Egress, 3), 3);
        let adder = {
            let session = session.clone();
            thread::spawn(move || u64::from(count(&session, Direction::Egress, 5) > 0))
        };
        let taken = session.close().unwrap();
        let accepted = 1 + adder.join().unwrap();
        assert_eq!(
            taken.counts.packets.tx + session.population().late_packets().tx,
            accepted
        );
    });
}
