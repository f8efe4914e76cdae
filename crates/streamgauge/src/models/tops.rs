//! M4: tops and their sum.

use loom::thread;

use super::{Direction, Shared, Top, TopSums, explore};

/// M4: a set, a turn of the tick and a close at once: the top leaves the sum once, and the sum comes out exact.
#[test]
fn m4_set_against_turn_against_close() {
    explore(|| {
        let tops = Shared::new((Top::new(), TopSums::new()));
        assert!(tops.1.turn().set(&tops.0, Direction::Egress, 100));
        let setter = {
            let tops = Shared::clone(&tops);
            thread::spawn(move || tops.1.turn().set(&tops.0, Direction::Egress, 70))
        };
        let sampler = {
            let tops = Shared::clone(&tops);
            thread::spawn(move || {
                tops.1
                    .turn()
                    .advance(&tops.0, Direction::Egress, |seen| seen + 20)
            })
        };
        let taken = tops.1.turn().take(&tops.0, Direction::Egress);
        assert!([100, 120, 70, 90].contains(&taken), "{taken}");
        assert!(tops.1.read(Direction::Egress) <= 1_000, "below zero");
        setter.join().unwrap();
        sampler.join().unwrap();
        assert_eq!((tops.0.read(), tops.1.read(Direction::Egress)), (0, 0));
    });
}

/// M4: a set is not lost to a tick, and is in the sum when it returns.
#[test]
fn m4_a_set_is_not_lost_to_a_turn() {
    explore(|| {
        let tops = Shared::new((Top::new(), TopSums::new()));
        assert!(tops.1.turn().set(&tops.0, Direction::Ingress, 100));
        let sampler = {
            let tops = Shared::clone(&tops);
            thread::spawn(move || {
                tops.1
                    .turn()
                    .advance(&tops.0, Direction::Ingress, |seen| seen / 2)
            })
        };
        assert!(tops.1.turn().set(&tops.0, Direction::Ingress, 70));
        assert!([70, 35].contains(&tops.1.read(Direction::Ingress)));
        sampler.join().unwrap();
        let stands = tops.0.read();
        assert!(stands == 70 || stands == 35, "{stands}");
        assert_eq!(tops.1.read(Direction::Ingress), stands);
    });
}
