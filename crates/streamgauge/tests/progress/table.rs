//! A thread parked where the table grows.

use std::sync::Arc;
use std::time::Duration;

use streamgauge_testkit::ParkPoint;

use crate::harness::{DEADLINE, Outcome, run_packets, run_packets_while_parked};
use crate::subject::{Metered, Rival, Subject};

const SESSIONS: u64 = 20_000;

/// The table's arrays are the only things as large as this that a registration makes, once the intake has its room.
const ARRAY_BYTES: usize = 48 << 10;

/// A collector whose intake has room for all sessions and whose table is small again.
fn roomy() -> Arc<Metered> {
    let subject = Metered::manual();
    for n in 0..SESSIONS {
        subject.register(n);
        subject.unregister(n);
    }
    subject.collector.refresh();
    subject
}

fn grow<S: Subject>(subject: &S) {
    for n in 0..SESSIONS {
        subject.register(n);
    }
}

fn grow_and_shrink<S: Subject>(subject: &S) {
    for _ in 0..4 {
        for n in 0..SESSIONS {
            subject.register(n);
        }
        for n in 0..SESSIONS {
            subject.unregister(n);
        }
    }
}

#[test]
fn p3_packets_pass_a_thread_parked_in_the_tables_growth_allocation() {
    let subject = roomy();
    let point = ParkPoint::in_allocation(ARRAY_BYTES);
    let outcome = run_packets_while_parked(&subject, &point, DEADLINE, grow);
    assert_eq!(outcome, Some(Outcome::Finished));
}

#[test]
fn p3_packets_pass_a_thread_parked_in_the_tables_growth_free() {
    let subject = roomy();
    let point = ParkPoint::in_free(ARRAY_BYTES);
    let outcome = run_packets_while_parked(&subject, &point, DEADLINE, grow_and_shrink);
    assert_eq!(outcome, Some(Outcome::Finished));
}

#[test]
fn the_harness_reports_a_table_behind_a_mutex_stuck() {
    // Long for 100,000 calls, short enough to wait for what never comes.
    const SHORT: Duration = Duration::from_secs(4);
    let rival = Rival::new();
    assert_eq!(run_packets(&rival, DEADLINE), Outcome::Finished);
    for point in [
        ParkPoint::in_allocation(ARRAY_BYTES),
        ParkPoint::in_free(ARRAY_BYTES),
    ] {
        let rival = Rival::new();
        let outcome = run_packets_while_parked(&rival, &point, SHORT, grow);
        assert_eq!(outcome, Some(Outcome::Stuck));
        // Let go, it finishes: it was the parked thread that it waited for.
        assert_eq!(run_packets(&rival, DEADLINE), Outcome::Finished);
    }
}
