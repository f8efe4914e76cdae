//! The answers for dashboards of the re-created system, to the letter.

use std::time::Duration;

use axum::body::to_bytes;
use axum::http::Method;
use futures_util::StreamExt;
use serde_json::Value;

use crate::harness::{Server, request};

const MB: u64 = 1_048_576;

/// Worked out by hand. `hls`, with limits of 10 sessions and 3 Mbit/s of 1,024², 1 of which is 1,048,576 bit/s:
/// two sessions ended, 1.5 MB and 1.5 MB received by one peer at two locations; a third is active and sent 192,000 bytes in the second
/// between the ticks, which is 1,536,000 bit/s, or 1,500 kbit/s of 1,024 bit.
fn server() -> Server {
    let server = Server::new();
    let hls = server.collector_with("hls", |config| {
        config.max_sessions = 10;
        config.max_tx_bitrate = 3 * MB;
        config.max_rx_bitrate = MB + MB / 2;
        config.window = Duration::from_secs(1);
    });
    for location in ["east", "west"] {
        let ended = hls.register(location, "news", location, "192.0.2.7");
        ended.ingress(MB + MB / 2);
        ended.egress(MB - 1);
        ended.unregister();
    }
    let viewer = hls.register("viewer \"7\"", "film", "east", "192.0.2.8");
    viewer.extra("hd");
    viewer.activate();
    server.tick_after(Duration::from_secs(1));
    server.tick_after(Duration::from_secs(1));
    viewer.egress(192_000);
    viewer.ingress(100);
    server.tick_after(Duration::from_secs(1));
    server.collector("empty");
    server
}

const SESSION: &str = r#"{"id":"viewer \"7\"","reference":"film","created_at":1700000000,"local":"east","remote":"192.0.2.8","extra":"hd","bytes_rx":100,"bytes_tx":192000,"bandwidth_rx_kbit":0.781,"bandwidth_tx_kbit":1500}"#;

