//! How long silent sessions live.

use std::time::Duration;

use streamgauge::{Activation, CloseReason, SessionHandle, Verdict};

use crate::ledger_check::{Checked, S, bytes};

fn timeouts(inactive: Duration, session: Duration) -> Checked {
    Checked::new(|config| {
        config.inactive_timeout = inactive;
        config.session_timeout = session;
    })
}

/// Ticks once a second until the session is closed, and answers after how many seconds that was.
fn seconds_until_closed(meter: &Checked, session: &SessionHandle) -> Option<u32> {
    (1..=100).find(|_| {
        meter.tick_after(S);
        !session.is_known()
    })
}

#[test]
fn pending_session_lives_the_shorter_timeout() {
    for (inactive, session) in [(3, 10), (10, 3), (3, 3)] {
        let meter = timeouts(S * inactive, S * session);
        let pending = meter.register("a", "", "", "");
        assert_eq!(seconds_until_closed(&meter, &pending), Some(3));
        assert_eq!(pending.ingress(1), Verdict::Closed(CloseReason::Inactive));
        assert_eq!(meter.ingress("a", 1), Verdict::Unknown);
    }
}

#[test]
fn pending_session_lives_from_its_registration() {
    let meter = timeouts(S * 3, S * 10);
    meter.tick_after(S);
    meter.clock.advance(S / 2);
    let pending = meter.register("a", "", "", "");
    // Ticks at 2 s and at 4.4 s, 2.9 s after the registration; and 3 s after it.
    meter.tick_after(S / 2);
    meter.tick_after(Duration::from_millis(2_400));
    assert!(pending.is_known());
    meter.tick_after(Duration::from_millis(100));
    assert!(!pending.is_known());
}

#[test]
fn counted_byte_rearms_a_pending_session_with_the_session_timeout() {
    let meter = Checked::new(|config| {
        config.activation = Activation::Explicit;
        config.inactive_timeout = S * 3;
        config.session_timeout = S * 10;
    });
    let pending = meter.register("a", "", "", "");
    meter.tick_seconds(2);
    pending.ingress(1);
    assert_eq!(seconds_until_closed(&meter, &pending), Some(11));
    assert_eq!(pending.ingress(1), Verdict::Closed(CloseReason::Inactive));
    assert_eq!(bytes(meter.summary().discarded), (1, 0));
}

#[test]
fn active_session_that_counts_nothing_lives_the_session_timeout() {
    let meter = timeouts(S * 2, S * 7);
    let session = meter.register("a", "", "", "");
    session.ingress(1);
    // Noticed by the tick after it, so one spacing late.
    assert_eq!(seconds_until_closed(&meter, &session), Some(8));
    assert_eq!(session.ingress(1), Verdict::Closed(CloseReason::TimedOut));
    assert_eq!(bytes(meter.summary().history.stats), (1, 0));
}

#[test]
fn activated_silent_session_lives_the_session_timeout() {
    let meter = timeouts(S * 2, S * 7);
    let session = meter.register_and_activate("a", "", "", "");
    let closed_after = seconds_until_closed(&meter, &session).unwrap();
    assert!((7..=9).contains(&closed_after), "{closed_after}");
    assert_eq!(session.ingress(1), Verdict::Closed(CloseReason::TimedOut));
}

#[test]
fn activation_rearms_a_session() {
    let meter = timeouts(S * 5, S * 5);
    let session = meter.register("a", "", "", "");
    meter.tick_seconds(4);
    session.activate();
    let closed_after = seconds_until_closed(&meter, &session).unwrap();
    assert!((5..=7).contains(&closed_after), "{closed_after}");
}

#[test]
fn silent_session_closes_at_most_two_spacings_late_and_never_early() {
    for spacing_ms in [100_u32, 300, 700, 1_000, 1_700, 4_000] {
        let spacing = Duration::from_millis(u64::from(spacing_ms));
        let meter = timeouts(S * 6, S * 6);
        let session = meter.register("a", "", "", "");
        meter.clock.advance(spacing / 3);
        session.egress(1);
        let counted_at = meter.clock.elapsed();
        meter.tick_after(spacing * 2 / 3);
        while session.is_known() {
            meter.tick_after(spacing);
        }
        let silent = meter.clock.elapsed() - counted_at;
        assert!(silent >= S * 6, "{silent:?} with ticks {spacing:?} apart");
        assert!(
            silent <= S * 6 + spacing * 2,
            "{silent:?} with ticks {spacing:?} apart"
        );
    }
}

