//! One id, many sessions after another: what a handle or a writer counted is in the row of its own session (P2).

use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;

use streamgauge::{Collector, CollectorConfig, ManualClock, SessionHandle, Verdict};
use streamgauge_testkit::rounds;

use crate::account::{Accounts, Moved, Way};
use crate::audit::check_quiet;
use crate::join::join_all;
use crate::on_drop::OnDrop;

fn reference(generation: usize) -> String {
    format!("generation {generation}")
}

/// The session there is now, and which it is.
#[derive(Clone)]
struct Current {
    generation: usize,
    session: SessionHandle,
}

#[test]
fn p2_a_session_never_gets_the_bytes_of_another_with_its_id() {
    rounds(|_| generations_of_one_id());
}

fn generations_of_one_id() {
    const GENERATIONS: usize = 1_500;
    const THREADS: usize = 3;
    let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
    let accounts = Accounts::new(THREADS, GENERATIONS);
    let register = |generation| Current {
        generation,
        session: collector.register("id", &reference(generation), "here", "there"),
    };
    let current = Mutex::new(register(0));
    let changed = AtomicUsize::new(0);
    let barrier = Barrier::new(THREADS + 2);
    thread::scope(|scope| {
        let mut others = Vec::new();
        for thread in 0..THREADS {
            let (accounts, current, changed, barrier) = (&accounts, &current, &changed, &barrier);
            others.push(scope.spawn(move || {
                let account = accounts.of_thread(thread);
                barrier.wait();
                while changed.load(Ordering::Acquire) + 1 < GENERATIONS {
                    let now = {
                        let current = current.lock().unwrap();
                        // ThreadSanitizer does not see what std's lock orders, and sees this: after the one that wrote
                        // before, and before the one that writes next.
                        changed.load(Ordering::Acquire);
                        let now = current.clone();
                        changed.fetch_add(0, Ordering::Release);
                        now
                    };
                    let label = now.generation;
                    if thread == 0 {
                        let mut writer = now.session.writer();
                        while account.call(label, Way::Egress, 3, |bytes| writer.egress(bytes))
                            == Verdict::Counted
                            && changed.load(Ordering::Acquire) + 1 < GENERATIONS
                        {}
                        if label % 5 == 0 {
                            mem::forget(writer);
                        }
                    } else {
                        while account.call(label, Way::Ingress, 7, |bytes| now.session.ingress(bytes))
                            == Verdict::Counted
                            && changed.load(Ordering::Acquire) + 1 < GENERATIONS
                        {}
                    }
                }
            }));
        }
        let (collector, accounts, current, changed, barrier, register) =
            (&collector, &accounts, &current, &changed, &barrier, &register);
        others.push(scope.spawn(move || {
            let _over = OnDrop(|| changed.store(GENERATIONS, Ordering::Release));
            barrier.wait();
            for generation in 1..GENERATIONS {
                // Some are counted for, however the threads are scheduled.
                while generation % 16 == 0 && accounts.accepted_for(generation - 1) == Moved::default() {
                    thread::yield_now();
                }
                // Alternately by handle and by id; the successor comes at once.
                if generation % 2 == 0 {
                    assert!(current.lock().unwrap().session.unregister());
                } else {
                    assert!(collector.unregister("id"));
                }
                let successor = register(generation);
                let mut current = current.lock().unwrap();
                changed.load(Ordering::Acquire);
                *current = successor;
                changed.store(generation, Ordering::Release);
                drop(current);
                thread::yield_now();
            }
        }));
        barrier.wait();
        while changed.load(Ordering::Acquire) + 1 < GENERATIONS {
            collector.refresh();
        }
        join_all(others);
    });
    collector.stop();
    let last = check_quiet(&collector, &accounts, false);
    let mut counted = 0;
    for generation in 0..GENERATIONS {
        let row = last
            .history
            .references
            .get(&reference(generation))
            .copied()
            .unwrap_or_default();
        let accepted = accounts.accepted_for(generation).without_packets();
        assert_eq!(Moved::from(row), accepted, "{}", reference(generation));
        counted += u64::from(accepted != Moved::default());
        assert_eq!(row.total_sessions, u64::from(accepted != Moved::default()));
    }
    assert!(counted > 20, "only {counted} sessions counted anything");
}
