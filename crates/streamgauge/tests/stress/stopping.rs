//! A stop while everybody works.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use streamgauge::{CloseReason, Collector, CollectorConfig, ManualClock, RefuseReason, Verdict};
use streamgauge_testkit::rounds;

use crate::account::{Accounts, Moved, Way};
use crate::audit::check_quiet;
use crate::join::join_all;
use crate::storm::Storm;

#[test]
fn p2_stop_is_exact_while_everybody_works() {
    rounds(|seed| {
        for steps in [1, 100, 1_000, 3_000] {
            let storm = Storm {
                steps: 2 * steps,
                stop_after: Some(steps),
                ..Storm::default()
            };
            storm.round(seed);
        }
    });
}

#[test]
fn p2_registrations_that_race_a_stop_are_closed_by_it_or_refused() {
    rounds(|_| registrations_against_a_stop());
}

fn registrations_against_a_stop() {
    const THREADS: usize = 3;
    for round in 0..40 {
        let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
        let accounts = Accounts::new(THREADS, 1);
        let barrier = Barrier::new(THREADS + 1);
        let has_stopped = AtomicBool::new(false);
        thread::scope(|scope| {
            let mut registering = Vec::new();
            for thread in 0..THREADS {
                let (collector, accounts, barrier, has_stopped) =
                    (&collector, &accounts, &barrier, &has_stopped);
                registering.push(scope.spawn(move || {
                    let account = accounts.of_thread(thread);
                    barrier.wait();
                    for n in 0..400 {
                        let is_after = has_stopped.load(Ordering::Acquire);
                        let id = format!("{thread} {n}");
                        let session = collector.register(&id, "reference", "location", "peer");
                        let counted = account.call(0, Way::Ingress, n + 1, |bytes| session.ingress(bytes));
                        let by_id = account.call(0, Way::Egress, n + 1, |bytes| collector.egress(&id, bytes));
                        if counted == Verdict::Refused(RefuseReason::Stopped) {
                            assert!(!collector.is_known_session(&id));
                            assert_eq!(by_id, Verdict::Unknown);
                            break;
                        }
                        assert!(!is_after, "{counted:?} after the stop");
                        assert!(
                            matches!(counted, Verdict::Counted | Verdict::Closed(CloseReason::Stopped)),
                            "{counted:?}"
                        );
                        if n % 3 == 0 {
                            session.unregister();
                        }
                    }
                }));
            }
            barrier.wait();
            for _ in 0..round {
                thread::yield_now();
            }
            collector.stop();
            has_stopped.store(true, Ordering::Release);
            join_all(registering);
        });
        let last = check_quiet(&collector, &accounts, false);
        assert_eq!(Moved::from(last.history.stats), Moved::from(last.totals));
        assert_eq!(collector.sessions(), 0);
    }
}
