//! Reads.

use std::hint::black_box;
use std::time::Duration;

use streamgauge_testkit::{Counts, count};

use crate::{alone, assert_none, collector_of, id, on_packet_thread, settle};

#[test]
fn p4_reads_allocate_and_free_nothing() {
    let _alone = alone();
    let (collector, clock) = collector_of(100, true);
    for n in 0..100 {
        collector.ingress(id(n), 1_000);
    }
    clock.advance(Duration::from_secs(1));
    collector.tick();
    settle(&collector);
    on_packet_thread(|| {
        assert_none("reads", || {
            for _ in 0..1_000 {
                drop(black_box(collector.summary()));
                assert_eq!(
                    collector.with_summary(|summary| summary.live.total_rx_bytes),
                    100_000
                );
                assert_eq!(collector.sessions(), 100);
                for bitrate in [
                    collector.ingress_bitrate(),
                    collector.egress_bitrate(),
                    collector.top_ingress_bitrate(),
                    collector.top_egress_bitrate(),
                    collector.max_ingress_bitrate(),
                    collector.max_egress_bitrate(),
                ] {
                    black_box(bitrate);
                }
                black_box(collector.is_ingress_bitrate_exceeded());
                black_box(collector.is_egress_bitrate_exceeded());
                black_box(collector.is_sessions_exceeded());
                assert!(collector.is_known_session(id(1)));
            }
        });
    });
}

#[test]
fn p4_a_reader_that_drops_an_old_summary_frees_nothing() {
    let _alone = alone();
    for ticks in [0, 1, 2, 10] {
        let (collector, clock) = collector_of(100, false);
        let tick = || {
            clock.advance(Duration::from_secs(1));
            collector.tick();
        };
        tick();
        let old = collector.summary();
        let same = collector.summary();
        tick();
        let next = collector.summary();
        for n in 0..50 {
            collector.unregister(id(n));
        }
        for _ in 0..ticks {
            tick();
        }
        assert_none("drops, not in the order of the loads", || {
            drop(same);
            drop(next);
            drop(old);
        });
    }
}

#[test]
fn p4_a_borrower_of_an_old_summary_frees_nothing() {
    let _alone = alone();
    let (collector, _) = collector_of(100, false);
    streamgauge::prepare_thread();
    // What counting inside of counting shows by itself.
    let (_, own) = count(|| count(|| ()));
    let (ticks, all) = count(|| {
        collector.with_summary(|summary| {
            let sequence = summary.sequence;
            let ((), ticks) = count(|| {
                for _ in 0..5 {
                    collector.tick();
                }
            });
            assert_eq!(summary.sequence, sequence);
            ticks
        })
    });
    assert_ne!(ticks, Counts::default());
    assert_eq!(
        (all.allocations, all.frees),
        (ticks.allocations + own.allocations, ticks.frees + own.frees),
        "the borrow and its end"
    );
}
