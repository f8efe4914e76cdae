//! Summaries, refreshes, and the live half beside them.

use std::time::{Duration, SystemTime};

use streamgauge::Summary;

use crate::ledger_check::{Checked, S, bytes};

fn ids(summary: &Summary) -> Vec<String> {
    summary.active.iter().map(|row| row.id.to_string()).collect()
}

#[test]
fn a_summary_is_the_last_ticks_and_active_is_now() {
    let meter = Checked::new(|_| {});
    let session = meter.register("a", "", "", "");
    session.ingress(1);
    meter.tick_after(S);
    session.ingress(2);
    assert_eq!(bytes(meter.summary().live), (1, 0));
    assert_eq!(meter.active()[0].rx_bytes, 3);
    session.unregister();
    assert_eq!(ids(&meter.summary()), ["a"]);
    assert!(meter.active().is_empty());
}

#[test]
fn refresh_publishes_this_very_moment_and_returns_it() {
    let meter = Checked::new(|_| {});
    meter.register("a", "", "", "").egress(5);
    let refreshed = meter.refreshed();
    assert_eq!(bytes(refreshed.live), (0, 5));
    assert_eq!(refreshed.sequence, meter.summary().sequence);
}

#[test]
fn the_sequence_rises_with_every_summary() {
    let meter = Checked::new(|_| {});
    let mut last = meter.summary().sequence;
    for round in 0..20 {
        let summary = match round % 3 {
            0 => meter.tick_after(S),
            1 => meter.refreshed(),
            _ => meter.tick_after(Duration::ZERO),
        };
        assert!(summary.sequence > last);
        last = summary.sequence;
    }
    assert!(meter.stopped().sequence > last);
    last = meter.summary().sequence;
    meter.tick();
    assert_eq!(meter.summary().sequence, last);
    assert!(meter.refreshed().sequence >= last);
}

#[test]
fn a_summary_held_does_not_change() {
    let meter = Checked::patient(|_| {});
    let session = meter.register("a", "stream", "here", "there");
    let other = meter.register("b", "stream", "here", "there");
    session.ingress(1_000);
    session.extra("before");
    other.ingress(5);
    other.unregister();
    let held = meter.tick_after(S);
    let before = format!("{held:?}");
    session.extra("after");
    for n in 0..20 {
        session.ingress(1_000_000);
        session.set_top_ingress_bitrate(1e9);
        let more = meter.register(n.to_string(), "stream", "here", "there");
        more.ingress(3);
        meter.tick_after(S);
        more.unregister();
        drop(meter.refreshed());
    }
    session.unregister();
    meter.tick_after(S);
    let row = held.active.iter().next().unwrap();
    assert_eq!((row.extra, row.rx_bytes), ("before", 1_000));
    assert_eq!(held.history.stats.total_sessions, 1);
    assert_eq!(format!("{held:?}"), before);
    meter.stopped();
    assert_eq!(format!("{held:?}"), before);
}

#[test]
fn extra_set_after_a_tick_shows_in_the_next_summary_and_at_once_in_active() {
    let meter = Checked::patient(|_| {});
    let session = meter.register_and_activate("a", "", "", "");
    session.extra("one");
    let first = meter.tick_after(S);
    session.extra("two");
    assert_eq!(&*meter.active()[0].extra, "two");
    assert_eq!(meter.summary().active.iter().next().unwrap().extra, "one");
    let second = meter.refreshed();
    assert_eq!(second.active.iter().next().unwrap().extra, "two");
    assert_eq!(first.active.iter().next().unwrap().extra, "one");
}

#[test]
fn with_summary_reads_the_same() {
    let meter = Checked::new(|_| {});
    meter.register("a", "", "", "").ingress(4);
    let refreshed = meter.refreshed();
    let seen = meter.with_summary(|summary| (summary.sequence, bytes(summary.live)));
    assert_eq!(seen, (refreshed.sequence, (4, 0)));
}

#[test]
fn active_sessions_stand_in_order_of_registration() {
    let meter = Checked::patient(|_| {});
    let mut expected = Vec::new();
    // Several stretches of rows, thinned out so that they are joined, and registered anew.
    for n in 0..3_000 {
        let id = n.to_string();
        let session = meter.register(&id, "", "", "");
        if n % 5 != 0 {
            session.ingress(n);
        }
        session.activate();
        expected.push(id);
    }
    let now = |meter: &Checked| -> Vec<String> {
        meter
            .active()
            .iter()
            .map(|session| session.id.to_string())
            .collect()
    };
    assert_eq!(now(&meter), expected);
    assert_eq!(ids(&meter.tick_after(S)), expected);
    for round in 0..6 {
        for n in 0..3_000 {
            if n % 7 == round {
                meter.unregister(n.to_string());
                expected.retain(|id| *id != n.to_string());
            }
        }
        let back = (round * 7 + round).to_string();
        meter.register_and_activate(&back, "", "", "").ingress(1);
        expected.push(back);
        assert_eq!(now(&meter), expected);
        assert_eq!(ids(&meter.tick_after(S)), expected);
        assert_eq!(now(&meter), expected);
        assert_eq!(ids(&meter.refreshed()), expected);
    }
}

