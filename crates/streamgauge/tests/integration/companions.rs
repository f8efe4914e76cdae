//! Companions: collectors whose bitrates count along.

use streamgauge::Collector;

use crate::ledger_check::{Checked, S, assert_rate};

/// A collector that receives and sends so many bytes a second, after one tick.
fn moving(rx: u64, tx: u64) -> Checked {
    let meter = Checked::patient(|_| {});
    let session = meter.register("a", "", "", "");
    session.ingress(rx);
    session.egress(tx);
    meter.tick_after(S);
    meter
}

#[test]
fn own_value_plus_theirs() {
    let (own, one, two) = (moving(1, 10), moving(100, 1_000), moving(10_000, 100_000));
    own.add_companion(&one);
    own.add_companion(&two);
    assert_rate(own.companion_ingress_bitrate(), 8.0 * 10_101.0);
    assert_rate(own.companion_egress_bitrate(), 8.0 * 101_010.0);
    two.session_set_top_ingress_bitrate("a", 1e6);
    assert_rate(own.companion_top_ingress_bitrate(), 8.0 * 101.0 + 1e6);
    assert_rate(own.companion_top_egress_bitrate(), 8.0 * 101_010.0);
    assert_rate(one.companion_ingress_bitrate(), 800.0);
}

#[test]
fn companions_of_companions_do_not_count() {
    let (own, one, two) = (moving(1, 0), moving(10, 0), moving(100, 0));
    own.add_companion(&one);
    one.add_companion(&two);
    assert_rate(own.companion_ingress_bitrate(), 88.0);
}

#[test]
fn self_and_duplicates_are_ignored() {
    let (own, other) = (moving(1, 0), moving(10, 0));
    own.add_companion(&own);
    own.add_companion(&other);
    own.add_companion(&other.collector.clone());
    assert_rate(own.companion_ingress_bitrate(), 88.0);
    assert_rate(own.companion_top_ingress_bitrate(), 88.0);
}

#[test]
fn companions_are_held_weakly() {
    let own = moving(1, 0);
    let other = moving(10, 0);
    own.add_companion(&other);
    other.add_companion(&own);
    let session = other.session("a").unwrap();
    drop(other);
    assert!(!session.is_known());
    assert_rate(own.companion_ingress_bitrate(), 8.0);
}

#[test]
fn a_null_companion_is_nobody() {
    let own = moving(1, 0);
    own.add_companion(&Collector::null());
    Collector::null().add_companion(&own);
    assert_rate(own.companion_ingress_bitrate(), 8.0);
    assert_rate(Collector::null().companion_ingress_bitrate(), 0.0);
}
