//! M5: writer cells.

use std::sync::Arc;

use loom::thread;

use super::{
    Activation, CloseReason, Counts, Direction, HeldCell, Verdict, Writer, WriterCell, explore, session,
};

/// M5: what a writer counts before, while and after its session closes is harvested, all of it, once.
#[test]
fn m5_a_writer_against_close_and_harvest() {
    explore(|| {
        let session = session(Activation::Explicit, true);
        let cell = Arc::new(WriterCell::new(true));
        assert!(session.session.admit_writer(&cell));
        let writer = {
            let mut writer = Writer::new(session.handle(), cell);
            thread::spawn(move || {
                let mut accepted = Counts::default();
                for bytes in [3, 5] {
                    match writer.ingress(bytes) {
                        Verdict::Counted => {
                            accepted.bytes.rx += bytes;
                            accepted.packets.rx += 1;
                        }
                        verdict => assert_eq!(verdict, Verdict::Closed(CloseReason::Unregistered)),
                    }
                }
                accepted
            })
        };
        let taken = session.close().unwrap();
        let mut cells = session.session.take_writers();
        let mut harvested = taken.counts.plus(cells.total);
        let accepted = writer.join().unwrap();
        for held in &mut cells.held {
            harvested = harvested.plus(held.gain());
            assert!(held.is_last(), "the writer was dropped");
        }
        assert_eq!(harvested, accepted);
    });
}

/// M5: the counts read once a cell is found released are its last.
#[test]
fn m5_release_publishes_the_last_addition() {
    explore(|| {
        let cell = Arc::new(WriterCell::new(true));
        let writer = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || {
                cell.set_bytes(Direction::Egress, 7);
                cell.add_packet(Direction::Egress);
                cell.release();
            })
        };
        let mut held = HeldCell::of(Arc::clone(&cell));
        if held.is_last() {
            assert!(held.gain().is_zero(), "there was more after the last");
            assert_eq!((cell.counts().bytes.tx, cell.counts().packets.tx), (7, 1));
        }
        writer.join().unwrap();
    });
}

/// M5: a writer admitted while its session closes is told, or is not admitted.
#[test]
fn m5_admission_of_a_writer_against_close() {
    explore(|| {
        let session = session(Activation::Explicit, false);
        // Made before the race, as by an earlier writer.
        assert!(session.session.admit_writer(&Arc::new(WriterCell::new(true))));
        let admission = {
            let session = session.clone();
            thread::spawn(move || {
                let cell = Arc::new(WriterCell::new(true));
                session.session.admit_writer(&cell).then_some(cell)
            })
        };
        session.close().unwrap();
        if let Some(cell) = admission.join().unwrap() {
            let mut writer = Writer::new(session.handle(), cell);
            assert_eq!(writer.ingress(1), Verdict::Closed(CloseReason::Unregistered));
        }
    });
}
