//! What is posted, and in which order.

use serde_json::json;

use crate::receiver::{LONG, Receiver, Reply, close, metered};

#[test]
fn a_session_that_closes_is_posted_with_all_that_is_known_of_it() {
    let receiver = Receiver::new();
    let (collector, webhooks) = metered(&receiver.url(), |config| {
        config.headers = vec![("Authorization".to_owned(), "Bearer secret".to_owned())];
    });
    close(&collector, "a/b", 1_250);
    let post = receiver.answer(Reply::Status(204));
    assert_eq!(post.line, "POST /closed?by=test HTTP/1.1");
    let id = &post.headers["webhook-id"];
    assert!(id.len() == 18 && id.ends_with("-0"), "{id}");
    assert_eq!(
        post.json(),
        json!({"events": [{
            "event_id": id, "kind": "closed", "collector": "", "id": "a/b", "id_encoded": "a%2Fb", "reference": "stream",
            "location": "here", "peer": "there", "extra": "", "created_at": "2023-11-14T22:13:20.000Z",
            "reason": "unregistered", "closed_at": "2023-11-14T22:13:20.000Z", "duration_seconds": 0.0, "was_active": true,
            "rx_bytes": 0, "tx_bytes": 1250, "rx_packets": 0, "tx_packets": 0,
            "average_rx_bitrate": 0.0, "average_tx_bitrate": 0.0, "top_rx_bitrate": 0.0, "top_tx_bitrate": 0.0,
            "peak_rx_bitrate": 0.0, "peak_tx_bitrate": 0.0, "is_final": true,
        }]})
    );
    assert_eq!(&post.headers["idempotency-key"], id);
    assert_eq!(post.headers["content-type"], "application/json");
    assert_eq!(post.headers["authorization"], "Bearer secret");
    assert!(post.headers["user-agent"].starts_with("streamgauge-webhook/"));
    assert!(!post.headers.contains_key("webhook-signature"));
    let counts = webhooks.stop(LONG);
    assert_eq!((counts.delivered, counts.pending, counts.retries), (1, 0, 0));
}

#[test]
fn a_secret_signs_id_timestamp_and_body() {
    let receiver = Receiver::new();
    let (collector, webhooks) = metered(&receiver.url(), |config| {
        config.secret = Some("0123456789abcdef".to_owned());
    });
    close(&collector, "a", 1);
    let first = receiver.answer(Reply::Status(500));
    let second = receiver.answer(Reply::Status(200));
    for post in [&first, &second] {
        let signed = [
            post.headers["webhook-id"].as_bytes(),
            b".",
            post.headers["webhook-timestamp"].as_bytes(),
            b".",
            &post.body,
        ]
        .concat();
        assert_eq!(post.headers["webhook-signature"], signature(&signed));
    }
    webhooks.stop(LONG);
}

/// HMAC as RFC 2104 has it, from the hash alone.
fn signature(signed: &[u8]) -> String {
    use base64::Engine;
    use sha2::{Digest, Sha256};

    let pad = |byte: u8| {
        let mut key = [byte; 64];
        for (padded, key) in key.iter_mut().zip(b"0123456789abcdef") {
            *padded ^= key;
        }
        key
    };
    let inner = Sha256::digest([&pad(0x36)[..], signed].concat());
    let outer = Sha256::digest([&pad(0x5c)[..], &inner[..]].concat());
    format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(outer))
}

#[test]
fn what_is_queued_meanwhile_goes_together_and_in_order() {
    let receiver = Receiver::new();
    let (collector, webhooks) = metered(&receiver.url(), |config| config.max_batch = 3);
    close(&collector, "0", 1);
    let first = receiver.next();
    for n in 1..=7 {
        close(&collector, &n.to_string(), 1);
    }
    receiver.reply(Reply::Status(200));
    let batches: Vec<_> = std::iter::repeat_with(|| receiver.answer(Reply::Status(200)))
        .take(3)
        .collect();
    assert_eq!(first.ids(), ["0"]);
    let ids: Vec<_> = batches.iter().map(crate::receiver::Post::ids).collect();
    assert_eq!(ids, [vec!["1", "2", "3"], vec!["4", "5", "6"], vec!["7"]]);
    // Each event has a name of its own, and a request the name of its first.
    let names: Vec<String> = batches
        .iter()
        .flat_map(|post| post.json()["events"].as_array().unwrap().clone())
        .map(|event| event["event_id"].as_str().unwrap().to_owned())
        .collect();
    let run = &first.headers["webhook-id"][..16];
    assert_eq!(names, (1..=7).map(|n| format!("{run}-{n}")).collect::<Vec<_>>());
    assert_eq!(batches[1].headers["webhook-id"], names[3]);
    assert_eq!(webhooks.stop(LONG).delivered, 8);
}

#[test]
fn sessions_that_open_are_not_told() {
    let receiver = Receiver::new();
    let (collector, webhooks) = metered(&receiver.url(), |_| {});
    collector.register("open", "", "", "").ingress(1);
    collector.tick();
    assert_eq!(webhooks.counts().pending, 0);
}

#[test]
fn events_of_many_threads_are_each_posted_once() {
    let receiver = Receiver::new();
    let (_, webhooks) = metered(&receiver.url(), |_| {});
    let collectors: Vec<_> = (0..4)
        .map(|_| {
            let mut config = streamgauge::CollectorConfig::default();
            config.observer = Some(std::sync::Arc::new(webhooks.clone()));
            streamgauge::Collector::manual(config, streamgauge::ManualClock::default())
        })
        .collect();
    let mut told = std::thread::scope(|scope| {
        for (at, collector) in collectors.iter().enumerate() {
            scope.spawn(move || {
                for n in 0..50 {
                    close(collector, &format!("{at} {n:02}"), 1);
                }
            });
        }
        let mut told = Vec::new();
        while told.len() < 200 {
            told.extend(receiver.answer(Reply::Status(200)).ids());
        }
        told
    });
    for at in 0..4 {
        let of_one: Vec<_> = told.iter().filter(|id| id.starts_with(&at.to_string())).collect();
        assert!(of_one.is_sorted());
    }
    told.sort_unstable();
    told.dedup();
    assert_eq!(told.len(), 200);
    assert_eq!(webhooks.stop(LONG).delivered, 200);
}
