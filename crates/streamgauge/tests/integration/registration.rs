//! Registering, knowing and unregistering sessions.

use streamgauge::{CloseReason, RefuseReason, Verdict};

use crate::ledger_check::{Checked, S, bytes};

const UNREGISTERED: Verdict = Verdict::Closed(CloseReason::Unregistered);

#[test]
fn known_id_changes_nothing_and_gives_the_handle_there_is() {
    let meter = Checked::new(|_| {});
    let first = meter.register("a", "stream-1", "here", "peer-1");
    meter.clock.advance(S);
    let second = meter.register("a", "stream-2", "there", "peer-2");
    first.ingress(1);
    second.ingress(2);
    let session = meter.active().pop().unwrap();
    assert_eq!(meter.sessions(), 1);
    assert_eq!(session.rx_bytes, 3);
    assert_eq!(
        (&*session.reference, &*session.location, &*session.peer),
        ("stream-1", "here", "peer-1")
    );
    assert_eq!(session.created_at, std::time::SystemTime::UNIX_EPOCH);
    assert_eq!(meter.refreshed().totals.total_sessions, 1);
}

#[test]
fn new_session_is_pending() {
    let meter = Checked::new(|_| {});
    let session = meter.register("a", "stream", "here", "there");
    assert!(session.is_known() && meter.is_known_session("a"));
    assert_eq!(meter.sessions(), 0);
    assert!(meter.active().is_empty());
    let summary = meter.refreshed();
    assert_eq!((summary.current_sessions, summary.pending_sessions), (0, 1));
}

#[test]
fn p2_closed_entry_is_replaced_at_once() {
    let meter = Checked::new(|_| {});
    let old = meter.register("a", "old", "here", "there");
    old.ingress(10);
    assert!(meter.unregister("a"));
    let new = meter.register("a", "new", "here", "there");
    assert_eq!(meter.ingress("a", 5), Verdict::Counted);
    assert_eq!(old.ingress(100), UNREGISTERED);
    assert!(!old.is_known() && new.is_known());
    let summary = meter.refreshed();
    assert_eq!(bytes(*summary.history.references.get("old").unwrap()), (10, 0));
    assert_eq!(bytes(summary.live), (5, 0));
}

#[test]
fn p2_session_closed_by_a_tick_is_replaced_at_once() {
    let meter = Checked::new(|_| {});
    let old = meter.register("a", "old", "here", "there");
    meter.tick_after(S * 5);
    assert_eq!(old.ingress(1), Verdict::Closed(CloseReason::Inactive));
    let new = meter.register("a", "new", "here", "there");
    assert_eq!(new.ingress(7), Verdict::Counted);
    assert_eq!(bytes(meter.refreshed().totals), (7, 0));
}

#[test]
fn late_removal_never_removes_the_successor() {
    let meter = Checked::new(|_| {});
    let old = meter.register("a", "old", "here", "there");
    assert!(old.unregister());
    let new = meter.register("a", "new", "here", "there");
    assert!(!old.unregister());
    meter.tick_after(S);
    assert!(meter.is_known_session("a") && new.is_known());
    assert_eq!(meter.ingress("a", 1), Verdict::Counted);
}

#[test]
fn ids_used_again_many_times_keep_their_bytes_apart() {
    let meter = Checked::new(|_| {});
    let handles: Vec<_> = (0..50)
        .map(|n| {
            let handle = meter.register("a", &format!("r{n}"), "here", "there");
            assert_eq!(handle.ingress(n + 1), Verdict::Counted);
            assert!(meter.unregister("a"));
            handle
        })
        .collect();
    assert!(handles.iter().all(|handle| handle.ingress(1) == UNREGISTERED));
    let summary = meter.tick_after(S);
    for n in 0..50 {
        let row = summary.history.references.get(&format!("r{n}")).unwrap();
        assert_eq!((row.total_sessions, row.total_rx_bytes), (1, n + 1));
    }
}

#[test]
fn unregister_is_immediate_for_everyone() {
    let meter = Checked::new(|config| config.max_sessions = 1);
    let session = meter.register_and_activate("a", "stream", "here", "there");
    let mut writer = session.writer();
    let shared = session.shared();
    assert!(meter.is_sessions_exceeded());
    assert!(meter.unregister("a"));
    assert!(!meter.is_known_session("a") && !session.is_known());
    assert!(meter.session("a").is_none());
    assert_eq!((meter.sessions(), meter.active().len()), (0, 0));
    assert!(!meter.is_sessions_exceeded());
    assert_eq!(meter.ingress("a", 1), Verdict::Unknown);
    assert_eq!(meter.burst().egress("a", 1), Verdict::Unknown);
    assert_eq!(session.ingress(1), UNREGISTERED);
    assert_eq!(shared.egress(1), UNREGISTERED);
    assert_eq!(writer.ingress(1), UNREGISTERED);
    assert!(!meter.unregister("a") && !session.unregister());
}

