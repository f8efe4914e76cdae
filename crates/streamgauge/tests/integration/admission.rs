//! Admission: the check of the limits and the taking of a place, in one step.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use streamgauge::{Admission, AdmissionError, Collector, RefuseReason, SessionHandle, Verdict};

use crate::ledger_check::{Checked, S, assert_rate, bytes};

fn egress(bitrate: u64) -> Admission {
    Admission {
        expected_egress: bitrate,
        ..Admission::default()
    }
}

fn admit(collector: &Collector, id: &str, admission: Admission) -> Result<SessionHandle, AdmissionError> {
    collector.try_register(id, "stream", "here", "there", admission)
}

#[test]
fn max_sessions_counts_pending_and_active() {
    let meter = Checked::new(|config| config.max_sessions = 2);
    meter.register("pending", "", "", "");
    assert!(!meter.is_sessions_exceeded());
    meter.register_and_activate("active", "", "", "");
    assert!(meter.is_sessions_exceeded());
    let refused = admit(&meter, "a", Admission::default()).unwrap_err();
    assert_eq!(refused, AdmissionError::Sessions { open: 2, max: 2 });
    assert_eq!(refused.to_string(), "2 of 2 sessions are registered");
    assert!(!meter.is_known_session("a"));
    meter.unregister("pending");
    assert!(!meter.is_sessions_exceeded());
    let admitted = admit(&meter, "a", Admission::default()).unwrap();
    assert_eq!(admitted.ingress(3), Verdict::Counted);
    assert!(admit(&meter, "b", Admission::default()).is_err());
    assert_eq!(bytes(meter.refreshed().live), (3, 0));
    assert_eq!(meter.summary().max_sessions, 2);
}

#[test]
fn an_admitted_session_is_pending() {
    let meter = Checked::new(|_| {});
    let session = admit(&meter, "a", egress(5)).unwrap();
    assert_eq!(meter.sessions(), 0);
    assert!(session.activate());
}

#[test]
fn a_known_id_gives_its_handle_and_takes_nothing() {
    let meter = Checked::new(|config| {
        config.max_sessions = 1;
        config.max_tx_bitrate = 1_000;
    });
    let first = admit(&meter, "a", egress(900)).unwrap();
    let again = admit(&meter, "a", egress(50_000)).unwrap();
    assert_rate(meter.top_egress_bitrate(), 900.0);
    again.egress(1);
    assert!(!first.activate());
    assert_eq!(meter.refreshed().totals.total_sessions, 1);
}

#[test]
fn what_is_expected_is_in_the_sum_at_once_and_decays() {
    let meter = Checked::patient(|config| config.max_tx_bitrate = 10_000);
    let admission = Admission {
        expected_ingress: 300,
        expected_egress: 4_000,
        headroom: 1.0,
    };
    let session = admit(&meter, "a", admission).unwrap();
    assert_rate(meter.top_ingress_bitrate(), 300.0);
    assert_rate(meter.top_egress_bitrate(), 4_000.0);
    assert_rate(session.top_egress_bitrate(), 4_000.0);
    meter.tick_after(S);
    assert_rate(meter.top_egress_bitrate(), 3_800.0);
    session.unregister();
    assert_rate(meter.top_egress_bitrate(), 0.0);
}

#[test]
fn refused_at_the_limit_and_admitted_below_it() {
    let meter = Checked::new(|config| {
        config.max_rx_bitrate = 1_000;
        config.max_tx_bitrate = 1_000;
    });
    admit(&meter, "a", egress(600)).unwrap();
    let refused = admit(&meter, "b", egress(400)).unwrap_err();
    let AdmissionError::EgressBitrate { top, expected, max } = refused else {
        panic!("{refused}");
    };
    assert_rate(top, 600.0);
    assert_eq!((expected, max), (400, 1_000));
    assert_rate(meter.top_egress_bitrate(), 600.0);
    admit(&meter, "b", egress(399)).unwrap();
    // Nothing is expected of it; 999 are taken.
    admit(&meter, "c", Admission::default()).unwrap();
    let ingress = Admission {
        expected_ingress: 1_000,
        ..Admission::default()
    };
    let refused = admit(&meter, "d", ingress).unwrap_err();
    assert!(matches!(
        refused,
        AdmissionError::IngressBitrate {
            expected: 1_000,
            max: 1_000,
            ..
        }
    ));
}

