//! Many calls at once under one pin.

use streamgauge::{Collector, CollectorConfig, ManualClock, Verdict};

fn collector() -> Collector {
    Collector::manual(CollectorConfig::default(), ManualClock::default())
}

#[test]
fn a_batch_counts_each_call_exactly_and_in_order() {
    let collector = collector();
    for n in 0..40 {
        collector.register(format!("viewer-{n}"), "stream", "here", "there");
    }
    collector.unregister("viewer-3");
    // More than are looked up side by side, with ids that are closed, unknown, empty and met twice.
    let calls: Vec<(String, u64)> = (0..100)
        .map(|n| {
            (
                if n % 10 == 9 {
                    String::new()
                } else {
                    format!("viewer-{}", n % 50)
                },
                n,
            )
        })
        .collect();
    let known = |n: u64| n % 10 != 9 && n % 50 < 40 && n % 50 != 3;
    let mut verdicts = Vec::new();
    let burst = collector.burst();
    burst.ingress_all(&calls, |at, verdict| {
        assert_eq!(at, verdicts.len());
        verdicts.push(verdict);
    });
    let expected: Vec<_> = (0..100)
        .map(|n| {
            if known(n) {
                Verdict::Counted
            } else {
                Verdict::Unknown
            }
        })
        .collect();
    assert_eq!(verdicts, expected);
    burst.egress_all(&[("viewer-0", 7), ("viewer-0", 8)], |_, verdict| {
        assert_eq!(verdict, Verdict::Counted);
    });
    burst.ingress_all(&[] as &[(&str, u64)], |_, _| panic!("there is no call"));
    drop(burst);
    let live = collector.refresh().live;
    let bytes: u64 = (0..100).filter(|n| known(*n)).sum();
    assert_eq!((live.total_rx_bytes, live.total_tx_bytes), (bytes, 15));
}

#[test]
fn a_session_that_comes_or_goes_within_a_batch_is_met_as_it_is_by_then() {
    let collector = collector();
    let old = collector.register("a", "stream", "here", "there");
    let mut verdicts = Vec::new();
    collector
        .burst()
        .ingress_all(&[("a", 1), ("a", 2), ("b", 4), ("a", 8)], |at, verdict| {
            verdicts.push(verdict);
            match at {
                0 => assert!(collector.unregister("a")),
                1 => drop(collector.register("b", "stream", "here", "there")),
                2 => drop(collector.register("a", "stream", "here", "there")),
                _ => {}
            }
        });
    let (counted, unknown) = (Verdict::Counted, Verdict::Unknown);
    assert_eq!(verdicts, [counted, unknown, counted, counted]);
    assert!(matches!(old.ingress(1), Verdict::Closed(_)));
    let summary = collector.refresh();
    assert_eq!(
        (summary.history.stats.total_rx_bytes, summary.live.total_rx_bytes),
        (1, 12)
    );
}

#[test]
fn p8_a_null_collector_counts_a_batch() {
    let mut answered = 0;
    Collector::null()
        .burst()
        .egress_all(&[("a", 1), ("b", 2)], |at, verdict| {
            assert_eq!((at, verdict), (answered, Verdict::Counted));
            answered += 1;
        });
    assert_eq!(answered, 2);
}
