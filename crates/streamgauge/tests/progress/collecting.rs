//! The sampler parked in mid-tick, and a thread that registers.

use streamgauge_testkit::ParkPoint;

use crate::harness::{DEADLINE, Outcome, run_packets_while_parked};
use crate::subject::{Metered, Subject};

#[test]
fn p3_packets_pass_a_tick_parked_under_the_collection_lock() {
    let subject = Metered::manual();
    subject.collector.tick();
    let point = ParkPoint::in_allocation(1..);
    let outcome = run_packets_while_parked(&subject, &point, DEADLINE, |subject| subject.collector.tick());
    assert_eq!(outcome, Some(Outcome::Finished));
}

#[test]
fn p3_packets_pass_a_tick_parked_while_it_takes_new_sessions_in() {
    const NEW: usize = 2_000;
    let subject = Metered::manual();
    for n in 0..NEW {
        subject.register(n as u64);
    }
    // The list of the new sessions is the first thing as large as this, and is made under the intake's lock.
    let point = ParkPoint::in_allocation(NEW * size_of::<usize>()..);
    let outcome = run_packets_while_parked(&subject, &point, DEADLINE, |subject| subject.collector.tick());
    assert_eq!(outcome, Some(Outcome::Finished));
}

#[test]
fn p3_packets_pass_a_tick_parked_while_it_lets_memory_go() {
    let subject = Metered::manual();
    for n in 0..2_000 {
        subject.register(n);
    }
    subject.collector.tick();
    for n in 0..2_000 {
        subject.unregister(n);
    }
    let point = ParkPoint::in_free(64..);
    let outcome = run_packets_while_parked(&subject, &point, DEADLINE, |subject| subject.collector.tick());
    assert_eq!(outcome, Some(Outcome::Finished));
}

#[test]
fn p3_packets_pass_a_parked_refresh() {
    let subject = Metered::manual();
    subject.collector.tick();
    let point = ParkPoint::in_allocation(1..);
    let outcome = run_packets_while_parked(&subject, &point, DEADLINE, |subject| {
        subject.collector.refresh();
    });
    assert_eq!(outcome, Some(Outcome::Finished));
}

#[test]
fn p3_packets_pass_a_parked_registration() {
    // Its allocations one after another: the session, its labels, and what the table and the intake make.
    for min_bytes in [1, 64, 128] {
        let subject = Metered::manual();
        let point = ParkPoint::in_allocation(min_bytes..);
        let outcome = run_packets_while_parked(&subject, &point, DEADLINE, |subject| {
            for n in 0..1_000 {
                subject.register(n);
            }
        });
        assert_eq!(outcome, Some(Outcome::Finished), "{min_bytes}");
    }
}

#[test]
fn p3_packets_pass_a_registration_parked_in_the_intake() {
    let subject = Metered::manual();
    // Registered and closed at once, so that the table stays small and only the intake's list grows.
    let point = ParkPoint::in_allocation(16 << 10..);
    let outcome = run_packets_while_parked(&subject, &point, DEADLINE, |subject| {
        for n in 0..10_000 {
            subject.register(n);
            subject.unregister(n);
        }
    });
    assert_eq!(outcome, Some(Outcome::Finished));
}
