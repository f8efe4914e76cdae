//! M1, M3 and M8: registrations under one id, conditional removal, admission.

use std::sync::Arc;

use loom::thread;

use super::{check, collector, explore_bounded, total};
use crate::collector::admission::Admission;
use crate::error::AdmissionError;
use crate::verdict::Verdict;

/// M8: two registrations of one id at once are one session.
#[test]
fn m8_two_registrations_of_one_id() {
    explore_bounded(|| {
        let collector = Arc::new(collector(|_| {}));
        let other = {
            let collector = Arc::clone(&collector);
            thread::spawn(move || {
                let session = collector.register("id", "reference", "location", "peer");
                assert_eq!(session.ingress(5), Verdict::Counted);
            })
        };
        let session = collector.register("id", "reference", "location", "peer");
        assert_eq!(session.ingress(3), Verdict::Counted);
        other.join().unwrap();
        let summary = collector.refresh();
        check(&summary);
        assert_eq!((total(&summary), summary.totals.total_sessions), (8, 1));
        assert!(session.unregister() && !collector.is_known_session("id"));
    });
}

/// M1: who is told that an id is known, and counts for it, finds the bytes in the next collection, also where the one who
/// registered it has not returned yet.
#[test]
fn m1_a_known_session_is_in_the_next_collection() {
    explore_bounded(|| {
        let collector = Arc::new(collector(|_| {}));
        let other = {
            let collector = Arc::clone(&collector);
            thread::spawn(move || drop(collector.register("id", "reference", "location", "peer")))
        };
        if collector.ingress("id", 5) == Verdict::Counted {
            let summary = collector.refresh();
            check(&summary);
            assert_eq!(total(&summary), 5);
        }
        other.join().unwrap();
    });
}

/// M8: a session is closed and registered anew while another thread counts by its id: the bytes are in the one or in the
/// other, or the id was unknown for a moment. The removal of the old one never takes the new one out.
#[test]
fn m8_count_by_id_against_a_registration_anew() {
    explore_bounded(|| {
        let collector = Arc::new(collector(|_| {}));
        let old = collector.register("id", "reference", "location", "peer");
        let counting = {
            let collector = Arc::clone(&collector);
            thread::spawn(move || match collector.ingress("id", 5) {
                Verdict::Counted => 5,
                verdict => {
                    assert_eq!(verdict, Verdict::Unknown);
                    0
                }
            })
        };
        assert!(old.unregister());
        let new = collector.register("id", "reference", "location", "peer");
        assert_eq!(new.ingress(3), Verdict::Counted);
        let accepted = counting.join().unwrap();
        assert!(collector.is_known_session("id") && new.is_known() && !old.is_known());
        let summary = collector.refresh();
        check(&summary);
        assert_eq!(total(&summary), 3 + accepted);
        assert!([3, 8].contains(&summary.live.total_rx_bytes));
    });
}

/// M8: a close by one thread, and a registration under the same id by another that may find the closed session still there.
#[test]
fn m8_removal_against_a_registration_anew() {
    explore_bounded(|| {
        let collector = Arc::new(collector(|_| {}));
        let old = collector.register("id", "reference", "location", "peer");
        assert_eq!(old.ingress(3), Verdict::Counted);
        let registering = {
            let (collector, old) = (Arc::clone(&collector), old.clone());
            thread::spawn(move || {
                let was_open = old.is_known();
                let new = collector.register("id", "reference", "location", "peer");
                assert!(was_open || new.is_known(), "a closed session is nobody's");
                new
            })
        };
        assert!(old.unregister());
        let new = registering.join().unwrap();
        // It is the old one's handle, or the new session's, which the removal has left alone.
        assert_eq!(new.is_known(), collector.is_known_session("id"));
        if new.is_known() {
            assert_eq!(new.ingress(5), Verdict::Counted);
        }
        let summary = collector.refresh();
        check(&summary);
        assert_eq!(total(&summary), if new.is_known() { 8 } else { 3 });
    });
}

fn admit(collector: &crate::Collector, id: &str) -> bool {
    let admission = Admission {
        expected_ingress: 600,
        ..Admission::default()
    };
    match collector.try_register(id, "reference", "location", "peer", admission) {
        Ok(_) => true,
        Err(AdmissionError::Sessions { .. } | AdmissionError::IngressBitrate { .. }) => false,
        Err(other) => panic!("{other}"),
    }
}

/// M3: of two admissions at once that would pass the limit together, one passes.
#[test]
fn m3_admission_never_passes_the_limit_of_sessions() {
    explore_bounded(|| {
        let collector = Arc::new(collector(|config| config.max_sessions = 1));
        let other = {
            let collector = Arc::clone(&collector);
            thread::spawn(move || admit(&collector, "other"))
        };
        let own = admit(&collector, "own");
        assert!(own ^ other.join().unwrap());
    });
}

/// M4: the same for a limit of the bitrate: what one admission reserved is in the sum before the other asks.
#[test]
fn m4_admission_never_passes_the_limit_of_the_bitrate() {
    explore_bounded(|| {
        let collector = Arc::new(collector(|config| config.max_rx_bitrate = 1_000));
        let other = {
            let collector = Arc::clone(&collector);
            thread::spawn(move || admit(&collector, "other"))
        };
        let own = admit(&collector, "own");
        assert!(own ^ other.join().unwrap());
        assert_eq!(collector.top_ingress_bitrate().to_bits(), 600_f64.to_bits());
    });
}

/// M3: an admission against a close: the place is free or not yet, and the number of open sessions is never below none.
#[test]
fn m3_admission_against_a_close() {
    explore_bounded(|| {
        let collector = Arc::new(collector(|config| config.max_sessions = 1));
        let session = collector.register("first", "reference", "location", "peer");
        let closing = thread::spawn(move || assert!(session.unregister()));
        let admitted = admit(&collector, "second");
        closing.join().unwrap();
        assert_eq!(admit(&collector, "third"), !admitted);
    });
}
