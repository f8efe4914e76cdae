//! Limits that are set anew while a collector runs.

use streamgauge::{Admission, AdmissionError, Collector, Limits};

use crate::ledger_check::Checked;

#[test]
fn limits_are_those_of_the_configuration_until_they_are_set() {
    let meter = Checked::new(|config| {
        config.max_sessions = 3;
        config.max_rx_bitrate = 1_000;
        config.max_tx_bitrate = 2_000;
    });
    let limits = Limits {
        max_sessions: 3,
        max_rx_bitrate: 1_000,
        max_tx_bitrate: 2_000,
    };
    assert_eq!(meter.limits(), limits);
    assert_eq!(Collector::null().limits(), Limits::default());
}

#[test]
fn limits_that_are_set_hold_at_once_for_admissions_questions_and_the_next_summary() {
    let meter = Checked::new(|config| config.max_sessions = 1);
    let admit = |id, expected_ingress, expected_egress| {
        let admission = Admission {
            expected_ingress,
            expected_egress,
            ..Admission::default()
        };
        meter.try_register(id, "", "", "", admission)
    };
    admit("a", 400, 700).unwrap();
    assert!(matches!(admit("b", 0, 0), Err(AdmissionError::Sessions { .. })));
    meter.set_limits(Limits {
        max_sessions: 0,
        max_rx_bitrate: 500,
        max_tx_bitrate: 800,
    });
    assert!(!meter.is_sessions_exceeded());
    let limits = (meter.max_ingress_bitrate(), meter.max_egress_bitrate());
    assert!((limits.0 - 500.0).abs() < 1e-9 && (limits.1 - 800.0).abs() < 1e-9);
    assert!(matches!(
        admit("b", 100, 0),
        Err(AdmissionError::IngressBitrate { max: 500, .. })
    ));
    assert!(matches!(
        admit("b", 0, 100),
        Err(AdmissionError::EgressBitrate { max: 800, .. })
    ));
    admit("b", 99, 99).unwrap();
    let summary = meter.refreshed();
    assert_eq!(summary.max_sessions, 0);
    assert!((summary.max_rx_bitrate - 500.0).abs() < 1e-9 && (summary.max_tx_bitrate - 800.0).abs() < 1e-9);
    meter.set_limits(Limits {
        max_sessions: 2,
        ..Limits::default()
    });
    assert!(meter.is_sessions_exceeded());
    // Whoever is open stays so.
    meter.set_limits(Limits {
        max_sessions: 1,
        ..Limits::default()
    });
    assert!(meter.is_known_session("a") && meter.is_known_session("b"));
    meter.unregister("b");
    assert!(admit("c", 0, 0).is_err());
    meter.unregister("a");
    assert!(admit("c", 0, 0).is_ok());
}