#[tokio::test]
async fn sessions_and_histories_to_the_letter() {
    let answer = server().get("/api/v3/session?collectors=hls").await;
    let expected = [
        r#"{"hls":{"active":{"list":["#,
        SESSION,
        r#"],"sessions":1,"bandwidth_rx_mbit":0.001,"bandwidth_tx_mbit":1.465,"#,
        r#""max_sessions":10,"max_bandwidth_rx_mbit":1.500,"max_bandwidth_tx_mbit":3},"#,
        // 1.5 and 1.5 are 3 of one peer, and 1 at each location; 2 times one byte short of a megabyte are 1.
        r#""summary":{"remote":{"192.0.2.7":{"local":{"east":{"sessions":1,"traffic_rx_mb":1,"traffic_tx_mb":0},"#,
        r#""west":{"sessions":1,"traffic_rx_mb":1,"traffic_tx_mb":0}},"sessions":2,"traffic_rx_mb":3,"traffic_tx_mb":1}},"#,
        r#""local":{"east":{"sessions":1,"traffic_rx_mb":1,"traffic_tx_mb":0},"#,
        r#""west":{"sessions":1,"traffic_rx_mb":1,"traffic_tx_mb":0}},"#,
        r#""reference":{"news":{"sessions":2,"traffic_rx_mb":3,"traffic_tx_mb":1}},"#,
        r#""sessions":2,"traffic_rx_mb":3,"traffic_tx_mb":1}}}"#,
    ];
    assert_eq!(answer.text(), expected.concat());
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn sessions_alone_to_the_letter() {
    let server = server();
    let answer = server.get("/api/v3/session/active?collectors=hls,empty").await;
    assert_eq!(answer.text(), format!(r#"{{"empty":[],"hls":[{SESSION}]}}"#));
    assert_eq!(answer.header("streamgauge-unknown-collectors"), None);
}

#[tokio::test]
async fn what_is_empty_is_empty_and_never_null() {
    let answer = server().get("/api/v3/session?collectors=empty").await;
    let expected = r#"{"empty":{"active":{"list":[],"sessions":0,"bandwidth_rx_mbit":0,"bandwidth_tx_mbit":0,"max_sessions":0,"max_bandwidth_rx_mbit":0,"max_bandwidth_tx_mbit":0},"summary":{"remote":{},"local":{},"reference":{},"sessions":0,"traffic_rx_mb":0,"traffic_tx_mb":0}}}"#;
    assert_eq!(answer.text(), expected);
    let nothing = Server::new();
    assert_eq!(nothing.get("/api/v3/session").await.text(), "{}");
    assert_eq!(nothing.get("/api/v3/session/active").await.text(), "{}");
}

#[tokio::test]
async fn no_parameter_is_all_collectors() {
    let server = server();
    let all = server.get("/api/v3/session/active").await;
    for query in [
        "collectors=",
        "collectors=,",
        "other=1",
        "collectors=hls,empty",
        "collectors=%20hls%20,,empty,hls",
        "collectors=hls&collectors=empty",
    ] {
        let answer = server.get(&format!("/api/v3/session/active?{query}")).await;
        assert_eq!(answer.text(), all.text(), "{query}");
    }
}

#[tokio::test]
async fn unknown_names_are_left_out_and_told_in_a_header() {
    let server = server();
    let answer = server
        .get("/api/v3/session/active?collectors=x%0d%0ay,hls,nobody")
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("streamgauge-unknown-collectors"),
        Some("nobody,x%0D%0Ay")
    );
    assert_eq!(answer.text(), format!(r#"{{"hls":[{SESSION}]}}"#));
    for path in ["/api/v3/session", "/api/v3/session/active"] {
        let answer = server.get(&format!("{path}?collectors=nobody,x")).await;
        assert_eq!(answer.status, 404);
        let body = answer.json();
        assert_eq!(body["detail"], "none of these collectors is there: \"nobody,x\"");
        assert_eq!(body["mend"], "there are: empty, hls");
    }
    let many: Vec<String> = (0..300).map(|n| format!("{n:0>200}")).collect();
    let answer = server
        .get(&format!(
            "/api/v3/session/active?collectors=hls,{}",
            many.join(",")
        ))
        .await;
    assert_eq!(
        answer.header("streamgauge-unknown-collectors").unwrap().len(),
        20 * 64 + 19
    );
}

/// As the answer is read at once, by a plain reading of the summary.
#[tokio::test]
async fn a_large_reply_is_whole_wherever_its_pieces_end() {
    let server = Server::new();
    let hls = server.collector("hls");
    for n in 0..6_000_u64 {
        let id = format!("session-{n}");
        let session = hls.register(
            &id,
            &format!("r{}", n % 300),
            &format!("l{}", n % 150),
            &format!("p{}", n % 401),
        );
        session.ingress(n * 1_000);
        if n % 2 == 0 {
            session.unregister();
        }
    }
    // A peer with more locations than are written at once, and labels that are first in order.
    for n in 0..400_u64 {
        hls.register_and_activate("x", "", &format!("at {n}"), " first")
            .unregister();
    }
    server.registry.tick();
    let response = server.send(request(Method::GET, "/api/v3/session")).await;
    assert_eq!(response.headers().get("content-length"), None);
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let summary = hls.summary();
    let (active, history) = (&body["hls"]["active"], &body["hls"]["summary"]);

    let list = active["list"].as_array().unwrap();
    assert_eq!((list.len(), &active["sessions"]), (3_000, &Value::from(3_000)));
    for (row, shown) in summary.active.iter().zip(list) {
        assert_eq!(
            (shown["id"].as_str().unwrap(), shown["bytes_rx"].as_u64()),
            (&*row.id.to_string(), Some(row.rx_bytes))
        );
    }
    let remote = history["remote"].as_object().unwrap();
    assert_eq!(remote.len(), summary.history.peers.len());
    for (peer, of_peer) in summary.history.peers.iter() {
        let shown = &remote[peer];
        assert_eq!(shown["sessions"], of_peer.stats.total_sessions);
        assert_eq!(shown["local"].as_object().unwrap().len(), of_peer.locations.len());
        assert!(
            of_peer
                .locations
                .iter()
                .all(|(at, stats)| shown["local"][at]["sessions"] == stats.total_sessions)
        );
    }
    assert_eq!(remote[" first"]["local"].as_object().unwrap().len(), 400);
    for (name, map) in [
        ("local", &summary.history.locations),
        ("reference", &summary.history.references),
    ] {
        let shown = history[name].as_object().unwrap();
        assert_eq!(shown.len(), map.len());
        assert!(
            map.iter()
                .all(|(label, stats)| shown[label]["traffic_rx_mb"] == stats.total_rx_bytes / MB)
        );
    }
    assert_eq!(
        history["traffic_rx_mb"],
        summary.history.stats.total_rx_bytes / MB
    );
}

#[tokio::test]
async fn a_large_reply_is_made_as_it_is_read() {
    let server = Server::new();
    let hls = server.collector("hls");
    for n in 0..20_000 {
        hls.register_and_activate(format!("session-{n}"), "", "", "");
    }
    server.registry.tick();
    let response = server.send(request(Method::GET, "/api/v3/session")).await;
    let mut pieces = response.into_body().into_data_stream();
    let first = pieces.next().await.unwrap().unwrap();
    let second = pieces.next().await.unwrap().unwrap();
    assert!(
        first.len() < 300_000 && second.len() < 40_000,
        "{} {}",
        first.len(),
        second.len()
    );
    // What happens meanwhile is not in it: a reply is of one moment.
    let mut text = [first, second].concat();
    hls.stop();
    while let Some(piece) = pieces.next().await {
        text.extend_from_slice(&piece.unwrap());
    }
    let body: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(body["hls"]["active"]["list"].as_array().unwrap().len(), 20_000);
}
