//! M1 and M5: whole collections, as the public verbs start them, against what they collect.

use std::sync::Arc;

use loom::thread;

use super::{check, collector, explore_bounded, total};
use crate::verdict::{CloseReason, Verdict};

/// M1: what was accepted before, while and after a session closes is in the next collection, once, and totals never fall.
#[test]
fn m1_collection_against_counts_and_a_close() {
    explore_bounded(|| {
        let collector = Arc::new(collector(|_| {}));
        let session = collector.register("id", "reference", "location", "peer");
        assert_eq!(session.ingress(3), Verdict::Counted);
        let closing = thread::spawn(move || {
            assert_eq!(session.ingress(5), Verdict::Counted);
            assert!(session.unregister());
            assert_eq!(session.ingress(7), Verdict::Closed(CloseReason::Unregistered));
        });
        let first = collector.refresh();
        check(&first);
        assert!([3, 8].contains(&total(&first)), "{}", total(&first));
        closing.join().unwrap();
        let last = collector.refresh();
        check(&last);
        assert_eq!((total(&last), last.history.stats.total_rx_bytes), (8, 8));
        assert_eq!((last.totals.total_sessions, last.current_sessions), (1, 0));
    });
}

/// M1: a refresh has what was counted before it was called, whoever else is collecting and serves it.
#[test]
fn m1_refresh_against_refresh() {
    explore_bounded(|| {
        let collector = Arc::new(collector(|_| {}));
        let session = collector.register("id", "reference", "location", "peer");
        let other = {
            let collector = Arc::clone(&collector);
            thread::spawn(move || {
                assert_eq!(session.ingress(5), Verdict::Counted);
                let summary = collector.refresh();
                check(&summary);
                assert_eq!(total(&summary), 5);
            })
        };
        let summary = collector.refresh();
        check(&summary);
        assert!([0, 5].contains(&total(&summary)));
        other.join().unwrap();
    });
}

/// M1: a session that was registered is among the active ones, once, while a collection takes it over from the intake.
#[test]
fn m1_active_against_a_collection() {
    explore_bounded(|| {
        let collector = Arc::new(collector(|_| {}));
        let registering = {
            let collector = Arc::clone(&collector);
            thread::spawn(move || {
                collector.register_and_activate("id", "reference", "location", "peer");
                assert_eq!(collector.active().len(), 1);
            })
        };
        check(&collector.refresh());
        registering.join().unwrap();
    });
}

/// M5: what a writer counted until it was dropped is in the next collection, once, and its place is given back.
#[test]
fn m5_collection_against_a_writer_that_is_dropped() {
    explore_bounded(|| {
        let collector = Arc::new(collector(|config| config.max_writers = 1));
        let session = collector.register("id", "reference", "location", "peer");
        let mut writer = session.writer();
        assert_eq!(writer.ingress(3), Verdict::Counted);
        let writing = thread::spawn(move || {
            assert_eq!(writer.ingress(5), Verdict::Counted);
            drop(writer);
        });
        let first = collector.refresh();
        check(&first);
        assert!([3, 8].contains(&total(&first)), "{}", total(&first));
        writing.join().unwrap();
        let last = collector.refresh();
        check(&last);
        assert_eq!(total(&last), 8);
        assert_eq!(session.writer().ingress(1), Verdict::Counted, "the place is free");
    });
}
