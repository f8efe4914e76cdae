//! M3: the phase and the population.

use loom::cell::UnsafeCell;
use loom::thread;

use super::{
    Activation, CloseReason, Direction, Phase, Population, Shared, Stage, count, explore, explore_bounded,
    session,
};

/// M3: one call activates, one closes, and the population comes back to nothing without passing below it.
#[test]
fn m3_activation_against_close() {
    explore_bounded(|| {
        let session = session(Activation::OnTraffic, false);
        let population = session.population();
        let activators: Vec<_> = (0..2)
            .map(|_| {
                let session = session.clone();
                thread::spawn(move || session.session.activate(session.population()))
            })
            .collect();
        let taken = session.close().unwrap();
        assert!(population.active() <= 2, "below zero");
        let activated = activators.into_iter().map(|one| one.join().unwrap());
        assert_eq!(
            activated.filter(|activated| *activated).count(),
            usize::from(taken.was_active)
        );
        assert_eq!((population.open(), population.active()), (0, 0));
    });
}

/// M3: two closers, one elected.
#[test]
fn m3_one_closer_is_elected() {
    explore(|| {
        let phase = Shared::new(Phase::pending());
        let other = {
            let phase = Shared::clone(&phase);
            thread::spawn(move || phase.close(CloseReason::TimedOut).is_some())
        };
        let own = phase.close(CloseReason::Unregistered).is_some();
        assert!(own ^ other.join().unwrap());
        let reason = if own {
            CloseReason::Unregistered
        } else {
            CloseReason::TimedOut
        };
        assert_eq!(phase.stage(), Stage::Closed(reason));
    });
}

/// M3: first bytes in both directions, and a call of `activate`, make a session active once.
#[test]
fn m3_first_bytes_activate_once() {
    explore_bounded(|| {
        let session = session(Activation::OnTraffic, false);
        let counting = {
            let session = session.clone();
            thread::spawn(move || count(&session, Direction::Ingress, 3))
        };
        let activating = {
            let session = session.clone();
            thread::spawn(move || session.session.activate(session.population()))
        };
        count(&session, Direction::Egress, 5);
        counting.join().unwrap();
        activating.join().unwrap();
        assert_eq!(session.population().active(), 1);
        assert!(session.close().unwrap().was_active);
        assert_eq!(session.population().active(), 0);
    });
}

/// Something that one thread does and another must find done: loom fails the model where nothing orders the two.
struct Deed(UnsafeCell<bool>);

impl Deed {
    fn new() -> Self {
        Self(UnsafeCell::new(false))
    }

    fn be_done(&self) {
        self.0.with_mut(|_| ());
    }

    fn be_found(&self) {
        self.0.with(|_| ());
    }
}

/// M3: what was done before an activation comes before what follows the close that found it.
///
/// The words that hang on it are changed by read-modify-writes alone, and loom lets each of those read the newest value: so
/// the order itself is asked for.
#[test]
fn m3_what_precedes_an_activation_precedes_its_close() {
    explore(|| {
        let subject = Shared::new((Phase::pending(), Population::new(), Deed::new()));
        let activating = {
            let subject = Shared::clone(&subject);
            thread::spawn(move || {
                subject.1.enter_active(|| {
                    subject.2.be_done();
                    subject.0.activate()
                })
            })
        };
        let was_active = subject.0.close(CloseReason::Unregistered).unwrap();
        if was_active {
            subject.2.be_found();
        }
        assert_eq!(activating.join().unwrap(), was_active);
    });
}

/// M3: of two that want the last place one gets it, and a place that is given back is there again.
#[test]
fn m3_places_are_never_more_than_the_cap() {
    explore(|| {
        let population = Shared::new(Population::new());
        assert!(population.enter_tracked(2));
        let other = {
            let population = Shared::clone(&population);
            thread::spawn(move || population.enter_tracked(2))
        };
        let own = population.enter_tracked(2);
        assert!(own ^ other.join().unwrap());
        population.leave_tracked();
        assert!(population.enter_tracked(2) && !population.enter_tracked(2));
    });
}
