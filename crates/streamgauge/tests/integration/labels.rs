//! References, locations, peers and extras.

use crate::ledger_check::{Checked, S};

#[test]
fn empty_location_or_peer_becomes_unknown() {
    let meter = Checked::new(|_| {});
    meter.register_and_activate("a", "", "", "");
    let session = meter.active().pop().unwrap();
    assert_eq!(
        (&*session.reference, &*session.location, &*session.peer),
        ("", "unknown", "unknown")
    );
    meter.unregister("a");
    let history = meter.refreshed().history.clone();
    assert!(
        history
            .peers
            .get("unknown")
            .unwrap()
            .locations
            .get("unknown")
            .is_some()
    );
    assert!(history.references.get("").is_some());
}

#[test]
fn a_location_or_peer_of_which_nothing_is_left_becomes_unknown() {
    let meter = Checked::new(|config| config.max_label_bytes = 1);
    meter.register_and_activate("a", "é", "é", "日");
    let session = meter.active().pop().unwrap();
    assert_eq!(
        (&*session.reference, &*session.location, &*session.peer),
        ("", "unknown", "unknown")
    );
    assert_eq!(meter.refreshed().caps.cut_labels, 3);
}

#[test]
fn p5_long_labels_are_cut_between_characters_and_counted() {
    let meter = Checked::new(|config| config.max_label_bytes = 5);
    let session = meter.register("a", "abcdé", "12345", "日本語");
    session.activate();
    session.extra("ééé");
    let row = meter.active().pop().unwrap();
    assert_eq!(
        (&*row.reference, &*row.location, &*row.peer, &*row.extra),
        ("abcd", "12345", "日", "éé")
    );
    assert_eq!(meter.refreshed().caps.cut_labels, 3);
}

#[test]
fn labels_of_a_known_id_are_not_counted_as_cut_again() {
    let meter = Checked::new(|config| config.max_label_bytes = 2);
    meter.register("a", "long", "", "");
    meter.register("a", "long", "", "");
    assert_eq!(meter.refreshed().caps.cut_labels, 1);
}

#[test]
fn extra_replaces_what_was_there() {
    let meter = Checked::new(|_| {});
    let session = meter.register_and_activate("a", "", "", "");
    let extra = || meter.active().pop().unwrap().extra;
    assert_eq!(&*extra(), "");
    meter.extra("a", "one");
    assert_eq!(&*extra(), "one");
    session.extra("two");
    assert_eq!(&*extra(), "two");
    let summary = meter.refreshed();
    assert_eq!(summary.active.iter().next().unwrap().extra, "two");
    meter.extra("nobody", "three");
}

#[test]
fn a_label_that_repeats_is_one_text_in_sessions_and_history() {
    let meter = Checked::new(|_| {});
    meter.register_and_activate("a", "stream", "here", "there");
    let first = meter.active().pop().unwrap().peer;
    meter.unregister("a");
    meter.refreshed();
    for _ in 0..10 {
        // Between them the sampler sweeps: the history holds the text.
        meter.register_and_activate("b", "other", "here", "there");
        let second = meter.active().pop().unwrap().peer;
        assert_eq!(second.as_ptr(), first.as_ptr());
        meter.unregister("b");
        meter.refreshed();
    }
}

#[test]
fn extra_may_be_set_on_a_pending_session_and_not_on_a_closed_one() {
    let meter = Checked::new(|_| {});
    let session = meter.register("a", "", "", "");
    session.extra("early");
    meter.tick_after(S);
    session.ingress(1);
    assert_eq!(&*meter.active().pop().unwrap().extra, "early");
    let summary = meter.tick_after(S);
    assert_eq!(summary.active.iter().next().unwrap().extra, "early");
    session.unregister();
    session.extra("late");
    assert_eq!(meter.refreshed().history.stats.total_sessions, 1);
}
