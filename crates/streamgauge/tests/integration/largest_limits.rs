//! Limits as large as their type holds.

use streamgauge::Admission;

use crate::ledger_check::Checked;

#[test]
fn a_limit_that_nothing_reaches_is_not_exceeded_and_refuses_nobody() {
    for max in [1 << 63, u64::MAX] {
        let meter = Checked::new(|config| {
            config.max_rx_bitrate = max;
            config.max_tx_bitrate = max;
        });
        let shown = meter.refreshed().max_rx_bitrate;
        assert!(
            meter.max_ingress_bitrate() > 0.0 && shown > 0.0,
            "{max} shows as {} and {shown}",
            meter.max_ingress_bitrate()
        );
        assert!(!meter.is_ingress_bitrate_exceeded() && !meter.is_egress_bitrate_exceeded());
        let admitted = meter.try_register("a", "", "", "", Admission::default());
        assert!(admitted.is_ok(), "{admitted:?}");
    }
}

#[test]
fn what_is_expected_beyond_the_limit_is_refused_however_large_it_is() {
    let meter = Checked::new(|config| config.max_tx_bitrate = 1_000);
    let admission = Admission {
        expected_egress: u64::MAX,
        ..Admission::default()
    };
    assert!(meter.try_register("a", "", "", "", admission).is_err());
}
