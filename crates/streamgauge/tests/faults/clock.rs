//! Clocks that fail: one that stops, one that jumps by a year, one that stands still between ticks, a calendar that is set.

use std::time::{Duration, SystemTime};

use streamgauge::{CollectorConfig, Config, Registry, Summary};

use crate::ledger_check::{Checked, S, assert_rate, bytes};

const YEAR: Duration = Duration::from_secs(365 * 86_400);

fn assert_sane(summary: &Summary) {
    let rows = summary.active.iter().flat_map(|row| {
        [
            row.rx_bitrate,
            row.tx_bitrate,
            row.top_rx_bitrate,
            row.top_tx_bitrate,
        ]
    });
    let own = [
        summary.current_rx_bitrate,
        summary.current_tx_bitrate,
        summary.top_rx_bitrate,
        summary.top_tx_bitrate,
    ];
    for bitrate in rows.chain(own) {
        assert!(bitrate.is_finite() && bitrate >= 0.0, "{bitrate} bit/s");
    }
}

#[test]
fn a_clock_that_stops_closes_nothing_and_loses_nothing() {
    let meter = Checked::new(|_| {});
    let session = meter.register("a", "", "", "");
    meter.tick_after(S);
    for n in 1..=1_000 {
        session.ingress(1_000);
        let summary = meter.tick_after(Duration::ZERO);
        assert_eq!(bytes(summary.live), (n * 1_000, 0));
        assert_sane(&summary);
        assert!(summary.current_rx_bitrate < f64::EPSILON, "no time, no rate");
    }
    assert!(session.is_known());
    // It goes on: all of that came within the one second that it now shows.
    let summary = meter.tick_after(S);
    assert_rate(summary.current_rx_bitrate, 8_000_000.0 / 2.0);
    assert_eq!(meter.tick_seconds(12).totals.total_sessions, 1);
    assert!(!session.is_known(), "timeouts go on, too");
}

#[test]
fn a_clock_that_jumps_a_year_forward_costs_the_window_and_ends_what_timed_out() {
    let patient = Checked::patient(|_| {});
    let usual = Checked::new(|_| {});
    for meter in [&patient, &usual] {
        let session = meter.register("a", "", "", "");
        for _ in 0..20 {
            session.ingress(1_000);
            meter.tick_after(S);
        }
        session.ingress(500);
        let summary = meter.tick_after(YEAR);
        assert_sane(&summary);
        assert_eq!(bytes(summary.totals), (20_500, 0));
        assert!(summary.current_rx_bitrate < 0.001, "bytes of a year ago");
    }
    let summary = usual.summary();
    assert_eq!(
        (summary.live.total_sessions, bytes(summary.history.stats)),
        (1, (0, 0))
    );
    // The 500 bytes were a sign of life, seen a year late: it has its timeout from there.
    assert_eq!(bytes(usual.tick_after(YEAR).history.stats), (20_500, 0));
    // A window later nothing of the year is left.
    for _ in 0..11 {
        patient.ingress("a", 1_000);
        patient.tick_after(S);
    }
    assert_rate(patient.summary().current_rx_bitrate, 8_000.0);
    assert_rate(
        patient.summary().active.iter().next().unwrap().rx_bitrate,
        8_000.0,
    );
}

#[test]
fn a_clock_at_its_end_stays_there() {
    let meter = Checked::new(|_| {});
    let session = meter.register("a", "", "", "");
    meter.tick_after(S);
    session.ingress(5);
    assert_sane(&meter.tick_after(Duration::MAX));
    for _ in 0..10 {
        session.ingress(5);
        assert_sane(&meter.tick_after(YEAR));
    }
    // Its timeout is never reached: no time goes by.
    assert_eq!(bytes(meter.stopped().totals), (55, 0));
}

#[test]
fn a_clock_that_stands_still_between_ticks_rolls_no_window() {
    let meter = Checked::patient(|_| {});
    let steady = Checked::patient(|_| {});
    for meter in [&meter, &steady] {
        meter.register("a", "", "", "");
        meter.tick_after(S);
    }
    for _ in 0..15 {
        for n in 0..10 {
            meter.ingress("a", 100 + n);
            // Nine of ten ticks find that no time went by.
            meter.tick_after(if n == 9 { S } else { Duration::ZERO });
        }
        steady.ingress("a", 1_045);
        steady.tick_after(S);
        let (found, expected) = (meter.summary(), steady.summary());
        assert_rate(found.current_rx_bitrate, expected.current_rx_bitrate);
        assert_rate(found.top_rx_bitrate, expected.top_rx_bitrate);
        assert_eq!(found.totals, expected.totals);
    }
}

#[test]
fn a_calendar_that_jumps_by_years_moves_nothing_but_dates() {
    let now = SystemTime::UNIX_EPOCH + YEAR * 50;
    let calendars =
        [YEAR * 51, YEAR * 49, YEAR * 400, Duration::ZERO].map(|since| SystemTime::UNIX_EPOCH + since);
    let before_1970 = SystemTime::UNIX_EPOCH - YEAR;
    let jumping = Checked::new(|_| {});
    let steady = Checked::new(|_| {});
    for meter in [&jumping, &steady] {
        meter.clock.set_wall(now);
        meter.register("silent", "", "", "");
        meter.register("loud", "", "", "");
    }
    for (n, calendar) in calendars
        .into_iter()
        .chain([before_1970, now])
        .cycle()
        .take(30)
        .enumerate()
    {
        jumping.clock.set_wall(calendar);
        for meter in [&jumping, &steady] {
            meter.ingress("loud", 1_000 + n as u64);
            meter.tick_after(S);
        }
        let (found, expected) = (jumping.summary(), steady.summary());
        assert_eq!(found.taken_at, calendar + S);
        assert_eq!(jumping.health().last_tick, Some(calendar + S));
        assert_rate(found.current_rx_bitrate, expected.current_rx_bitrate);
        assert_rate(found.top_rx_bitrate, expected.top_rx_bitrate);
        assert_eq!((found.live, found.discarded), (expected.live, expected.discarded));
    }
    assert_eq!(steady.summary().discarded.total_sessions, 1);
}

#[test]
fn a_calendar_that_jumps_by_years_neither_hastens_nor_delays_a_save() {
    let directory = tempfile::tempdir().unwrap();
    let clock = streamgauge::ManualClock::default();
    let open = || {
        let mut config = Config::default();
        config.persist_dir = Some(directory.path().to_owned());
        Registry::manual(config, clock.clone()).unwrap()
    };
    let registry = open();
    let mut config = CollectorConfig::default();
    config.persist_interval = S * 10;
    let meter = Checked::of(registry.register("hls", config).unwrap(), clock.clone());
    for calendar in [SystemTime::UNIX_EPOCH + YEAR, SystemTime::UNIX_EPOCH - YEAR] {
        clock.set_wall(calendar);
        meter.register_and_activate("a", "", "", "");
        let last = meter.health().last_saved;
        meter.ingress("a", 7);
        meter.tick_seconds(9);
        assert_eq!(meter.health().last_saved, last);
        meter.tick_after(S);
        assert_eq!(meter.health().last_saved, Some(calendar + S * 10));
    }
    let totals = meter.stopped().totals;
    drop((meter, registry));
    // Taken before 1970, which the format cannot say, and kept all the same.
    let anew = open().register("hls", CollectorConfig::default()).unwrap();
    assert_eq!(
        (anew.summary().totals, anew.health().set_aside),
        (totals, Vec::new())
    );
}