#[test]
fn call_by_id_never_answers_closed() {
    let meter = Checked::new(|_| {});
    let session = meter.register("a", "stream", "here", "there");
    assert_eq!(meter.ingress("b", 1), Verdict::Unknown);
    session.unregister();
    assert_eq!(meter.ingress("a", 1), Verdict::Unknown);
    let session = meter.register("a", "stream", "here", "there");
    meter.stop();
    assert_eq!(session.ingress(1), Verdict::Closed(CloseReason::Stopped));
    assert_eq!(meter.ingress("a", 1), Verdict::Unknown);
    assert_eq!(meter.burst().ingress("a", 1), Verdict::Unknown);
}

#[test]
fn session_gives_the_handle_of_an_open_session_alone() {
    let meter = Checked::new(|_| {});
    assert!(meter.session("a").is_none());
    meter.register("a", "stream", "here", "there");
    let found = meter.session("a").unwrap();
    assert_eq!(found.id().unwrap().as_bytes(), b"a");
    found.egress(9);
    assert_eq!(bytes(meter.refreshed().live), (0, 9));
    found.unregister();
    assert!(meter.session("a").is_none());
}

#[test]
fn p5_empty_id_registers_nothing_and_is_counted() {
    let meter = Checked::new(|_| {});
    let session = meter.register("", "stream", "here", "there");
    assert_eq!(session.ingress(1), Verdict::Refused(RefuseReason::EmptyId));
    assert!(!session.is_known() && !session.activate() && !session.unregister());
    assert!(!meter.is_known_session(""));
    assert_eq!(meter.ingress("", 1), Verdict::Unknown);
    let summary = meter.refreshed();
    assert_eq!(summary.totals.total_sessions, 0);
    assert_eq!(summary.caps.refused_empty_ids, 1);
}

#[test]
fn p5_register_at_max_tracked_sessions_is_refused_and_counted() {
    let meter = Checked::new(|config| config.max_tracked_sessions = 2);
    meter.register("a", "stream", "here", "there");
    let b = meter.register("b", "stream", "here", "there");
    let c = meter.register("c", "stream", "here", "there");
    let refused = Verdict::Refused(RefuseReason::TooManySessions);
    assert_eq!((c.ingress(1), c.writer().ingress(1)), (refused, refused));
    assert!(!meter.is_known_session("c"));
    assert_eq!(meter.register("b", "", "", "").egress(1), Verdict::Counted);
    // A closed session is tracked until it is accounted.
    b.unregister();
    assert_eq!(meter.register("d", "", "", "").ingress(1), refused);
    assert_eq!(meter.refreshed().caps.refused_sessions, 2);
    assert_eq!(meter.register("d", "", "", "").ingress(1), Verdict::Counted);
    assert_eq!(meter.refreshed().caps.refused_sessions, 2);
}

#[test]
fn p5_register_on_a_stopped_collector_is_refused_and_counted() {
    let meter = Checked::new(|_| {});
    meter.stop();
    let session = meter.register_and_activate("a", "stream", "here", "there");
    assert_eq!(session.ingress(1), Verdict::Refused(RefuseReason::Stopped));
    assert!(!session.is_known() && !meter.is_known_session("a"));
    assert_eq!(meter.sessions(), 0);
    let summary = meter.refreshed();
    assert_eq!(summary.caps.refused_stopped, 1);
    assert_eq!(summary.totals.total_sessions, 0);
}

#[test]
fn register_ignores_max_sessions() {
    let meter = Checked::new(|config| config.max_sessions = 1);
    for id in ["a", "b", "c"] {
        assert_eq!(meter.register(id, "", "", "").ingress(1), Verdict::Counted);
    }
    assert_eq!(meter.sessions(), 3);
    assert!(meter.is_sessions_exceeded());
}

#[test]
fn a_burst_counts_in_the_successor_of_a_closed_session() {
    let meter = Checked::new(|_| {});
    meter.register("a", "old", "here", "there");
    let burst = meter.burst();
    assert_eq!(burst.ingress("a", 1), Verdict::Counted);
    meter.unregister("a");
    assert_eq!(burst.ingress("a", 2), Verdict::Unknown);
    meter.register("a", "new", "here", "there");
    assert_eq!(burst.ingress("a", 4), Verdict::Counted);
    drop(burst);
    let summary = meter.refreshed();
    assert_eq!(
        (bytes(summary.live), bytes(summary.history.stats)),
        ((4, 0), (1, 0))
    );
}
