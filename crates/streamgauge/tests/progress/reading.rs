//! Readers parked with what they read.

use std::sync::Arc;
use std::thread;

use streamgauge_testkit::ParkPoint;

use crate::gate::Gate;
use crate::harness::{DEADLINE, Outcome, run, run_packets, run_packets_while_parked};
use crate::subject::Metered;

/// Runs the packets, and then ticks, while a reader stands in `read`, which passes the gate.
fn assert_passed(read: impl FnOnce(&Metered, &Gate) + Send) {
    let subject = Metered::manual();
    subject.collector.activate(b"p\0\0\0\0\0\0\0\0");
    subject.collector.tick();
    let gate = Gate::default();
    thread::scope(|scope| {
        scope.spawn(|| read(&subject, &gate));
        gate.wait_until_parked();
        let before = run_packets(&subject, DEADLINE);
        let collector = subject.collector.clone();
        let ticks = run(DEADLINE, move || {
            for _ in 0..10 {
                collector.refresh();
            }
        });
        let after = run_packets(&subject, DEADLINE);
        gate.open();
        assert_eq!([before, ticks, after], [const { Outcome::Finished }; 3]);
    });
}

#[test]
fn p4_nobody_waits_for_a_reader_that_holds_a_summary() {
    assert_passed(|subject, gate| {
        let summary = subject.collector.summary();
        let (sequence, totals) = (summary.sequence, summary.totals);
        gate.pass();
        assert_eq!((summary.sequence, summary.totals), (sequence, totals));
    });
}

#[test]
fn p4_nobody_waits_for_a_reader_that_borrows_a_summary() {
    assert_passed(|subject, gate| {
        subject.collector.with_summary(|summary| {
            let (sequence, totals) = (summary.sequence, summary.totals);
            gate.pass();
            assert_eq!((summary.sequence, summary.totals), (sequence, totals));
        });
    });
}

#[test]
fn p4_nobody_waits_for_a_reader_between_two_sessions_of_a_summary() {
    assert_passed(|subject, gate| {
        let summary = Arc::clone(&subject.collector.summary());
        let mut rows = summary.active.iter();
        let first = rows.next().unwrap();
        gate.pass();
        assert_eq!((first.rx_bytes, rows.count() + 1), (0, summary.active.len()));
    });
}

#[test]
fn p3_packets_pass_a_reader_parked_inside_active() {
    // At its first allocation it holds the intake's lock, at a later one the summary.
    for min_bytes in [1, size_of::<streamgauge::Session>()] {
        let subject = Metered::manual();
        subject.collector.activate(b"p\0\0\0\0\0\0\0\0");
        let point = ParkPoint::in_allocation(min_bytes..);
        let outcome = run_packets_while_parked(&subject, &point, DEADLINE, |subject| {
            assert!(!subject.collector.active().is_empty());
        });
        assert_eq!(outcome, Some(Outcome::Finished), "{min_bytes}");
    }
}
