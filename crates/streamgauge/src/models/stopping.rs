//! M1: a stop against everything.

use std::sync::Arc;

use loom::thread;

use super::{check, collector, explore_bounded, total};
use crate::collector::Collector;
use crate::verdict::{CloseReason, RefuseReason, Verdict};

/// Of so many bytes, what was accepted; what was not came too late for the stop.
fn accepted(verdict: Verdict, bytes: u64) -> u64 {
    match verdict {
        Verdict::Counted => bytes,
        Verdict::Closed(CloseReason::Stopped)
        | Verdict::Refused(RefuseReason::Stopped)
        | Verdict::Unknown => 0,
        other => panic!("{other:?}"),
    }
}

/// After a stop: all that was accepted is in the history, and nothing is open.
fn check_stopped(collector: &Collector, accepted: u64) {
    let last = collector.refresh();
    check(&last);
    assert_eq!(
        (total(&last), last.history.stats.total_rx_bytes),
        (accepted, accepted)
    );
    assert_eq!((last.current_sessions, last.pending_sessions), (0, 0));
    assert_eq!(collector.sessions(), 0);
    assert!(!collector.is_known_session("id"));
    assert!(collector.health().is_stopped && collector.health().sampler_failure.is_none());
}

/// M1: a registration that meets a stop is closed by it, or refused.
#[test]
fn m1_stop_against_a_registration() {
    explore_bounded(|| {
        let collector = Arc::new(collector(|_| {}));
        let registering = {
            let collector = Arc::clone(&collector);
            thread::spawn(move || {
                let session = collector.register("id", "reference", "location", "peer");
                accepted(session.ingress(5), 5)
            })
        };
        collector.stop();
        check_stopped(&collector, registering.join().unwrap());
    });
}

/// M1: a stop against counts by handle and by id, and a close.
#[test]
fn m1_stop_against_counts_and_a_close() {
    explore_bounded(|| {
        let collector = Arc::new(collector(|_| {}));
        let session = collector.register("id", "reference", "location", "peer");
        let counting = {
            let collector = Arc::clone(&collector);
            thread::spawn(move || {
                let by_id = accepted(collector.ingress("id", 3), 3);
                let by_handle = accepted(session.ingress(5), 5);
                session.unregister();
                by_id + by_handle
            })
        };
        collector.stop();
        check_stopped(&collector, counting.join().unwrap());
    });
}

/// M1: a stop against a tick that closes the silent, and against another stop.
#[test]
fn m1_stop_against_a_tick_and_a_stop() {
    explore_bounded(|| {
        let collector = Arc::new(collector(|_| {}));
        let session = collector.register("id", "reference", "location", "peer");
        assert_eq!(session.ingress(5), Verdict::Counted);
        let ticking = {
            let collector = Arc::clone(&collector);
            thread::spawn(move || {
                collector.tick();
                check(&collector.summary());
                collector.stop();
                assert_eq!(total(&collector.summary()), 5);
            })
        };
        collector.stop();
        assert_eq!(total(&collector.summary()), 5);
        ticking.join().unwrap();
        check_stopped(&collector, 5);
    });
}

/// M5: a stop against a writer: what it counts afterwards is credited by the collections that follow.
#[test]
fn m5_stop_against_a_writer() {
    explore_bounded(|| {
        let collector = Arc::new(collector(|_| {}));
        let session = collector.register("id", "reference", "location", "peer");
        let mut writer = session.writer();
        assert_eq!(writer.ingress(3), Verdict::Counted);
        let writing = thread::spawn(move || 3 + accepted(writer.ingress(5), 5));
        collector.stop();
        check_stopped(&collector, writing.join().unwrap());
    });
}

/// M4: a set top against a stop: nothing is left in the sum.
#[test]
fn m4_stop_against_a_set_top() {
    explore_bounded(|| {
        let collector = Arc::new(collector(|_| {}));
        let session = collector.register("id", "reference", "location", "peer");
        let setting = thread::spawn(move || session.set_top_ingress_bitrate(1_000.0));
        collector.stop();
        setting.join().unwrap();
        assert_eq!(collector.top_ingress_bitrate().to_bits(), 0);
    });
}
