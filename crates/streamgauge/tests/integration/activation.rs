//! What makes a pending session active.

use streamgauge::{Activation, SessionHandle, Verdict};

use crate::ledger_check::{Checked, S, assert_rate, bytes};

fn explicit() -> Checked {
    Checked::new(|config| config.activation = Activation::Explicit)
}

#[test]
fn first_bytes_activate_at_once_by_every_way() {
    let ways: [fn(&Checked, &SessionHandle) -> Verdict; 8] = [
        |meter, _| meter.ingress("a", 1),
        |meter, _| meter.egress("a", 1),
        |meter, _| meter.burst().ingress("a", 1),
        |_, session| session.ingress(1),
        |_, session| session.egress(1),
        |_, session| session.shared().ingress(1),
        |_, session| session.writer().ingress(1),
        |_, session| session.writer().egress(1),
    ];
    for (n, count) in ways.iter().enumerate() {
        let meter = Checked::new(|_| {});
        let session = meter.register("a", "", "", "");
        assert_eq!(count(&meter, &session), Verdict::Counted);
        assert_eq!((meter.sessions(), meter.active().len()), (1, 1), "way {n}");
        assert!(!session.activate(), "way {n}");
        assert_eq!(meter.refreshed().live.total_sessions, 1, "way {n}");
    }
}

#[test]
fn no_bytes_activate_nothing() {
    let meter = Checked::new(|_| {});
    let session = meter.register("a", "", "", "");
    let mut writer = session.writer();
    for verdict in [
        meter.ingress("a", 0),
        session.egress(0),
        writer.ingress(0),
        writer.egress(0),
    ] {
        assert_eq!(verdict, Verdict::Counted);
    }
    assert_eq!(meter.sessions(), 0);
    assert_eq!(meter.refreshed().pending.total_sessions, 1);
    assert_eq!(session.ingress(1), Verdict::Counted);
    assert_eq!(meter.sessions(), 1);
}

#[test]
fn activate_answers_true_once() {
    let meter = Checked::new(|_| {});
    let session = meter.register("a", "", "", "");
    assert!(meter.activate("a"));
    assert!(!meter.activate("a") && !session.activate());
    assert!(!meter.activate("nobody"));
    session.unregister();
    assert!(!meter.activate("a") && !session.activate());
    assert_eq!(meter.sessions(), 0);
}

#[test]
fn live_answers_show_an_activation_at_once() {
    let meter = Checked::new(|config| config.max_sessions = 2);
    meter.register("a", "", "", "");
    assert_eq!((meter.sessions(), meter.active().len()), (0, 0));
    meter.activate("a");
    assert_eq!((meter.sessions(), meter.active().len()), (1, 1));
    assert!(!meter.is_sessions_exceeded());
    meter.register_and_activate("b", "", "", "");
    assert_eq!((meter.sessions(), meter.active().len()), (2, 2));
    assert!(meter.is_sessions_exceeded());
    assert_eq!(meter.summary().current_sessions, 0);
}

#[test]
fn explicit_bytes_leave_a_session_pending() {
    let meter = explicit();
    let session = meter.register("a", "", "", "");
    let mut writer = session.writer();
    for verdict in [meter.ingress("a", 100), session.egress(10), writer.ingress(1)] {
        assert_eq!(verdict, Verdict::Counted);
    }
    assert_eq!((meter.sessions(), meter.active().len()), (0, 0));
    let summary = meter.refreshed();
    assert_eq!((bytes(summary.pending), bytes(summary.live)), ((101, 10), (0, 0)));
    assert!(session.activate());
    let summary = meter.refreshed();
    assert_eq!((bytes(summary.pending), bytes(summary.live)), ((0, 0), (101, 10)));
}

#[test]
fn explicit_bytes_of_a_pending_session_count_in_the_rates() {
    let meter = explicit();
    let session = meter.register("a", "", "", "");
    session.ingress(1_000);
    meter.tick_after(S);
    assert_rate(meter.ingress_bitrate(), 8_000.0);
    assert_rate(meter.top_ingress_bitrate(), 8_000.0);
    assert_rate(session.top_ingress_bitrate(), 8_000.0);
}

#[test]
fn explicit_bytes_of_a_session_never_activated_are_discarded() {
    let meter = explicit();
    let session = meter.register("a", "", "", "");
    session.ingress(100);
    session.writer().egress(10);
    meter.tick_after(S);
    session.unregister();
    let summary = meter.tick_after(S);
    assert_eq!(bytes(summary.discarded), (100, 10));
    assert_eq!(summary.discarded.total_sessions, 1);
    assert_eq!(summary.history.stats.total_sessions, 0);
}

#[test]
fn explicit_bytes_of_a_session_activated_late_enter_history() {
    let meter = explicit();
    let session = meter.register("a", "", "", "");
    session.ingress(100);
    assert!(session.activate());
    session.unregister();
    let summary = meter.tick_after(S);
    assert_eq!(bytes(summary.history.stats), (100, 0));
    assert_eq!(summary.discarded.total_sessions, 0);
}

#[test]
fn silent_session_never_activated_is_discarded() {
    let meter = Checked::new(|_| {});
    meter.register("a", "", "", "");
    let summary = meter.tick_after(S * 5);
    assert_eq!(summary.discarded.total_sessions, 1);
    assert_eq!(summary.history.stats.total_sessions, 0);
}

#[test]
fn activated_silent_session_enters_history() {
    let meter = Checked::new(|_| {});
    meter.register_and_activate("a", "", "", "");
    meter.unregister("a");
    let summary = meter.tick_after(S);
    assert_eq!(summary.history.stats.total_sessions, 1);
    assert_eq!(summary.discarded.total_sessions, 0);
}
