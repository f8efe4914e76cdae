//! Which sessions there are, and how to close one.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::Server;

const PATH: &str = "/api/v1/collectors/hls/sessions";

async fn ids(server: &Server, query: &str) -> Vec<String> {
    let answer = server.get(&format!("{PATH}?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    let sessions = body["sessions"].as_array().unwrap();
    sessions
        .iter()
        .map(|session| session["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Sessions of one second: a moved 1,000 and 0 bytes, b 0 and 3,000, c 500 and 500.
fn server() -> Server {
    let server = Server::new();
    let hls = server.collector("hls");
    hls.register("a", "news", "east", "192.0.2.7:4000").ingress(1_000);
    hls.register("b", "news", "west", "198.51.100.8").egress(3_000);
    let c = hls.register("c", "film", "west", "[2001:db8::1]:80");
    c.extra("é");
    c.ingress(500);
    c.egress(500);
    hls.register("pending", "film", "west", "peer");
    server.tick_after(Duration::from_secs(1));
    server
}

#[tokio::test]
async fn a_session_shows_what_it_moved_to_the_byte() {
    let server = server();
    let body = server.get(PATH).await.json();
    assert_eq!(
        body["sessions"][2],
        json!({
            "serial": 2, "id": "c", "id_encoded": "c", "reference": "film", "location": "west", "peer": "[2001:db8::1]:80",
            "extra": "é", "created_at": "2023-11-14T22:13:20.000Z", "rx_bytes": 500, "tx_bytes": 500, "rx_packets": 0,
            "tx_packets": 0, "rx_bitrate": 4_000.0, "tx_bitrate": 4_000.0, "top_rx_bitrate": 4_000.0, "top_tx_bitrate": 4_000.0,
        })
    );
    assert_eq!((&body["total"], &body["next"]), (&json!(3), &Value::Null));
    assert_eq!(ids(&server, "").await, ["a", "b", "c"]);
}

#[tokio::test]
async fn filters_all_hold_at_once() {
    let server = server();
    for (query, expected) in [
        ("reference=news", &["a", "b"][..]),
        ("location=west", &["b", "c"]),
        ("reference=news&location=west", &["b"]),
        ("peer=198.51.100.8", &["b"]),
        ("peer=198.51.100", &[]),
        ("peer_prefix=198.51.100", &["b"]),
        ("peer_prefix=", &["a", "b", "c"]),
        ("peer_network=192.0.2.0/24", &["a"]),
        ("peer_network=198.51.100.8", &["b"]),
        ("peer_network=2001:db8::/32", &["c"]),
        ("peer_network=0.0.0.0/0", &["a", "b"]),
        ("extra=%C3%A9", &["c"]),
        ("min_bytes=1001", &["b"]),
        ("min_bytes=1000", &["a", "b", "c"]),
        ("min_bitrate=8000.5", &["b"]),
        ("min_rx_bitrate=4000", &["a", "c"]),
        ("min_tx_bitrate=4000", &["b", "c"]),
        ("reference=", &[]),
    ] {
        assert_eq!(ids(&server, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn rankings_stand_by_their_quantity_and_end_at_their_limit() {
    let server = server();
    for (query, expected) in [
        ("sort=bytes", &["b", "a", "c"][..]),
        ("sort=rx_bytes", &["a", "c", "b"]),
        ("sort=tx_bytes&limit=1", &["b"]),
        ("sort=bitrate", &["b", "a", "c"]),
        ("sort=rx_bitrate", &["a", "c", "b"]),
        ("sort=tx_bitrate", &["b", "c", "a"]),
        ("sort=top_rx_bitrate&limit=2", &["a", "c"]),
        ("sort=top_tx_bitrate", &["b", "c", "a"]),
        ("sort=newest", &["c", "b", "a"]),
        ("sort=bytes&location=west&limit=1", &["b"]),
    ] {
        assert_eq!(ids(&server, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn parameters_that_cannot_be_followed_are_named_with_what_can() {
    let server = server();
    for (query, name, mend) in [
        ("limit=0", "limit", "a number from 1 to 1000"),
        ("limit=1001", "limit", "a number from 1 to 1000"),
        ("limit=-1", "limit", "a number from 1 to 1000"),
        (
            "limit=99999999999999999999999",
            "limit",
            "a number from 1 to 1000",
        ),
        ("limit=", "limit", "a number from 1 to 1000"),
        ("cursor=x", "cursor", "a number from 0 to 18446744073709551615"),
        ("cursor=-1", "cursor", "a number from 0 to 18446744073709551615"),
        (
            "min_bitrate=NaN",
            "min_bitrate",
            "a number from 0 to 1000000000000000000",
        ),
        (
            "min_bitrate=-1",
            "min_bitrate",
            "a number from 0 to 1000000000000000000",
        ),
        (
            "peer_network=10.0.0.0/33",
            "peer_network",
            "an address with a prefix length, such as 192.0.2.0/24 or 2001:db8::/32",
        ),
        (
            "sort=bytes&cursor=1",
            "cursor",
            "leave out cursor for the top, or sort for pages in order of registration",
        ),
        ("limit=1&limit=2", "limit", "give it once"),
    ] {
        let answer = server.get(&format!("{PATH}?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        let body = answer.json();
        assert_eq!(body["where"], format!("query parameter {name:?}"), "{query}");
        assert_eq!(body["mend"], mend, "{query}");
    }
    let body = server.get(&format!("{PATH}?sort=size")).await.json();
    assert!(
        body["mend"]
            .as_str()
            .unwrap()
            .starts_with("one of: bytes, rx_bytes, "),
        "{body}"
    );
    let body = server.get(&format!("{PATH}?order=asc")).await.json();
    assert!(
        body["mend"]
            .as_str()
            .unwrap()
            .contains("there are: limit, cursor, sort"),
        "{body}"
    );
}

#[tokio::test]
async fn closing_a_session_closes_it() {
    let server = server();
    let hls = server.registry.collector("hls").unwrap();
    let answer = server.delete(&format!("{PATH}/b")).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0));
    assert!(!hls.is_known_session("b"));
    let answer = server.delete(&format!("{PATH}/b")).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.json()["detail"], "no open session of hls has the id \"b\"");
    assert_eq!(server.delete(&format!("{PATH}/pending")).await.status, 204);
    server.registry.tick();
    assert_eq!(ids(&server, "").await, ["a", "c"]);
    assert_eq!(
        server.delete("/api/v1/collectors/nobody/sessions/a").await.status,
        404
    );
}

#[tokio::test]
async fn an_id_of_any_bytes_is_closed_by_what_the_list_calls_it() {
    let server = Server::new();
    let hls = server.collector("hls");
    let all: Vec<u8> = (0..=255).collect();
    let odd: [&[u8]; 8] = [
        b"a/b",
        b"\xff\xfe",
        b"%41",
        b"a?b#c",
        b" ",
        b"a+b",
        "日本".as_bytes(),
        &all,
    ];
    for id in odd {
        hls.register_and_activate(id, "", "", "");
    }
    hls.register_and_activate("A", "", "", "");
    server.registry.tick();
    let body = server.get(PATH).await.json();
    for (id, session) in odd.iter().zip(body["sessions"].as_array().unwrap()) {
        let encoded = session["id_encoded"].as_str().unwrap();
        assert!(hls.is_known_session(id));
        assert_eq!(
            server.delete(&format!("{PATH}/{encoded}")).await.status,
            204,
            "{encoded}"
        );
        assert!(!hls.is_known_session(id));
    }
    assert!(hls.is_known_session("A"), "%41 was not taken for A");
    assert_eq!(body["sessions"][1]["id"], r"\xff\xfe");
    assert_eq!(server.delete(&format!("{PATH}/%41")).await.status, 204);
    let gone = server.delete(&format!("{PATH}/%ff%0a")).await.json();
    assert_eq!(gone["detail"], "no open session of hls has the id \"%FF%0A\"");
}

#[tokio::test]
async fn what_is_no_percent_encoding_is_the_bytes_that_it_is() {
    let server = Server::new();
    let hls = server.collector("hls");
    hls.register_and_activate("50%", "", "", "");
    assert_eq!(server.delete(&format!("{PATH}/50%")).await.status, 204);
    assert_eq!(hls.sessions(), 0);
}
