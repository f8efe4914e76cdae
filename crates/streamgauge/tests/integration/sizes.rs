//! How much one call, and one session, can count.

use streamgauge::{CloseReason, RefuseReason, SessionHandle, Verdict};

use crate::ledger_check::{Checked, S, bytes};

const MOST: u64 = 1 << 48;
const TOO_LARGE: Verdict = Verdict::Refused(RefuseReason::TooLarge);
const FULL: Verdict = Verdict::Refused(RefuseReason::CounterFull);

/// Counts received bytes until there are so many; `session` had none. A multiple of 2^48.
fn fill(session: &SessionHandle, bytes: u64) {
    for _ in 0..bytes / MOST {
        assert_eq!(session.ingress(MOST), Verdict::Counted);
    }
}

#[test]
fn one_call_counts_up_to_2_to_the_48_bytes() {
    let meter = Checked::new(|_| {});
    let session = meter.register("a", "", "", "");
    let mut writer = session.writer();
    for (size, verdict) in [
        (0, Verdict::Counted),
        (1, Verdict::Counted),
        (MOST - 1, Verdict::Counted),
        (MOST, Verdict::Counted),
        (MOST + 1, TOO_LARGE),
        (1 << 63, TOO_LARGE),
        (u64::MAX, TOO_LARGE),
    ] {
        assert_eq!(meter.ingress("a", size), verdict, "{size}");
        assert_eq!(meter.egress("a", size), verdict, "{size}");
        assert_eq!(meter.burst().ingress("a", size), verdict, "{size}");
        assert_eq!(session.ingress(size), verdict, "{size}");
        assert_eq!(session.shared().egress(size), verdict, "{size}");
        assert_eq!(writer.ingress(size), verdict, "{size}");
        assert_eq!(writer.egress(size), verdict, "{size}");
    }
    assert_eq!(bytes(meter.refreshed().totals), (MOST * 2 * 4, MOST * 2 * 3));
}

#[test]
fn a_refused_first_call_activates_nothing() {
    let meter = Checked::new(|_| {});
    let session = meter.register("a", "", "", "");
    assert_eq!(session.ingress(MOST + 1), TOO_LARGE);
    assert_eq!(session.writer().ingress(MOST + 1), TOO_LARGE);
    assert_eq!(meter.sessions(), 0);
}

#[test]
fn a_session_near_its_limit_is_closed_by_the_next_tick() {
    let meter = Checked::patient(|_| {});
    let session = meter.register("a", "", "", "");
    fill(&session, (1 << 61) - MOST);
    session.ingress(MOST - 1);
    meter.tick_after(S);
    assert!(session.is_known());
    session.ingress(1);
    meter.tick_after(S);
    assert_eq!(session.ingress(1), Verdict::Closed(CloseReason::CounterFull));
    assert_eq!(meter.ingress("a", 1), Verdict::Unknown);
    assert_eq!(bytes(meter.summary().history.stats), (1 << 61, 0));
}

#[test]
fn a_session_near_its_limit_is_closed_by_the_next_refresh() {
    let meter = Checked::patient(|_| {});
    let session = meter.register("a", "", "", "");
    fill(&session, 1 << 61);
    assert_eq!(session.ingress(5), Verdict::Counted);
    let summary = meter.refreshed();
    assert_eq!(session.ingress(1), Verdict::Closed(CloseReason::CounterFull));
    assert_eq!(bytes(summary.history.stats), ((1 << 61) + 5, 0));
    assert_eq!(meter.register("a", "", "", "").ingress(1), Verdict::Counted);
}

#[test]
fn a_full_session_refuses_and_its_total_is_exact() {
    let meter = Checked::patient(|config| config.count_packets = true);
    let session = meter.register("a", "", "", "");
    fill(&session, 1 << 62);
    for size in [0, 1, MOST] {
        assert_eq!(session.ingress(size), FULL, "{size}");
        assert_eq!(meter.ingress("a", size), FULL, "{size}");
    }
    assert_eq!(session.egress(3), Verdict::Counted);
    let totals = meter.tick_after(S).totals;
    assert_eq!(bytes(totals), (1 << 62, 3));
    assert_eq!((totals.total_rx_packets, totals.total_tx_packets), (1 << 14, 1));
}

#[test]
fn a_writer_near_its_limit_closes_its_session_and_refuses_at_the_limit() {
    let meter = Checked::patient(|_| {});
    let session = meter.register("a", "", "", "");
    let mut writer = session.writer();
    for _ in 0..(1_u64 << 62) / MOST {
        assert_eq!(writer.egress(MOST), Verdict::Counted);
    }
    assert_eq!(writer.egress(1), FULL);
    assert_eq!(writer.ingress(1), Verdict::Counted);
    let summary = meter.tick_after(S);
    assert_eq!(writer.egress(1), Verdict::Closed(CloseReason::CounterFull));
    assert_eq!(bytes(summary.history.stats), (1, 1 << 62));
}

#[test]
fn what_a_session_and_its_writers_hold_together_closes_it() {
    let meter = Checked::patient(|_| {});
    let session = meter.register("a", "", "", "");
    let mut writer = session.writer();
    fill(&session, 1 << 60);
    for _ in 0..(1_u64 << 60) / MOST {
        writer.ingress(MOST);
    }
    let summary = meter.tick_after(S);
    assert!(!session.is_known());
    assert_eq!(bytes(summary.totals), (1 << 61, 0));
}

#[test]
fn sums_of_full_sessions_never_wrap() {
    let meter = Checked::patient(|_| {});
    for n in 0..5 {
        let session = meter.register(n.to_string(), "stream", "here", "there");
        fill(&session, 1 << 62);
        let summary = meter.tick_after(S);
        let expected = (1_u64 << 62).saturating_mul(n + 1);
        assert_eq!(bytes(summary.totals), (expected, 0), "{n}");
        assert_eq!(summary.totals.total_sessions, n + 1);
    }
}