#[test]
fn a_byte_within_every_timeout_keeps_a_session() {
    let meter = timeouts(S * 2, S * 3);
    let session = meter.register("a", "", "", "");
    let mut writer = session.writer();
    for round in 0..20 {
        match round % 4 {
            0 => session.ingress(1),
            1 => session.egress(1),
            2 => writer.ingress(1),
            _ => writer.egress(1),
        };
        meter.tick_seconds(2);
        assert!(session.is_known(), "round {round}");
    }
    assert!(seconds_until_closed(&meter, &session).is_some());
}

#[test]
fn a_tick_looks_again_just_before_it_closes() {
    let meter = timeouts(S * 3, S * 3);
    let session = meter.register_and_activate("a", "", "", "");
    meter.tick_after(S);
    meter.clock.advance(S * 3_600);
    session.ingress(1);
    meter.tick();
    assert!(session.is_known());
    assert_eq!(seconds_until_closed(&meter, &session), Some(3));
}

#[test]
fn no_bytes_keep_nothing_alive() {
    let meter = Checked::new(|config| config.count_packets = true);
    let session = meter.register_and_activate("a", "", "", "");
    meter.tick_after(S);
    for _ in 0..5 {
        assert_eq!(session.ingress(0), Verdict::Counted);
        meter.tick_after(S);
    }
    assert!(!session.is_known());
    assert_eq!(meter.summary().history.stats.total_rx_packets, 5);
}

#[test]
fn zero_timeouts_have_their_meanings() {
    let closed_after = |inactive, session| {
        let meter = timeouts(inactive, session);
        let pending = meter.register("a", "", "", "");
        seconds_until_closed(&meter, &pending)
    };
    assert_eq!(closed_after(Duration::ZERO, Duration::ZERO), Some(5));
    assert_eq!(closed_after(Duration::ZERO, S * 9), Some(9));
    assert_eq!(closed_after(S * 2, Duration::ZERO), Some(2));
    assert_eq!(closed_after(S * 9, Duration::ZERO), Some(5));
}

#[test]
fn max_timeouts_never_pass() {
    let century = S * 3_600 * 24 * 36_525;
    let meter = timeouts(Duration::MAX, Duration::MAX);
    let pending = meter.register("a", "", "", "");
    let active = meter.register_and_activate("b", "", "", "");
    for _ in 0..7 {
        meter.tick_after(century);
    }
    assert!(pending.is_known() && active.is_known());

    let meter = timeouts(S, Duration::MAX);
    let pending = meter.register("a", "", "", "");
    let active = meter.register_and_activate("b", "", "", "");
    meter.tick_after(century);
    assert!(!pending.is_known() && active.is_known());
}

#[test]
fn refresh_closes_nothing_however_late() {
    let meter = timeouts(S, S);
    let session = meter.register("a", "", "", "");
    meter.clock.advance(S * 100);
    meter.refreshed();
    assert!(session.is_known());
    meter.tick();
    assert!(!session.is_known());
}

#[test]
fn p7_the_calendar_closes_nothing() {
    let meter = timeouts(S, S);
    let session = meter.register("a", "", "", "");
    meter.clock.set_wall(meter.clock.wall() + S * 1_000_000);
    meter.tick();
    assert!(session.is_known());
    meter.clock.set_wall(std::time::SystemTime::UNIX_EPOCH);
    meter.tick_after(S);
    assert!(!session.is_known());
}

#[test]
fn traffic_that_a_tick_saw_long_after_the_first_arms_the_timeout_anew() {
    let meter = Checked::new(|config| config.session_timeout = S * 5);
    let session = meter.register_and_activate("a", "", "", "");
    for _ in 0..3 {
        meter.tick_after(S);
    }
    session.ingress(1);
    // Noticed by the fourth tick.
    for _ in 0..5 {
        meter.tick_after(S);
        assert!(session.is_known());
    }
    meter.tick_after(S);
    assert!(!session.is_known());
}
