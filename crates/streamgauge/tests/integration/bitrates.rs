//! Bitrates: the bytes of the window x 8 / its time.

use std::time::Duration;

use streamgauge::SessionHandle;

use crate::ledger_check::{Checked, S, assert_rate, bytes};

fn session_of(meter: &Checked) -> SessionHandle {
    meter.register_and_activate("a", "", "", "")
}

/// The session's ingress and egress bitrates as the last summary has them.
fn rates_of(meter: &Checked, id: &str) -> (f64, f64) {
    let summary = meter.summary();
    let row = summary.active.iter().find(|row| row.id == id).unwrap();
    (row.rx_bitrate, row.tx_bitrate)
}

#[test]
fn a_steady_stream_has_its_rate() {
    let meter = Checked::patient(|_| {});
    let session = session_of(&meter);
    for _ in 0..25 {
        session.ingress(1_000);
        session.egress(2_000);
        meter.tick_after(S);
        assert_rate(meter.ingress_bitrate(), 8_000.0);
        assert_rate(meter.egress_bitrate(), 16_000.0);
        assert_eq!(rates_of(&meter, "a"), (8_000.0, 16_000.0));
    }
    let summary = meter.summary();
    assert_rate(summary.current_rx_bitrate, 8_000.0);
    assert_rate(summary.current_tx_bitrate, 16_000.0);
}

#[test]
fn sessions_keep_their_windows_when_more_come() {
    let meter = Checked::patient(|_| {});
    let register = |n: usize| meter.register_and_activate(n.to_string(), "", "", "");
    let mut sessions: Vec<_> = (0..16).map(register).collect();
    for tick in 0..40 {
        sessions.push(register(sessions.len()));
        for session in &sessions[..16] {
            session.ingress(1_000);
        }
        meter.tick_after(S);
        for n in 0..16 {
            assert_eq!(rates_of(&meter, &n.to_string()), (8_000.0, 0.0), "{n} at {tick}");
        }
    }
}

#[test]
fn each_session_may_move_more_than_four_gib_in_its_window() {
    let meter = Checked::patient(|_| {});
    let sessions: Vec<_> = (0..5)
        .map(|n: u32| meter.register_and_activate(n.to_string(), "", "", ""))
        .collect();
    meter.tick_after(S);
    for _ in 0..12 {
        for (n, session) in (0..).zip(&sessions) {
            session.egress(1 << (40 + n));
        }
        meter.tick_after(S);
    }
    for n in 0..5 {
        let (_, rate) = rates_of(&meter, &n.to_string());
        let expected = 8.0 * 2_f64.powi(40 + n);
        assert!((rate / expected - 1.0).abs() < 1e-6, "{rate} for {expected}");
    }
}

#[test]
fn a_burst_is_averaged_over_the_window_and_leaves_it_after() {
    let meter = Checked::patient(|_| {});
    let session = session_of(&meter);
    meter.tick_seconds(20);
    session.ingress(10_000);
    for _ in 0..10 {
        meter.tick_after(S);
        assert_rate(meter.ingress_bitrate(), 8_000.0);
        assert_rate(rates_of(&meter, "a").0, 8_000.0);
    }
    meter.tick_after(S);
    assert_rate(meter.ingress_bitrate(), 0.0);
    assert_rate(rates_of(&meter, "a").0, 0.0);
}

#[test]
fn window_and_interval_are_as_configured() {
    let meter = Checked::patient(|config| {
        config.window = S * 2;
        config.sample_interval = S / 2;
    });
    let session = session_of(&meter);
    for _ in 0..8 {
        meter.tick_after(S / 2);
    }
    session.ingress(1_000);
    for _ in 0..4 {
        meter.tick_after(S / 2);
        assert_rate(meter.ingress_bitrate(), 4_000.0);
    }
    meter.tick_after(S / 2);
    assert_rate(meter.ingress_bitrate(), 0.0);
}

#[test]
fn the_time_between_samples_is_the_real_one() {
    let meter = Checked::patient(|_| {});
    let session = session_of(&meter);
    for step_ms in [
        1_000, 2_500, 1_300, 4_000, 1_001, 7_000, 1_000, 25_000, 1_000, 1_000,
    ] {
        session.ingress(step_ms);
        meter.tick_after(Duration::from_millis(step_ms));
        assert_rate(meter.ingress_bitrate(), 8_000.0);
        assert_rate(rates_of(&meter, "a").0, 8_000.0);
    }
}