#[test]
fn headroom_multiplies_the_tops_alone() {
    let meter = Checked::new(|config| config.max_tx_bitrate = 1_000);
    admit(&meter, "a", egress(400)).unwrap();
    let cautious = |expected| Admission {
        headroom: 2.0,
        ..egress(expected)
    };
    let refused = admit(&meter, "b", cautious(200)).unwrap_err();
    assert!(matches!(refused, AdmissionError::EgressBitrate { top, .. } if (top - 800.0).abs() < 1e-9));
    admit(&meter, "b", cautious(199)).unwrap();
    assert_rate(meter.top_egress_bitrate(), 599.0);
}

#[test]
fn a_headroom_that_is_no_factor_is_refused() {
    let meter = Checked::new(|_| {});
    for headroom in [f64::NAN, -0.1, f64::NEG_INFINITY] {
        let admission = Admission {
            headroom,
            ..Admission::default()
        };
        assert_eq!(
            admit(&meter, "a", admission).unwrap_err(),
            AdmissionError::Headroom
        );
    }
    assert_eq!(meter.refreshed().totals.total_sessions, 0);
}

#[test]
fn a_headroom_of_nothing_looks_at_what_is_expected_alone() {
    let meter = Checked::new(|config| config.max_tx_bitrate = 1_000);
    meter.register("a", "", "", "").set_top_egress_bitrate(5_000.0);
    let admission = |expected| Admission {
        headroom: 0.0,
        ..egress(expected)
    };
    assert!(admit(&meter, "b", admission(999)).is_ok());
    assert!(admit(&meter, "c", admission(1_000)).is_err());
}

#[test]
fn an_infinite_headroom_admits_where_there_is_no_top() {
    let meter = Checked::new(|config| config.max_tx_bitrate = 1_000);
    let cautious = |expected| Admission {
        headroom: f64::INFINITY,
        ..egress(expected)
    };
    admit(&meter, "a", cautious(0)).unwrap();
    admit(&meter, "b", cautious(999)).unwrap();
    assert_eq!(
        admit(&meter, "c", cautious(0)).unwrap_err(),
        AdmissionError::EgressBitrate {
            top: f64::INFINITY,
            expected: 0,
            max: 1_000
        }
    );
}

#[test]
fn no_limit_admits_everything() {
    let meter = Checked::new(|_| {});
    for n in 0..100 {
        admit(&meter, &n.to_string(), egress(1 << 40)).unwrap();
    }
    assert_eq!(meter.refreshed().pending.total_sessions, 100);
}

#[test]
fn what_register_refuses_is_refused_and_reserves_nothing() {
    let meter = Checked::new(|config| {
        config.max_tracked_sessions = 1;
        config.max_id_bytes = 4;
    });
    let refusal = |id: &str| admit(&meter, id, egress(500)).map(|_| ()).unwrap_err();
    assert_eq!(refusal(""), AdmissionError::Refused(RefuseReason::EmptyId));
    assert_eq!(refusal("12345"), AdmissionError::Refused(RefuseReason::IdTooLong));
    let first = admit(&meter, "a", egress(7)).unwrap();
    assert_eq!(
        refusal("b"),
        AdmissionError::Refused(RefuseReason::TooManySessions)
    );
    assert_rate(meter.top_egress_bitrate(), 7.0);
    first.unregister();
    meter.stop();
    assert_eq!(refusal("c"), AdmissionError::Refused(RefuseReason::Stopped));
    assert_rate(meter.top_egress_bitrate(), 0.0);
}

