//! What ended sessions moved.

use serde_json::{Value, json};
use streamgauge::Collector;

use crate::harness::Server;

const PATH: &str = "/api/v1/collectors/hls/history";

fn ended(collector: &Collector, reference: &str, location: &str, peer: &str, rx: u64, tx: u64) {
    let session = collector.register("x", reference, location, peer);
    session.ingress(rx);
    session.egress(tx);
    session.unregister();
}

fn server() -> Server {
    let server = Server::new();
    let hls = server.collector("hls");
    ended(&hls, "news", "east", "p1", 5, 100);
    ended(&hls, "news", "west", "p1", 5, 200);
    ended(&hls, "film", "west", "p2", 400, 1);
    ended(&hls, "film", "west", "p3", 0, 7);
    ended(&hls, "film", "west", "p3", 0, 7);
    ended(&hls, "film", "west", "p3", 0, 7);
    server.registry.tick();
    server
}

async fn names(server: &Server, query: &str) -> Vec<String> {
    let body = server.get(&format!("{PATH}{query}")).await.json();
    let rows = body["rows"].as_array().unwrap();
    rows.iter()
        .map(|row| row["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn rows_stand_by_what_they_moved() {
    let server = server();
    let body = server.get(&format!("{PATH}?limit=2")).await.json();
    let row = |name: &str, sessions: u64, rx: u64, tx: u64| json!({"name": name, "sessions": sessions, "rx_bytes": rx, "tx_bytes": tx, "rx_packets": 0, "tx_packets": 0});
    assert_eq!(body["rows"], json!([row("p2", 1, 400, 1), row("p1", 2, 10, 300)]));
    assert_eq!((&body["total"], &body["by"]), (&json!(3), &json!("peer")));
    assert_eq!(body["stats"]["tx_bytes"], 322);
    assert_eq!(names(&server, "?sort=tx_bytes").await, ["p1", "p3", "p2"]);
    assert_eq!(names(&server, "?sort=rx_bytes").await, ["p2", "p1", "p3"]);
    assert_eq!(names(&server, "?sort=sessions&limit=1").await, ["p3"]);
    assert_eq!(names(&server, "?by=location").await, ["west", "east"]);
    assert_eq!(names(&server, "?by=reference").await, ["film", "news"]);
}

#[tokio::test]
async fn a_peer_has_locations() {
    let server = server();
    for query in ["?peer=p1", "?peer=p1&by=location"] {
        assert_eq!(names(&server, query).await, ["west", "east"]);
    }
    let body = server.get(&format!("{PATH}?peer=p1")).await.json();
    assert_eq!(
        (&body["by"], &body["rows"][0]["tx_bytes"]),
        (&json!("location"), &json!(200))
    );
    assert_eq!(names(&server, "?peer=nobody").await, Vec::<String>::new());
    let answer = server.get(&format!("{PATH}?peer=p1&by=reference")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["where"].clone()),
        (400, Value::from("query parameter \"by\""))
    );
}
