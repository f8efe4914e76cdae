//! The sum of the tops: exact when all is quiet, and never below the tops it stands for.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use streamgauge::{Collector, CollectorConfig, ManualClock, RefuseReason, Verdict};
use streamgauge_testkit::rounds;

use crate::join::join_all;
use crate::on_drop::OnDrop;

#[test]
fn the_sum_of_tops_is_the_sum_of_the_sessions_tops() {
    rounds(|_| sum_against_tops());
}

fn sum_against_tops() {
    const IDS: [&str; 3] = ["a", "b", "c"];
    let clock = ManualClock::default();
    let collector = Collector::manual(CollectorConfig::default(), clock.clone());
    // One whose top nobody lowers but the tick, and that nobody closes.
    let held = collector.register("held", "held", "held", "held");
    let barrier = Barrier::new(3);
    let goes_on = AtomicBool::new(true);
    thread::scope(|scope| {
        let (collector, barrier, goes_on, held) = (&collector, &barrier, &goes_on, &held);
        let setting = scope.spawn(move || {
            let _over = OnDrop(|| goes_on.store(false, Ordering::Release));
            barrier.wait();
            for round in 0..4_000u32 {
                for (n, id) in IDS.iter().enumerate() {
                    let session = collector.register(id, id, id, id);
                    session.set_top_ingress_bitrate(f64::from(round % 1_000) * 10.0);
                    session.set_top_egress_bitrate(f64::from(round % 77));
                    if (round as usize + n).is_multiple_of(5) {
                        session.unregister();
                    }
                }
            }
        });
        let ticking = scope.spawn(move || {
            barrier.wait();
            while goes_on.load(Ordering::Acquire) {
                held.ingress(1_000);
                clock.advance(Duration::from_secs(1));
                collector.tick();
            }
        });
        barrier.wait();
        let mut floor = 0.0;
        // So often at least, also where the others are done before this thread gets its turn.
        for looks in 0.. {
            if looks >= 1_000 && !goes_on.load(Ordering::Acquire) {
                break;
            }
            held.set_top_egress_bitrate(5e6);
            // At least what this thread set last, less the decay of the ticks meanwhile; never a wrapped difference.
            let sum = collector.top_egress_bitrate();
            assert!(sum.is_finite() && sum < 1e15, "{sum}");
            floor = f64::max(floor, sum);
        }
        assert!(floor >= 4e6, "{floor}");
        join_all([setting, ticking]);
    });
    let known: Vec<_> = IDS.iter().chain(&["held"]).collect();
    let sum = |top: &dyn Fn(&str) -> f64| known.iter().map(|id| top(id)).sum::<f64>();
    assert_eq!(
        collector.top_ingress_bitrate().to_bits(),
        sum(&|id| collector.session_top_ingress_bitrate(id)).to_bits()
    );
    assert_eq!(
        collector.top_egress_bitrate().to_bits(),
        sum(&|id| collector.session_top_egress_bitrate(id)).to_bits()
    );
    collector.stop();
    assert_eq!(collector.top_ingress_bitrate().to_bits(), 0);
    assert_eq!(collector.top_egress_bitrate().to_bits(), 0);
}

#[test]
fn a_session_that_was_refused_or_closed_adds_nothing_to_the_sum_of_tops() {
    let mut config = CollectorConfig::default();
    config.max_tracked_sessions = 1;
    let collector = Collector::manual(config, ManualClock::default());
    let admitted = collector.register("a", "a", "a", "a");
    let refused = collector.register("b", "b", "b", "b");
    assert_eq!(
        refused.ingress(1),
        Verdict::Refused(RefuseReason::TooManySessions)
    );
    for session in [&admitted, &refused] {
        session.set_top_ingress_bitrate(1_000.0);
        session.set_top_egress_bitrate(1_000.0);
    }
    assert_eq!(collector.top_ingress_bitrate().to_bits(), 1_000f64.to_bits());
    assert_eq!(refused.top_ingress_bitrate().to_bits(), 0);
    admitted.unregister();
    admitted.set_top_egress_bitrate(5.0);
    assert_eq!(collector.top_egress_bitrate().to_bits(), 0);
}