#[test]
fn order_is_that_of_registration_not_of_activation() {
    let meter = Checked::new(|_| {});
    for id in ["a", "b", "c"] {
        meter.register(id, "", "", "");
    }
    meter.tick_after(S);
    for id in ["c", "a", "b"] {
        meter.activate(id);
    }
    let now: Vec<_> = meter
        .active()
        .iter()
        .map(|session| session.id.to_string())
        .collect();
    assert_eq!(now, ["a", "b", "c"]);
    assert_eq!(ids(&meter.refreshed()), ["a", "b", "c"]);
}

#[test]
fn a_session_row_shows_what_it_was_registered_with() {
    let meter = Checked::patient(|config| config.count_packets = true);
    meter.clock.set_wall(SystemTime::UNIX_EPOCH + S * 1_000);
    let session = meter.register("a", "stream", "here", "there");
    session.extra("more");
    session.ingress(1_000);
    session.egress(2_000);
    session.egress(0);
    let summary = meter.tick_after(S);
    assert_eq!(summary.taken_at, SystemTime::UNIX_EPOCH + S * 1_001);
    let row = summary.active.iter().next().unwrap().to_session();
    assert_eq!(row, meter.active()[0]);
    assert_eq!(row.id, *"a");
    assert_eq!(
        (&*row.reference, &*row.location, &*row.peer, &*row.extra),
        ("stream", "here", "there", "more")
    );
    assert_eq!(row.created_at, SystemTime::UNIX_EPOCH + S * 1_000);
    assert_eq!((row.rx_bytes, row.tx_bytes), (1_000, 2_000));
    assert_eq!((row.rx_packets, row.tx_packets), (1, 2));
    assert_eq!((row.rx_bitrate, row.tx_bitrate), (8_000.0, 16_000.0));
    assert_eq!((row.top_rx_bitrate, row.top_tx_bitrate), (8_000.0, 16_000.0));
}

#[test]
fn active_shows_the_bitrates_of_the_last_tick() {
    let meter = Checked::patient(|_| {});
    let session = meter.register("a", "", "", "");
    session.ingress(1_000);
    meter.tick_after(S);
    session.ingress(1_000_000);
    session.set_top_ingress_bitrate(9e9);
    let now = meter.active().pop().unwrap();
    assert_eq!(
        (now.rx_bytes, now.rx_bitrate, now.top_rx_bitrate),
        (1_001_000, 8_000.0, 9e9)
    );
}

#[test]
fn the_first_summary_shows_the_limits() {
    let meter = Checked::new(|config| {
        config.max_sessions = 3;
        config.max_rx_bitrate = 5;
    });
    let summary = meter.summary();
    assert_eq!((summary.max_sessions, summary.max_rx_bitrate), (3, 5.0));
}

#[test]
fn a_walk_goes_on_in_a_later_summary_and_meets_once_who_stays() {
    let meter = Checked::patient(|_| {});
    let mut sessions: Vec<_> = (0..3_000)
        .map(|n| meter.register(n.to_string(), "stream", "here", "there"))
        .collect();
    for session in &sessions {
        session.ingress(1);
    }
    let first = meter.tick_after(S);
    let met: Vec<_> = first.active.iter().take(1_500).collect();
    assert!(met.is_sorted_by(|one, next| one.serial < next.serial));
    let stop = met[1_499].serial;
    // The one that the walk stopped at goes, and so do some before and some behind it; others come.
    for gone in (0..3_000).rev().filter(|n| n % 3 == 2) {
        sessions.swap_remove(gone).unregister();
    }
    meter.register("new", "stream", "here", "there").ingress(1);
    let second = meter.tick_after(S);
    let rest: Vec<_> = second.active.after(stop).map(|row| row.id.to_string()).collect();
    let stayed = (1_500..3_000).filter(|n| n % 3 != 2).map(|n| n.to_string());
    assert!(rest.iter().cloned().eq(stayed.chain(["new".to_owned()])));
    let last = second.active.iter().last().map_or(0, |row| row.serial);
    assert_eq!(second.active.after(last).count(), 0);
    assert_eq!(second.active.after(u64::MAX).count(), 0);
}
