//! Packets: each counting call is one, where they are counted.

use streamgauge::{CloseReason, Summary, Verdict};

use crate::ledger_check::{Checked, S, bytes};

fn counting() -> Checked {
    Checked::patient(|config| config.count_packets = true)
}

fn packets(summary: &Summary) -> (u64, u64) {
    (summary.totals.total_rx_packets, summary.totals.total_tx_packets)
}

#[test]
fn packets_are_not_counted_unless_asked_for() {
    let meter = Checked::new(|_| {});
    let session = meter.register("a", "", "", "");
    session.ingress(1);
    session.writer().egress(0);
    let mut writer = session.writer();
    writer.egress(1);
    assert_eq!(packets(&meter.refreshed()), (0, 0));
    assert_eq!(meter.active()[0].tx_packets, 0);
    session.unregister();
    let summary = meter.refreshed();
    assert_eq!(
        (packets(&summary), summary.history.stats.total_tx_packets),
        ((0, 0), 0)
    );
}

#[test]
fn a_writer_counts_bytes_beside_its_packets() {
    let meter = counting();
    let mut writer = meter.register("a", "", "", "").writer();
    for count in [1, 20, 300] {
        writer.ingress(count);
    }
    let summary = meter.refreshed();
    assert_eq!((bytes(summary.live), packets(&summary)), ((321, 0), (3, 0)));
}

#[test]
fn each_call_is_a_packet_by_every_way() {
    let meter = counting();
    let session = meter.register("a", "", "", "");
    let mut writer = session.writer();
    meter.ingress("a", 1);
    meter.burst().ingress("a", 1);
    session.ingress(1);
    session.shared().ingress(1);
    writer.ingress(1);
    writer.egress(1);
    session.egress(1 << 48);
    let summary = meter.refreshed();
    assert_eq!(packets(&summary), (5, 2));
    let row = summary.active.iter().next().unwrap();
    assert_eq!((row.rx_packets, row.tx_packets), (5, 2));
    session.unregister();
    let summary = meter.tick_after(S);
    assert_eq!(summary.history.stats.total_rx_packets, 5);
    assert_eq!(packets(&summary), (5, 2));
}

#[test]
fn a_call_of_no_bytes_is_a_packet_and_activates_nothing() {
    let meter = counting();
    let session = meter.register("a", "", "", "");
    assert_eq!(session.ingress(0), Verdict::Counted);
    assert_eq!(session.writer().egress(0), Verdict::Counted);
    assert_eq!(meter.sessions(), 0);
    let summary = meter.refreshed();
    assert_eq!((packets(&summary), summary.pending.total_rx_packets), ((1, 1), 1));
    session.unregister();
    let summary = meter.refreshed();
    assert_eq!(
        (packets(&summary), summary.discarded.total_rx_packets),
        ((1, 1), 1)
    );
}

#[test]
fn what_was_not_counted_is_no_packet() {
    let meter = counting();
    let session = meter.register("a", "", "", "");
    let mut writer = session.writer();
    session.ingress((1 << 48) + 1);
    writer.ingress((1 << 48) + 1);
    meter.ingress("nobody", 1);
    session.unregister();
    let closed = Verdict::Closed(CloseReason::Unregistered);
    for bytes in [0, 1] {
        assert_eq!(session.ingress(bytes), closed);
        assert_eq!(writer.egress(bytes), closed);
        assert_eq!(meter.ingress("a", bytes), Verdict::Unknown);
    }
    assert_eq!(packets(&meter.refreshed()), (0, 0));
}

#[test]
fn p1_a_packet_of_no_bytes_shows_where_all_is_silent() {
    let meter = Checked::patient(|config| config.count_packets = true);
    let session = meter.register_and_activate("a", "", "", "");
    for packets in 1..4 {
        meter.tick_seconds(5);
        session.egress(0);
        assert_eq!(meter.tick_after(S).live.total_tx_packets, packets);
    }
}