#[test]
fn a_first_packet_makes_no_spike() {
    let meter = Checked::patient(|_| {});
    meter.tick_seconds(20);
    meter.clock.advance(Duration::from_millis(999));
    let session = session_of(&meter);
    session.ingress(1_000);
    meter.tick_after(Duration::from_millis(1));
    assert_rate(rates_of(&meter, "a").0, 8_000.0);
    assert_rate(session.top_ingress_bitrate(), 8_000.0);
}

#[test]
fn a_session_younger_than_the_window_divides_by_its_age() {
    let meter = Checked::patient(|_| {});
    meter.tick_seconds(20);
    let session = session_of(&meter);
    for _ in 0..15 {
        session.ingress(1_000);
        meter.tick_after(S);
        assert_rate(rates_of(&meter, "a").0, 8_000.0);
    }
}

#[test]
fn a_collector_younger_than_the_window_divides_by_its_age() {
    let meter = Checked::patient(|_| {});
    session_of(&meter).ingress(1_000);
    meter.tick_after(S);
    assert_rate(meter.ingress_bitrate(), 8_000.0);
    meter.tick_after(S);
    assert_rate(meter.ingress_bitrate(), 4_000.0);
}

#[test]
fn collector_bitrates_keep_bytes_of_sessions_that_closed_within_the_window() {
    let meter = Checked::patient(|_| {});
    meter.tick_seconds(20);
    let session = session_of(&meter);
    session.ingress(10_000);
    session.unregister();
    for _ in 0..10 {
        meter.tick_after(S);
        assert_rate(meter.ingress_bitrate(), 8_000.0);
    }
    meter.tick_after(S);
    assert_rate(meter.ingress_bitrate(), 0.0);
}

#[test]
fn an_early_tick_publishes_without_rolling() {
    let meter = Checked::patient(|_| {});
    let session = session_of(&meter);
    session.ingress(1_000);
    meter.tick_after(S);
    for _ in 0..9 {
        session.ingress(1_000_000);
        let before = meter.summary().sequence;
        let summary = meter.tick_after(S / 10);
        assert!(summary.sequence > before);
        assert_rate(meter.ingress_bitrate(), 8_000.0);
        assert_rate(session.top_ingress_bitrate(), 8_000.0);
    }
    assert_eq!(bytes(meter.summary().live), (9_001_000, 0));
    meter.tick_after(S / 10);
    assert_rate(meter.ingress_bitrate(), 9_001_000.0 * 8.0 / 2.0);
}

#[test]
fn a_gap_of_any_length_is_one_sample_as_long_as_it_was() {
    for seconds in [11, 60, 86_400, 100_000_000] {
        let meter = Checked::patient(|_| {});
        let session = session_of(&meter);
        session.ingress(5_000_000);
        meter.tick_seconds(10);
        session.ingress(u64::from(seconds) * 1_000);
        meter.tick_after(S * seconds);
        assert_rate(meter.ingress_bitrate(), 8_000.0);
        // A session's own is off by one part in 2^24 at most.
        assert!((rates_of(&meter, "a").0 - 8_000.0).abs() < 0.001);
        meter.tick_seconds(9);
        assert!(meter.ingress_bitrate() > 0.0);
        meter.tick_after(S);
        assert_rate(meter.ingress_bitrate(), 0.0);
        assert_rate(rates_of(&meter, "a").0, 0.0);
    }
}

#[test]
fn the_window_reaches_back_by_one_spacing_more_at_most() {
    // Ticks 3 s apart: a window of 10 s is four samples.
    let meter = Checked::patient(|_| {});
    let session = session_of(&meter);
    for _ in 0..10 {
        meter.tick_after(S * 3);
    }
    session.ingress(12_000);
    for _ in 0..4 {
        meter.tick_after(S * 3);
        assert_rate(meter.ingress_bitrate(), 8_000.0);
    }
    meter.tick_after(S * 3);
    assert_rate(meter.ingress_bitrate(), 0.0);
}

