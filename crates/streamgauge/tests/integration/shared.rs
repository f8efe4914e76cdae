//! Shared handles: many threads that count for one session, each in a stripe of its own.

use std::sync::Barrier;
use std::thread;

use streamgauge::{Activation, CloseReason, RefuseReason, Verdict};

use crate::ledger_check::{Checked, S, bytes};

/// 2^48: the most that one call counts.
const MOST: u64 = 1 << 48;

#[test]
fn what_threads_count_by_shared_handles_is_part_of_their_session() {
    let meter = Checked::new(|config| config.count_packets = true);
    let session = meter.register("a", "stream", "here", "there");
    let barrier = Barrier::new(4);
    thread::scope(|scope| {
        for _ in 0..4 {
            let shared = session.shared();
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                for _ in 0..1_000 {
                    assert_eq!(shared.ingress(3), Verdict::Counted);
                    assert_eq!(shared.egress(2), Verdict::Counted);
                }
            });
        }
    });
    session.ingress(1);
    let mut writer = session.writer();
    writer.egress(1);
    let live = meter.refreshed().live;
    assert_eq!(bytes(live), (12_001, 8_001));
    assert_eq!((live.total_rx_packets, live.total_tx_packets), (4_001, 4_001));
    assert_eq!(meter.active()[0].rx_bytes, 12_001);
    session.unregister();
    assert_eq!(bytes(meter.refreshed().history.stats), (12_001, 8_001));
}

#[test]
fn p2_a_shared_handle_of_a_closed_session_counts_nothing() {
    let meter = Checked::new(|_| {});
    let session = meter.register("a", "", "", "");
    let before = session.shared();
    assert_eq!(before.ingress(7), Verdict::Counted);
    session.unregister();
    let closed = Verdict::Closed(CloseReason::Unregistered);
    assert_eq!(before.ingress(7), closed);
    let after = session.shared();
    assert_eq!((after.ingress(7), before.egress(7)), (closed, closed));
    assert_eq!(bytes(meter.refreshed().totals), (7, 0));
}

#[test]
fn first_bytes_in_a_stripe_activate_and_keep_alive() {
    let meter = Checked::new(|_| {});
    let session = meter.register("a", "", "", "");
    let shared = session.shared();
    assert_eq!(shared.ingress(0), Verdict::Counted);
    assert_eq!(meter.sessions(), 0);
    assert_eq!(shared.ingress(1), Verdict::Counted);
    assert_eq!(meter.sessions(), 1);
    for _ in 0..4 {
        shared.egress(1);
        meter.tick_after(S * 4);
        assert!(session.is_known());
    }
    let meter = Checked::new(|config| config.activation = Activation::Explicit);
    meter.register("b", "", "", "").shared().ingress(5);
    assert_eq!((meter.sessions(), bytes(meter.refreshed().pending)), (0, (5, 0)));
}

#[test]
fn a_session_closes_when_its_stripes_together_are_full() {
    let meter = Checked::new(|_| {});
    let session = meter.register("a", "stream", "here", "there");
    // Together 2^61, in two stripes or one, none of them near what it holds.
    thread::scope(|scope| {
        for _ in 0..2 {
            let shared = session.shared();
            scope.spawn(move || {
                for _ in 0..4_096 {
                    assert_eq!(shared.ingress(MOST), Verdict::Counted);
                }
            });
        }
    });
    assert_eq!(bytes(meter.refreshed().history.stats), (1 << 61, 0));
    assert_eq!(
        session.shared().ingress(1),
        Verdict::Closed(CloseReason::CounterFull)
    );
}

#[test]
fn a_stripe_has_room_where_the_session_itself_is_full() {
    let meter = Checked::patient(|_| {});
    let session = meter.register("a", "", "", "");
    for _ in 0..(1_u64 << 62) / MOST {
        assert_eq!(session.ingress(MOST), Verdict::Counted);
    }
    assert_eq!(session.ingress(1), Verdict::Refused(RefuseReason::CounterFull));
    assert_eq!(session.shared().ingress(1), Verdict::Counted);
    assert_eq!(bytes(meter.refreshed().totals), ((1 << 62) + 1, 0));
}