#[test]
fn a_reservation_is_visible_to_collectors_that_have_its_collector_as_companion() {
    let limited = || Checked::new(|config| config.max_tx_bitrate = 1_000);
    let (hls, rtmp) = (limited(), limited());
    hls.add_companion(&rtmp);
    admit(&rtmp, "a", egress(700)).unwrap();
    assert!(admit(&hls, "b", egress(300)).is_err());
    admit(&hls, "b", egress(299)).unwrap();
    // Not mutual.
    admit(&rtmp, "c", egress(299)).unwrap();
    // Sessions are each collector's own.
    assert_eq!(hls.refreshed().pending.total_sessions, 1);
}

#[test]
fn observed_tops_of_companions_count_too() {
    let limited = || Checked::patient(|config| config.max_rx_bitrate = 10_000);
    let (hls, rtmp) = (limited(), limited());
    hls.add_companion(&rtmp);
    rtmp.register("a", "", "", "").ingress(1_000);
    rtmp.tick_after(S);
    let expected = |bitrate| Admission {
        expected_ingress: bitrate,
        ..Admission::default()
    };
    assert!(admit(&hls, "b", expected(2_000)).is_err());
    assert!(admit(&hls, "b", expected(1_999)).is_ok());
}

/// Has two threads for each of these collectors admit a session, and let it go again, many times over. Answers the most
/// that were admitted at once, and how many were in all.
fn contend(collectors: &[&Collector], admission: Admission) -> (u64, u64) {
    let (held, most, all) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let barrier = Barrier::new(collectors.len() * 2);
    thread::scope(|scope| {
        for (n, collector) in collectors.iter().enumerate() {
            for thread in 0..2 {
                let (held, most, all, barrier) = (&held, &most, &all, &barrier);
                scope.spawn(move || {
                    let id = format!("{n}-{thread}");
                    barrier.wait();
                    let mut admitted = 0;
                    while admitted < 3_000 {
                        let Ok(session) = admit(collector, &id, admission) else {
                            thread::yield_now();
                            continue;
                        };
                        most.fetch_max(held.fetch_add(1, Ordering::AcqRel) + 1, Ordering::AcqRel);
                        all.fetch_add(1, Ordering::AcqRel);
                        admitted += 1;
                        // Held for a while, so that one who was let in beside it is seen.
                        for _ in 0..100 {
                            std::hint::spin_loop();
                        }
                        held.fetch_sub(1, Ordering::AcqRel);
                        session.unregister();
                    }
                });
            }
        }
    });
    (most.into_inner(), all.into_inner())
}

#[test]
fn no_more_are_admitted_than_there_are_places_however_many_ask_at_once() {
    let meter = Checked::new(|config| config.max_sessions = 1);
    let (most, all) = contend(&[&meter.collector, &meter.collector.clone()], egress(1));
    assert_eq!(most, 1);
    let summary = meter.refreshed();
    assert_eq!(
        (summary.discarded.total_sessions, summary.pending_sessions),
        (all, 0)
    );
    assert_rate(meter.top_egress_bitrate(), 0.0);
}

#[test]
fn companions_of_each_other_admit_no_more_than_one_limit_together() {
    let limited = || Checked::new(|config| config.max_tx_bitrate = 1_000);
    let (hls, rtmp) = (limited(), limited());
    hls.add_companion(&rtmp);
    rtmp.add_companion(&hls);
    let (most, all) = contend(&[&hls.collector, &rtmp.collector], egress(600));
    assert_eq!(most, 1);
    let discarded = hls.refreshed().discarded.total_sessions + rtmp.refreshed().discarded.total_sessions;
    assert_eq!(discarded, all);
    assert_rate(hls.companion_top_egress_bitrate(), 0.0);
}

#[test]
fn a_null_collector_admits() {
    let session = admit(&Collector::null(), "a", egress(1)).unwrap();
    assert_eq!(session.ingress(1), Verdict::Counted);
}
