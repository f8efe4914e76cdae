//! Top bitrates: observed peaks that decay, and their sum.

use std::thread;
use std::time::Duration;

use crate::ledger_check::{Checked, S, assert_rate};

#[test]
fn a_top_decays_by_five_percent_a_second() {
    let meter = Checked::patient(|_| {});
    let session = meter.register("a", "", "", "");
    session.ingress(1_000_000);
    meter.tick_after(S);
    assert_rate(session.top_ingress_bitrate(), 8_000_000.0);
    // The window holds the burst for ten seconds, at a rate that falls below what the decay leaves.
    meter.tick_after(S);
    assert_rate(session.top_ingress_bitrate(), 7_600_000.0);
    meter.tick_after(S);
    assert_rate(session.top_ingress_bitrate(), 7_220_000.0);
    assert_rate(meter.top_ingress_bitrate(), 7_220_000.0);
    assert_rate(meter.session_top_egress_bitrate("a"), 0.0);
}

#[test]
fn decay_is_scaled_for_other_intervals() {
    let after = |steps: u32, step: Duration, interval: Duration| {
        let meter = Checked::patient(|config| config.sample_interval = interval);
        let session = meter.register("a", "", "", "");
        session.set_top_egress_bitrate(1e12);
        for _ in 0..steps {
            meter.tick_after(step);
        }
        session.top_egress_bitrate()
    };
    let expected = 1e12 * 0.95 * 0.95 * 0.95 * 0.95;
    for (steps, step, interval) in [
        (4, S, S),
        (1, S * 4, S),
        (2, S * 2, S),
        (8, S / 2, S / 2),
        (40, S / 10, S / 10),
    ] {
        let found = after(steps, step, interval);
        assert!(
            (found - expected).abs() < 100.0,
            "{found} after {steps} x {step:?}"
        );
    }
}

#[test]
fn a_top_is_raised_by_a_higher_bitrate() {
    let meter = Checked::patient(|_| {});
    let session = meter.register("a", "", "", "");
    session.set_top_ingress_bitrate(10_000.0);
    session.ingress(2_000);
    let summary = meter.tick_after(S);
    assert_rate(session.top_ingress_bitrate(), 16_000.0);
    assert_rate(summary.top_rx_bitrate, 16_000.0);
    assert_rate(summary.active.iter().next().unwrap().top_rx_bitrate, 16_000.0);
}

#[test]
fn a_steady_top_does_not_fall_below_the_bitrate() {
    let meter = Checked::patient(|_| {});
    let session = meter.register("a", "", "", "");
    for _ in 0..100 {
        session.egress(1_000);
        meter.tick_after(S);
        assert_rate(session.top_egress_bitrate(), 8_000.0);
    }
}

#[test]
fn a_set_top_shows_in_the_sum_at_once_pending_included() {
    let meter = Checked::patient(|_| {});
    let session = meter.register("a", "", "", "");
    meter.session_set_top_ingress_bitrate("a", 5_000.0);
    assert_rate(meter.top_ingress_bitrate(), 5_000.0);
    assert_rate(meter.session_top_ingress_bitrate("a"), 5_000.0);
    session.set_top_egress_bitrate(7_000.0);
    assert_rate(meter.top_egress_bitrate(), 7_000.0);
    assert_rate(meter.top_ingress_bitrate(), 5_000.0);
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            (
                meter.collector.top_ingress_bitrate(),
                session.top_egress_bitrate(),
            )
        });
        assert_eq!(other.join().unwrap(), (5_000.0, 7_000.0));
    });
    let summary = meter.refreshed();
    assert_rate(summary.top_rx_bitrate, 5_000.0);
    assert_rate(summary.top_tx_bitrate, 7_000.0);
    assert_eq!(meter.sessions(), 0);
}

#[test]
fn a_set_top_may_lower_it() {
    let meter = Checked::patient(|_| {});
    let session = meter.register("a", "", "", "");
    session.set_top_ingress_bitrate(5_000.0);
    session.set_top_ingress_bitrate(1_000.0);
    assert_rate(meter.top_ingress_bitrate(), 1_000.0);
    session.set_top_ingress_bitrate(0.0);
    assert_rate(meter.top_ingress_bitrate(), 0.0);
}

#[test]
fn a_set_is_not_lost_to_a_tick() {
    let meter = Checked::patient(|_| {});
    let session = meter.register("a", "", "", "");
    session.set_top_ingress_bitrate(1_000.0);
    meter.tick();
    assert_rate(meter.top_ingress_bitrate(), 1_000.0);
    session.set_top_ingress_bitrate(2_000.0);
    meter.tick_after(S);
    assert_rate(meter.top_ingress_bitrate(), 1_900.0);
    meter.refreshed();
    assert_rate(meter.top_ingress_bitrate(), 1_900.0);
}

#[test]
fn tops_of_both_directions_that_are_equal_decay_and_are_shown() {
    let meter = Checked::patient(|_| {});
    let session = meter.register("a", "", "", "");
    session.activate();
    session.set_top_ingress_bitrate(1_000.0);
    session.set_top_egress_bitrate(1_000.0);
    let summary = meter.tick_after(S);
    let shown = summary.active.iter().next().unwrap();
    assert_eq!((shown.top_rx_bitrate, shown.top_tx_bitrate), (950.0, 950.0));
    assert_eq!(
        (session.top_ingress_bitrate(), session.top_egress_bitrate()),
        (950.0, 950.0)
    );
}

#[test]
fn refreshes_and_early_ticks_decay_nothing() {
    let meter = Checked::patient(|_| {});
    let session = meter.register("a", "", "", "");
    session.set_top_ingress_bitrate(1_000.0);
    for _ in 0..9 {
        meter.tick_after(S / 10);
        meter.refreshed();
    }
    assert_rate(session.top_ingress_bitrate(), 1_000.0);
}