#[test]
fn refresh_has_fresh_bytes_and_the_rates_of_the_last_tick() {
    let meter = Checked::patient(|_| {});
    let session = session_of(&meter);
    session.ingress(1_000);
    meter.tick_after(S);
    for _ in 0..30 {
        session.ingress(1_000);
        meter.clock.advance(S / 20);
        let summary = meter.refreshed();
        assert_rate(summary.current_rx_bitrate, 8_000.0);
        assert_rate(rates_of(&meter, "a").0, 8_000.0);
        assert_rate(meter.ingress_bitrate(), 8_000.0);
    }
    assert_eq!(bytes(meter.summary().live), (31_000, 0));
    // The tick sees all of it, 1.5 s after the last one.
    meter.tick();
    assert_rate(meter.ingress_bitrate(), 31_000.0 * 8.0 / 2.5);
}

#[test]
fn a_limit_is_exceeded_above_it() {
    let meter = Checked::patient(|config| {
        config.max_rx_bitrate = 8_000;
        config.max_tx_bitrate = 16_000;
    });
    assert_rate(meter.max_ingress_bitrate(), 8_000.0);
    assert_rate(meter.max_egress_bitrate(), 16_000.0);
    let session = session_of(&meter);
    session.ingress(1_000);
    session.egress(2_000);
    let summary = meter.tick_after(S);
    assert_rate(summary.max_rx_bitrate, 8_000.0);
    assert_rate(summary.max_tx_bitrate, 16_000.0);
    assert!(!meter.is_ingress_bitrate_exceeded() && !meter.is_egress_bitrate_exceeded());
    session.ingress(1_001);
    session.egress(2_000);
    meter.tick_after(S);
    assert!(meter.is_ingress_bitrate_exceeded() && !meter.is_egress_bitrate_exceeded());
    session.egress(2_001);
    meter.tick_after(S);
    assert!(meter.is_egress_bitrate_exceeded());
    assert_eq!(session.ingress(1), streamgauge::Verdict::Counted);
}

#[test]
fn no_limit_is_never_exceeded() {
    let meter = Checked::patient(|_| {});
    session_of(&meter).ingress(1 << 48);
    meter.tick_after(S);
    assert!(!meter.is_ingress_bitrate_exceeded() && !meter.is_egress_bitrate_exceeded());
    assert!(!meter.is_sessions_exceeded());
}

#[test]
fn rates_of_large_counts_come_back_to_nothing() {
    let meter = Checked::patient(|_| {});
    let session = session_of(&meter);
    for n in 0..40_u64 {
        session.ingress((1 << 40) + n * 7_919);
        session.egress(n + 1);
        meter.tick_after(S);
    }
    let (rx, _) = rates_of(&meter, "a");
    let exact = meter.ingress_bitrate();
    assert!(
        (rx / exact - 1.0).abs() < 1.0 / f64::from(1 << 23),
        "{rx} for {exact}"
    );
    meter.tick_seconds(10);
    assert_eq!(rates_of(&meter, "a"), (0.0, 0.0));
}

#[test]
fn what_goes_both_ways_alike_has_its_rate_both_ways() {
    for bytes in [1_000, 3 << 33] {
        let meter = Checked::patient(|_| {});
        let session = session_of(&meter);
        for _ in 0..12 {
            session.ingress(bytes);
            session.egress(bytes);
            meter.tick_after(S);
            let (rx, tx) = rates_of(&meter, "a");
            assert_rate(rx, meter.ingress_bitrate());
            assert_rate(tx, rx);
            assert_rate(session.top_ingress_bitrate(), rx);
        }
    }
}

#[test]
fn a_stopped_collector_has_no_rate() {
    let meter = Checked::patient(|_| {});
    session_of(&meter).ingress(1_000);
    meter.tick_after(S);
    meter.stopped();
    assert_rate(meter.ingress_bitrate(), 0.0);
    assert_rate(meter.top_ingress_bitrate(), 0.0);
}

#[test]
fn bytes_that_a_refresh_saw_first_are_in_the_rate_of_the_next_tick() {
    let meter = Checked::patient(|_| {});
    let session = meter.register_and_activate("a", "", "", "");
    for _ in 0..20 {
        meter.tick_after(S);
    }
    session.ingress(1_000);
    meter.refreshed();
    let summary = meter.tick_after(S);
    let row = summary.active.iter().next().unwrap().to_session();
    assert_rate(row.rx_bitrate, 800.0);
    assert_rate(row.top_rx_bitrate, 800.0);
}
