//! M1: what closers and registrations hand to the sampler.

use loom::thread;

use super::{Activation, CloseReason, Direction, Intake, Reading, Shared, count, explore, moment, session};

/// M1: a collection that meets a closed session finds its final in the intake once it has the lock; what it reads of an
/// open one is never more than the final.
#[test]
fn m1_hand_over_of_the_final() {
    explore(|| {
        let session = session(Activation::Explicit, false);
        let intake = Shared::new(Intake::default());
        let closer = {
            let (session, intake) = (session.clone(), Shared::clone(&intake));
            thread::spawn(move || {
                assert!(intake.open().close(
                    session.population(),
                    &session.session,
                    CloseReason::Unregistered,
                    moment()
                ));
            })
        };
        let adder = {
            let session = session.clone();
            thread::spawn(move || count(&session, Direction::Ingress, 3))
        };
        let read = match session.session.read() {
            Reading::Open { counts, .. } => Some(counts.bytes.rx),
            Reading::Closed => {
                assert_eq!(
                    intake.open().take_ended().len(),
                    1,
                    "a closed session has a final"
                );
                None
            }
        };
        closer.join().unwrap();
        let accepted = adder.join().unwrap();
        if let Some(read) = read {
            let ended = intake.open().take_ended();
            assert_eq!(ended[0].taken.counts.bytes.rx, accepted);
            assert!(read <= accepted);
        }
    });
}

/// M1: a registration is in the intake or declined; never neither, also where the stop comes between.
#[test]
fn m1_registration_against_stop() {
    explore(|| {
        let session = session(Activation::Explicit, false);
        let intake = Shared::new(Intake::default());
        let registration = {
            let (session, intake) = (session.clone(), Shared::clone(&intake));
            thread::spawn(move || {
                intake
                    .open()
                    .announce(session.population(), &session.session, moment())
                    .is_ok()
            })
        };
        intake.open().shut();
        let listed = intake
            .open()
            .batches()
            .iter()
            .map(|batch| batch.sessions.len())
            .sum::<usize>();
        assert_eq!(registration.join().unwrap(), listed == 1);
    });
}

/// M1: a session is taken in by one collection, or by the next: the one that forgets what it published forgets no other.
#[test]
fn m1_registration_against_the_taking_in() {
    explore(|| {
        let session = session(Activation::Explicit, false);
        let intake = Shared::new(Intake::default());
        let registration = {
            let (session, intake) = (session.clone(), Shared::clone(&intake));
            thread::spawn(move || {
                let announced = intake
                    .open()
                    .announce(session.population(), &session.session, moment());
                // As one who asks for the active sessions, and so ends the batch.
                drop(intake.open().batches());
                announced.is_ok()
            })
        };
        let rows = |batches: &[_]| -> usize {
            let lens = batches
                .iter()
                .map(|batch: &std::sync::Arc<crate::summary::active::Rows>| batch.len());
            lens.sum()
        };
        let taken = intake.open().batches();
        // The collection reads and publishes here.
        drop(intake.open().forget(taken.len()));
        assert!(registration.join().unwrap());
        let next = intake.open().batches();
        assert_eq!(rows(&taken) + rows(&next), 1);
    });
}
