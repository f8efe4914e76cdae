//! Stopping a collector, and what is left of it.

use streamgauge::{CloseReason, Collector, CollectorConfig, ManualClock, Stats, Verdict};

use crate::ledger_check::{Checked, S, bytes};

const STOPPED: Verdict = Verdict::Closed(CloseReason::Stopped);

#[test]
fn stop_closes_and_accounts_everything() {
    let meter = Checked::new(|_| {});
    let active = meter.register("a", "", "", "");
    active.ingress(5);
    let pending = meter.register("b", "", "", "");
    let summary = meter.stopped();
    assert_eq!(bytes(summary.history.stats), (5, 0));
    assert_eq!(
        (summary.live, summary.pending),
        (Stats::default(), Stats::default())
    );
    assert_eq!(summary.discarded.total_sessions, 1);
    assert_eq!((active.ingress(1), pending.egress(1)), (STOPPED, STOPPED));
    assert_eq!(meter.ingress("a", 1), Verdict::Unknown);
    assert!(!meter.is_known_session("a") && meter.active().is_empty());
    assert_eq!(meter.sessions(), 0);
    assert!(meter.health().is_stopped && !meter.health().is_good());
}

#[test]
fn stop_closes_also_what_has_just_counted() {
    for waits in [0, 1, 5] {
        let meter = Checked::new(|_| {});
        let session = meter.register("a", "", "", "");
        session.ingress(5);
        meter.refreshed();
        meter.tick_after(S);
        meter.refreshed();
        session.ingress(waits);
        let summary = meter.stopped();
        assert_eq!(session.ingress(1), STOPPED);
        assert_eq!(bytes(summary.history.stats), (5 + waits, 0));
        assert_eq!((summary.live, meter.sessions()), (Stats::default(), 0));
    }
}

#[test]
fn stop_is_idempotent() {
    let meter = Checked::new(|_| {});
    meter.register("a", "", "", "").ingress(5);
    let first = meter.stopped();
    let second = meter.stopped();
    assert_eq!(first.sequence, second.sequence);
    assert_eq!(bytes(second.totals), (5, 0));
}

#[test]
fn reads_give_the_last_summary_after_stop() {
    let meter = Checked::new(|_| {});
    meter.register("a", "", "", "").ingress(5);
    let last = meter.stopped();
    meter.tick_after(S * 100);
    assert_eq!(meter.summary().sequence, last.sequence);
    assert_eq!(meter.with_summary(|summary| summary.totals), last.totals);
    assert_eq!(meter.refreshed().totals, last.totals);
}

#[test]
fn the_last_clone_stops_the_collector_and_no_other() {
    let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
    let clone = collector.clone();
    let session = collector.register("a", "", "", "");
    drop(collector);
    assert_eq!(session.ingress(1), Verdict::Counted);
    assert_eq!(clone.active()[0].rx_bytes, 1);
    let held = clone.refresh();
    drop(clone);
    assert_eq!(session.ingress(1), STOPPED);
    assert_eq!(held.live.total_rx_bytes, 1);
}

#[test]
fn handles_and_writers_do_not_keep_a_collector_alive() {
    let meter = Checked::new(|_| {});
    let session = meter.register("a", "", "", "");
    let (shared, mut writer) = (session.shared(), session.writer());
    drop(meter);
    assert_eq!(session.ingress(1), STOPPED);
    assert_eq!(shared.egress(1), STOPPED);
    assert_eq!(writer.ingress(1), STOPPED);
    assert!(!session.is_known() && !session.activate() && !session.unregister());
    session.extra("late");
    session.set_top_ingress_bitrate(5.0);
    assert_eq!(session.id().unwrap().as_bytes(), b"a");
}

#[test]
fn a_session_closed_before_the_stop_keeps_its_reason() {
    let meter = Checked::new(|_| {});
    let session = meter.register("a", "", "", "");
    session.unregister();
    meter.stop();
    assert_eq!(session.ingress(1), Verdict::Closed(CloseReason::Unregistered));
}
