//! A thread parked where the table grows, and where what it retired is freed.

use std::ops::Range;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use streamgauge_testkit::{ParkPoint, count};

use crate::harness::{DEADLINE, Outcome, run_packets, run_packets_while_parked};
use crate::subject::{Metered, Rival, Subject};

const SESSIONS: u64 = 20_000;

/// The table's segments are the only things larger than 4 and smaller than 8 KiB that a registration makes: the intake's
/// lists double, and the blocks that sessions are cut from have 32.
const SEGMENT_BYTES: Range<usize> = (4 << 10) + 1..8 << 10;

/// The table lists what it retired in pieces of 8 KiB, and frees each after the sessions in it.
const RETIRED_BYTES: Range<usize> = 8 << 10..(8 << 10) + 64;

/// The rival's arrays are larger, and its boxed sessions smaller.
const ARRAY_BYTES: usize = 48 << 10;

/// A collector whose intake has room for all sessions, and whose table never held more than a few of them.
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

#[test]
fn p3_packets_pass_a_thread_parked_in_the_tables_growth_allocation() {
    let subject = roomy();
    let point = ParkPoint::in_allocation(SEGMENT_BYTES);
    let outcome = run_packets_while_parked(&subject, &point, DEADLINE, grow);
    assert_eq!(outcome, Some(Outcome::Finished));
}

#[test]
fn p3_packets_pass_a_sampler_parked_in_the_free_of_what_the_table_retired() {
    let subject = roomy();
    // The burst holds back what is retired, so that one collection has the free of it to itself.
    let burst = subject.collector.burst();
    grow(&*subject);
    for n in 0..SESSIONS {
        subject.unregister(n);
    }
    // The rows of the sessions that closed before are tidied away first, so that what is left to free is the table's.
    for _ in 0..4 {
        subject.collector.refresh();
    }
    let ((), idle) = count(|| {
        subject.collector.refresh();
    });
    assert!(idle.frees < 100, "{idle:?}");
    drop(burst);
    let point = ParkPoint::in_free(RETIRED_BYTES);
    let outcome = run_packets_while_parked(&subject, &point, DEADLINE, |subject| {
        // A lookup of another test, under way at that moment, holds back what is retired here: then the next one frees it.
        let frees = || count(|| subject.collector.refresh()).1.largest_free;
        while frees() < RETIRED_BYTES.start as u64 {
            thread::yield_now();
        }
    });
    assert_eq!(outcome, Some(Outcome::Finished));
}

#[test]
fn the_harness_reports_a_table_behind_a_mutex_stuck() {
    // Long for 100,000 calls, short enough to wait for what never comes.
    const SHORT: Duration = Duration::from_secs(4);
    let rival = Rival::new();
    assert_eq!(run_packets(&rival, DEADLINE), Outcome::Finished);
    for point in [
        ParkPoint::in_allocation(ARRAY_BYTES..),
        ParkPoint::in_free(ARRAY_BYTES..),
    ] {
        let rival = Rival::new();
        let outcome = run_packets_while_parked(&rival, &point, SHORT, grow);
        assert_eq!(outcome, Some(Outcome::Stuck));
        // Let go, it finishes: it was the parked thread that it waited for.
        assert_eq!(run_packets(&rival, DEADLINE), Outcome::Finished);
    }
}
