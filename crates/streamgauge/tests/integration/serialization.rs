//! The `serde` feature: plain data as it is written out.

use serde_json::{Value, json};
use streamgauge::{CloseReason, Label, RefuseReason, Stats, Verdict};

use crate::ledger_check::{Checked, S};

fn written(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_else(|error| Value::String(error.to_string()))
}

#[test]
fn a_summary_is_written_with_all_its_parts() {
    let meter = Checked::patient(|config| config.count_packets = true);
    let live = meter.register("live", "stream", "here", "there");
    live.extra("more");
    live.ingress(1_000);
    meter.register("ended", "stream", "here", "there").egress(7);
    meter.unregister("ended");
    meter.register("pending", "", "", "");
    let summary = written(&*meter.tick_after(S));
    assert_eq!(summary["current_rx_bitrate"], json!(8_000.0));
    assert_eq!(summary["totals"]["total_sessions"], json!(3));
    assert_eq!(summary["live"]["total_rx_bytes"], json!(1_000));
    assert_eq!(summary["pending"]["total_sessions"], json!(1));
    assert_eq!(summary["discarded"]["total_sessions"], json!(0));
    let active = &summary["active"];
    assert_eq!(active.as_array().unwrap().len(), 1);
    assert_eq!(active[0]["id"], json!("live"));
    assert_eq!(active[0]["extra"], json!("more"));
    assert_eq!(active[0]["rx_bitrate"], json!(8_000.0));
    let history = &summary["history"];
    assert_eq!(history["stats"]["total_tx_bytes"], json!(7));
    assert_eq!(
        history["peers"]["there"]["locations"]["here"]["total_tx_bytes"],
        json!(7)
    );
    assert_eq!(history["references"]["stream"]["total_tx_packets"], json!(1));
    assert_eq!(summary["caps"]["refused_sessions"], json!(0));
}

#[test]
fn a_session_is_written_with_the_fields_it_has() {
    let meter = Checked::patient(|_| {});
    meter.register("a", "stream", "here", "there").egress(5);
    let session = written(&meter.active()[0]);
    let fields: Vec<&String> = session.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        [
            "created_at",
            "extra",
            "id",
            "location",
            "peer",
            "reference",
            "rx_bitrate",
            "rx_bytes",
            "rx_packets",
            "top_rx_bitrate",
            "top_tx_bitrate",
            "tx_bitrate",
            "tx_bytes",
            "tx_packets"
        ]
    );
    assert_eq!((&session["id"], &session["tx_bytes"]), (&json!("a"), &json!(5)));
}

#[test]
fn what_is_read_back_is_what_was_written() {
    let stats = Stats {
        total_sessions: 1,
        total_rx_bytes: u64::MAX,
        total_tx_bytes: 3,
        total_rx_packets: 4,
        total_tx_packets: 5,
    };
    assert_eq!(serde_json::from_value::<Stats>(written(&stats)).unwrap(), stats);
    let label = Label::from("198.51.100.7");
    assert_eq!(serde_json::from_value::<Label>(written(&label)).unwrap(), label);
    for verdict in [
        Verdict::Counted,
        Verdict::Unknown,
        Verdict::Closed(CloseReason::CounterFull),
        Verdict::Refused(RefuseReason::TooManyWriters),
    ] {
        assert_eq!(
            serde_json::from_value::<Verdict>(written(&verdict)).unwrap(),
            verdict
        );
    }
}
