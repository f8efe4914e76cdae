//! Counters near the limit of what they hold.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use streamgauge::{
    CloseReason, Collector, CollectorConfig, ManualClock, RefuseReason, SessionHandle, Verdict,
};
use streamgauge_testkit::rounds;

use crate::account::{Account, Accounts, Moved, Way};
use crate::audit::{Audit, check_quiet};
use crate::join::join_all;
use crate::on_drop::OnDrop;

/// The most that one call counts.
const MOST: u64 = 1 << 48;

/// Brings a session up to `bytes`, a multiple of [`MOST`].
fn fill(account: &Account, session: &SessionHandle, bytes: u64) {
    for _ in 0..bytes / MOST {
        let verdict = account.call(0, Way::Ingress, MOST, |bytes| session.ingress(bytes));
        assert_eq!(verdict, Verdict::Counted);
    }
}

/// Threads add to one session around `start` until it closes, while a refresher meets it at some point.
fn race(start: u64, adds_before_refresh: u64) {
    const THREADS: usize = 3;
    let mut config = CollectorConfig::default();
    config.count_packets = true;
    let collector = Collector::manual(config, ManualClock::default());
    let accounts = Accounts::new(THREADS + 1, 1);
    let session = collector.register("id", "id", "id", "id");
    fill(accounts.of_thread(THREADS), &session, start);
    let barrier = Barrier::new(THREADS + 1);
    let goes_on = AtomicBool::new(true);
    thread::scope(|scope| {
        let mut adders = Vec::new();
        for thread in 0..THREADS {
            let (session, accounts, barrier, goes_on) = (&session, &accounts, &barrier, &goes_on);
            adders.push(scope.spawn(move || {
                let account = accounts.of_thread(thread);
                barrier.wait();
                for n in 0.. {
                    // What was begun, refused calls included, has to stay within what the account can hold.
                    let bytes = if n < 4_096 { MOST } else { 1 };
                    if !goes_on.load(Ordering::Acquire) {
                        break;
                    }
                    match account.call(0, Way::Ingress, bytes, |bytes| session.ingress(bytes)) {
                        Verdict::Counted | Verdict::Refused(RefuseReason::CounterFull) => {}
                        Verdict::Closed(CloseReason::CounterFull) => break,
                        other => panic!("{other:?}"),
                    }
                }
            }));
        }
        let _over = OnDrop(|| goes_on.store(false, Ordering::Release));
        barrier.wait();
        for _ in 0..adds_before_refresh {
            thread::yield_now();
        }
        let mut audit = Audit::default();
        while session.is_known() {
            audit.check_around(&accounts, true, || collector.refresh());
        }
        join_all(adders);
    });
    let last = check_quiet(&collector, &accounts, true);
    assert_eq!(Moved::from(last.history.stats), accounts.accepted());
    assert!(!collector.is_known_session("id"));
}

#[test]
fn p2_a_counter_that_nears_its_limit_closes_exactly() {
    rounds(|seed| {
        for round in 0..20 {
            race((1 << 61) - 8 * MOST, round + seed % 7);
        }
    });
}

#[test]
fn p2_a_full_counter_refuses_and_closes_exactly() {
    rounds(|seed| {
        for round in 0..20 {
            race((1 << 62) - 4 * MOST, round + seed % 7);
        }
    });
}

#[test]
fn a_full_counter_refuses_what_it_cannot_hold() {
    let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
    let accounts = Accounts::new(1, 1);
    let session = collector.register("id", "id", "id", "id");
    fill(accounts.of_thread(0), &session, 1 << 62);
    assert_eq!(session.ingress(1), Verdict::Refused(RefuseReason::CounterFull));
    assert_eq!(session.egress(MOST + 1), Verdict::Refused(RefuseReason::TooLarge));
    check_quiet(&collector, &accounts, false);
    assert_eq!(session.ingress(1), Verdict::Closed(CloseReason::CounterFull));
    assert_eq!(collector.ingress("id", 1), Verdict::Unknown);
    check_quiet(&collector, &accounts, false);
}

#[test]
fn a_full_writer_refuses_what_it_cannot_hold() {
    let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
    let accounts = Accounts::new(1, 1);
    let mut writer = collector.register("id", "id", "id", "id").writer();
    loop {
        match accounts
            .of_thread(0)
            .call(0, Way::Egress, MOST, |bytes| writer.egress(bytes))
        {
            Verdict::Counted => {}
            other => {
                assert_eq!(other, Verdict::Refused(RefuseReason::CounterFull));
                break;
            }
        }
    }
    assert_eq!(accounts.accepted().tx_bytes, 1 << 62);
    check_quiet(&collector, &accounts, false);
    assert_eq!(writer.egress(1), Verdict::Closed(CloseReason::CounterFull));
    drop(writer);
    check_quiet(&collector, &accounts, false);
}
