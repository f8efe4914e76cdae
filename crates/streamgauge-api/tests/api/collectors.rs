//! What collectors show.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::Server;

#[tokio::test]
async fn a_collector_shows_its_sums_to_the_byte() {
    let server = Server::new();
    let hls = server.collector_with("hls", |config| {
        config.max_sessions = 10;
        config.max_tx_bitrate = 1_000_000;
    });
    hls.register("a", "stream", "here", "there").egress(1_000);
    hls.register_and_activate("b", "stream", "here", "there")
        .ingress(1 << 48);
    hls.register("idle", "stream", "here", "there");
    server.registry.tick();
    hls.unregister("a");
    server.tick_after(Duration::from_secs(1));

    let answer = server.get("/api/v1/collectors/hls").await;
    let body = answer.json();
    let stats = |sessions: u64, rx: u64, tx: u64| json!({"sessions": sessions, "rx_bytes": rx, "tx_bytes": tx, "rx_packets": 0, "tx_packets": 0});
    assert_eq!(body["totals"], stats(3, 1 << 48, 1_000));
    assert_eq!(body["live"], stats(1, 1 << 48, 0));
    assert_eq!(body["pending"], stats(1, 0, 0));
    assert_eq!(body["discarded"], stats(0, 0, 0));
    let mut history = stats(1, 0, 1_000);
    history["peers"] = 1.into();
    history["locations"] = 1.into();
    history["references"] = 1.into();
    history["is_partial"] = false.into();
    assert_eq!(body["history"], history);
    assert_eq!(
        body["limits"],
        json!({"max_sessions": 10, "max_rx_bitrate": 0.0, "max_tx_bitrate": 1e6})
    );
    assert_eq!(
        (&body["collector"], &body["sessions"], &body["pending_sessions"]),
        (&json!("hls"), &json!(1), &json!(1))
    );
    assert_eq!(body["taken_at"], "2023-11-14T22:13:21.000Z");
    assert_eq!(body["health"]["last_tick"], "2023-11-14T22:13:21.000Z");
    assert_eq!(body["health"]["is_good"], true);

    let all = server.get("/api/v1/collectors").await.json();
    assert_eq!(all, json!({"collectors": [body]}));
}

#[tokio::test]
async fn collectors_stand_in_order_of_their_names() {
    let server = Server::new();
    for name in ["rtmp", "hls", "SRT"] {
        server.collector(name);
    }
    let body = server.get("/api/v1/collectors").await.json();
    let names: Vec<&Value> = body["collectors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|collector| &collector["collector"])
        .collect();
    assert_eq!(names, ["SRT", "hls", "rtmp"]);
}

#[tokio::test]
async fn a_collector_that_is_not_there_is_named_and_so_are_those_that_are() {
    let server = Server::new();
    let answer = server.get("/api/v1/collectors/hls").await.json();
    assert_eq!(answer["mend"], "there is no collector yet");
    server.collector("rtmp");
    for path in ["hls", "hls/sessions", "hls/history"] {
        let answer = server.get(&format!("/api/v1/collectors/{path}")).await;
        assert_eq!(answer.status, 404);
        assert_eq!(
            answer.json(),
            json!({
                "status": 404,
                "title": "unknown collector",
                "detail": "no collector is named \"hls\"",
                "where": "path",
                "mend": "there are: rtmp",
            })
        );
    }
    for n in 0..25 {
        server.collector(&format!("c{n:02}"));
    }
    let odd = server.get("/api/v1/collectors/%FF%0a").await.json();
    assert_eq!(odd["detail"], "no collector is named \"\u{fffd}\\n\"");
    let mend = odd["mend"].as_str().unwrap();
    assert!(
        mend.starts_with("there are 26, among them: c00, c01") && mend.ends_with("c19"),
        "{mend}"
    );
    let long = server
        .get(&format!("/api/v1/collectors/{}", "x".repeat(5_000)))
        .await;
    assert!(long.body.len() < 600, "{}", long.body.len());
}

#[tokio::test]
async fn a_collector_that_was_stopped_says_so() {
    let server = Server::new();
    server.collector("hls").stop();
    let body = server.get("/api/v1/collectors/hls").await.json();
    assert_eq!(
        (&body["health"]["is_good"], &body["health"]["is_stopped"]),
        (&json!(false), &json!(true))
    );
}