#[test]
fn a_closing_session_takes_its_top_out_of_the_sum_once() {
    let meter = Checked::new(|config| config.session_timeout = S * 3);
    let by_handle = meter.register("a", "", "", "");
    let by_timeout = meter.register("b", "", "", "");
    let kept = meter.register_and_activate("c", "", "", "");
    for (session, top) in [(&by_handle, 100.0), (&by_timeout, 20.0), (&kept, 3.0)] {
        session.set_top_ingress_bitrate(top);
    }
    assert_rate(meter.top_ingress_bitrate(), 123.0);
    by_handle.unregister();
    assert_rate(meter.top_ingress_bitrate(), 23.0);
    by_handle.unregister();
    by_handle.set_top_ingress_bitrate(1_000.0);
    meter.session_set_top_ingress_bitrate("a", 1_000.0);
    assert_rate(by_handle.top_ingress_bitrate(), 0.0);
    assert_rate(meter.session_top_ingress_bitrate("a"), 0.0);
    meter.refreshed();
    assert_rate(meter.top_ingress_bitrate(), 23.0);
    kept.set_top_ingress_bitrate(1e6);
    meter.tick_after(S * 2);
    kept.ingress(1);
    meter.tick_after(S);
    assert!(!by_timeout.is_known() && kept.is_known());
    assert_rate(meter.top_ingress_bitrate(), kept.top_ingress_bitrate());
    meter.stopped();
    assert_rate(meter.top_ingress_bitrate(), 0.0);
}

#[test]
fn what_is_no_bitrate_is_ignored() {
    let meter = Checked::patient(|_| {});
    let session = meter.register("a", "", "", "");
    session.set_top_ingress_bitrate(1_000.0);
    for bitrate in [f64::NAN, -1.0, -0.4, f64::NEG_INFINITY] {
        session.set_top_ingress_bitrate(bitrate);
        meter.session_set_top_ingress_bitrate("a", bitrate);
        assert_rate(meter.top_ingress_bitrate(), 1_000.0);
    }
    meter.session_set_top_ingress_bitrate("nobody", 1_000.0);
    assert_rate(meter.top_ingress_bitrate(), 1_000.0);
    assert_rate(meter.session_top_ingress_bitrate("nobody"), 0.0);
    session.set_top_ingress_bitrate(1_000.6);
    assert_rate(meter.top_ingress_bitrate(), 1_001.0);
    session.set_top_ingress_bitrate(f64::INFINITY);
    assert!(meter.top_ingress_bitrate().is_finite());
}

#[test]
fn the_sum_is_that_of_the_sessions_exactly() {
    let meter = Checked::patient(|_| {});
    let sessions: Vec<_> = (0..200_u32)
        .map(|n| {
            let session = meter.register(n.to_string(), "", "", "");
            session.set_top_egress_bitrate(f64::from(n * 7_919) + 0.3);
            session
        })
        .collect();
    for round in 0..40 {
        for (n, session) in sessions.iter().enumerate() {
            if (n + round) % 7 == 0 {
                session.egress(n as u64 * 31);
            }
        }
        if let Some(session) = sessions.get(round * 3) {
            session.unregister();
        }
        meter.tick_after(S);
        // Whole numbers far below 2^53: their sum is exact in any order.
        let sum: f64 = sessions.iter().map(|session| session.top_egress_bitrate()).sum();
        assert!(sum > 0.0);
        assert_eq!(meter.top_egress_bitrate().to_bits(), sum.to_bits());
    }
}

#[test]
fn a_top_decays_to_nothing() {
    let meter = Checked::patient(|_| {});
    let session = meter.register("a", "", "", "");
    session.set_top_ingress_bitrate(1_000.0);
    meter.tick_seconds(200);
    assert_rate(session.top_ingress_bitrate(), 0.0);
    assert_rate(meter.top_ingress_bitrate(), 0.0);
}

#[test]
fn a_top_that_is_set_where_all_is_silent_shows_in_the_next_summary() {
    let meter = Checked::patient(|_| {});
    let session = meter.register_and_activate("a", "", "", "");
    // Long enough that what is published does not change any more.
    meter.tick_seconds(20);
    for set in [1_000.0, 2_000.0] {
        session.set_top_ingress_bitrate(set);
        let summary = meter.tick_after(S);
        assert_rate(summary.active.iter().next().unwrap().top_rx_bitrate, set * 0.95);
        meter.tick_seconds(300);
        let summary = meter.summary();
        assert_rate(summary.active.iter().next().unwrap().top_rx_bitrate, 0.0);
    }
}

#[test]
fn a_top_that_only_a_refresh_showed_is_in_no_later_summary() {
    let meter = Checked::patient(|_| {});
    let other = meter.register_and_activate("other", "", "", "");
    let session = meter.register_and_activate("a", "", "", "");
    let top = |meter: &Checked| {
        meter
            .summary()
            .active
            .iter()
            .last()
            .unwrap()
            .to_session()
            .top_rx_bitrate
    };
    // Two buffers take turns, and a refresh fills either.
    for ticks in 5..9 {
        for _ in 0..ticks {
            other.ingress(1);
            meter.tick_after(S);
        }
        session.set_top_ingress_bitrate(500.0);
        meter.refreshed();
        assert_eq!(top(&meter).to_bits(), 500_f64.to_bits());
        session.set_top_ingress_bitrate(0.0);
        for tick in 0..4 {
            other.ingress(1);
            meter.tick_after(S);
            assert_eq!(top(&meter).to_bits(), 0, "tick {tick}");
        }
    }
}
