//! Server-sent events.

use std::time::Duration;

use axum::body::Body;
use axum::body::BodyDataStream;
use axum::http::{Method, Request};
use futures_util::StreamExt;
use serde_json::{Value, json};
use streamgauge_api::FeedLimits;

use crate::document;
use crate::harness::{Server, TOKEN, bare, request};

/// A hang guard, in virtual time: no test waits for it.
const LONG: Duration = Duration::from_secs(600);

/// How often a server may say that it is there and nothing else, before a test gives up.
const MAX_IDLE: usize = 40;

/// A client that listens.
struct Listening {
    body: BodyDataStream,
    text: String,
}

#[derive(Debug, PartialEq)]
struct Told {
    kind: String,
    id: Option<String>,
    data: Value,
}

impl Listening {
    async fn new(server: &Server, request: Request<Body>) -> Self {
        let response = server.send(request).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            body: response.into_body().into_data_stream(),
            text: String::new(),
        }
    }

    async fn to(server: &Server, query: &str) -> Self {
        Self::new(server, request(Method::GET, &format!("/api/v1/events?{query}"))).await
    }

    async fn after(server: &Server, id: &str, query: &str) -> Self {
        let bearer = format!("Bearer {TOKEN}");
        let headers = [("authorization", &*bearer), ("last-event-id", id)];
        Self::new(
            server,
            bare(Method::GET, &format!("/api/v1/events?{query}"), &headers),
        )
        .await
    }

    /// What stands up to the next empty line; none at the end.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return Some(block);
            }
            let piece = tokio::time::timeout(LONG, self.body.next())
                .await
                .expect("nothing more is told")?;
            self.text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        }
    }

    async fn next(&mut self) -> Told {
        let mut block = self.block().await.expect("the end");
        for _ in 0..MAX_IDLE {
            if !block.starts_with(':') {
                break;
            }
            block = self.block().await.expect("the end");
        }
        let field = |name: &str| {
            let mut lines = block.lines().filter_map(|line| line.split_once(": "));
            lines
                .find(|(there, _)| *there == name)
                .map(|(_, value)| value.to_owned())
        };
        let told = Told {
            kind: field("event").unwrap(),
            id: field("id"),
            data: serde_json::from_str(&field("data").unwrap()).unwrap(),
        };
        document::check_event(&told.kind, &told.data);
        told
    }

    /// The kinds and ids of sessions of the next events.
    async fn next_ids(&mut self, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for _ in 0..count {
            let told = self.next().await;
            ids.push(format!("{} {}", told.kind, told.data["id"].as_str().unwrap()));
        }
        ids
    }
}

fn small(max_events: usize) -> Server {
    let mut limits = FeedLimits::default();
    limits.max_events = max_events;
    Server::with(limits, |api| api)
}

#[tokio::test(start_paused = true)]
async fn sessions_are_told_as_they_come_and_go_with_bytes_and_reason() {
    let server = Server::new();
    let hls = server.collector("hls");
    let mut listening = Listening::to(&server, "kinds=registered,activated,closed").await;
    let session = hls.register("a\n", "film", "here", "there");
    session.egress(1_000);
    server.registry.tick();
    assert_eq!(listening.next_ids(2).await, [r"registered a\n", r"activated a\n"]);
    session.egress(250);
    hls.unregister("a\n");
    server.tick_after(Duration::from_secs(2));
    let told = listening.next().await;
    let data = &told.data;
    assert_eq!(told.kind, "closed");
    assert_eq!(
        (
            &data["tx_bytes"],
            &data["rx_bytes"],
            &data["reason"],
            &data["collector"]
        ),
        (&json!(1_250), &json!(0), &json!("unregistered"), &json!("hls"))
    );
    assert!(told.id.unwrap().ends_with("-2"));
}

#[tokio::test(start_paused = true)]
async fn summaries_are_told_when_there_is_a_new_one() {
    let server = Server::new();
    let hls = server.collector("hls");
    hls.register("a", "", "", "").ingress(7);
    server.registry.tick();
    let mut listening = Listening::to(&server, "kinds=summary&interval_ms=500").await;
    let told = listening.next().await;
    assert_eq!(
        (told.kind.as_str(), told.id, &told.data["live"]["rx_bytes"]),
        ("summary", None, &json!(7))
    );
    // Nothing new for a minute: nothing is told but that the server is there.
    for _ in 0..4 {
        let before = tokio::time::Instant::now();
        assert_eq!(listening.block().await.unwrap(), ":");
        assert_eq!(before.elapsed(), Duration::from_secs(15));
    }
    hls.ingress("a", 3);
    server.registry.tick();
    server.collector("rtmp");
    let told = [listening.next().await, listening.next().await];
    assert_eq!(
        (&told[0].data["collector"], &told[0].data["live"]["rx_bytes"]),
        (&json!("hls"), &json!(10))
    );
    assert_eq!(told[1].data["collector"], "rtmp", "all are those that come, too");
}

#[tokio::test(start_paused = true)]
async fn only_what_was_asked_for_is_told() {
    let server = Server::new();
    let (hls, rtmp) = (server.collector("hls"), server.collector("rtmp"));
    let mut listening = Listening::to(&server, "collectors=rtmp&kinds=closed").await;
    for (collector, id) in [(&hls, "h"), (&rtmp, "r")] {
        collector.register_and_activate(id, "", "", "");
        collector.unregister(id);
    }
    server.registry.tick();
    assert_eq!(listening.next_ids(1).await, ["closed r"]);
    server.feed.close();
    assert_eq!(listening.block().await, None);
}

#[tokio::test(start_paused = true)]
async fn who_is_slow_is_told_how_many_events_it_missed_and_holds_nobody_up() {
    let server = small(8);
    let hls = server.collector("hls");
    let mut listening = Listening::to(&server, "kinds=registered").await;
    for n in 0..100 {
        hls.register(n.to_string(), "", "", "");
    }
    // Delivers them all, though nobody reads.
    server.registry.tick();
    let told = listening.next().await;
    assert_eq!(
        (told.kind.as_str(), &told.data),
        ("missed", &json!({"events": 92}))
    );
    let last: Vec<String> = (92..100).map(|n| format!("registered {n}")).collect();
    assert_eq!(listening.next_ids(8).await, last);
    hls.register("next", "", "", "");
    server.registry.tick();
    assert_eq!(listening.next_ids(1).await, ["registered next"]);
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_goes_on_behind_what_it_saw() {
    let server = small(8);
    let hls = server.collector("hls");
    let mut listening = Listening::to(&server, "kinds=registered").await;
    let come = |numbers: std::ops::Range<u32>| {
        for n in numbers {
            hls.register(n.to_string(), "", "", "");
        }
        server.registry.tick();
    };
    come(0..2);
    let seen = listening.next().await.id.unwrap();
    drop(listening);
    come(2..4);
    let mut back = Listening::after(&server, &seen, "kinds=registered").await;
    assert_eq!(
        back.next_ids(3).await,
        ["registered 1", "registered 2", "registered 3"]
    );
    come(4..20);
    let mut late = Listening::after(&server, &seen, "kinds=registered").await;
    let told = late.next().await;
    assert_eq!(
        (told.kind.as_str(), &told.data),
        ("missed", &json!({"events": 11}))
    );
    assert_eq!(late.next_ids(1).await, ["registered 12"]);
    // The id of what was missed is a place to come back to.
    let mut again = Listening::after(&server, &told.id.unwrap(), "kinds=registered").await;
    assert_eq!(again.next_ids(1).await, ["registered 12"]);
}

#[tokio::test(start_paused = true)]
async fn an_id_of_another_run_is_told_that_nobody_knows_what_was_missed() {
    let server = small(8);
    let hls = server.collector("hls");
    for n in 0..3 {
        hls.register(n.to_string(), "", "", "");
    }
    server.registry.tick();
    for id in [
        "0123456789abcdef-0",
        "nonsense",
        "-",
        "",
        "0123456789abcdef-18446744073709551615",
    ] {
        let mut listening = Listening::after(&server, id, "kinds=registered").await;
        let told = listening.next().await;
        assert_eq!(
            (told.kind.as_str(), &told.data),
            ("missed", &json!({"events": null})),
            "{id}"
        );
        assert_eq!(told.id, None, "no event is before the first");
        assert_eq!(
            listening.next_ids(3).await,
            ["registered 0", "registered 1", "registered 2"]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_events_does_not_keep_summaries_back() {
    let server = Server::new();
    let hls = server.collector("hls");
    let mut listening = Listening::to(&server, "interval_ms=100").await;
    let mut summaries = 0;
    for n in 0..20 {
        for m in 0..500 {
            hls.register(format!("{n} {m}"), "", "", "");
        }
        server.registry.tick();
        tokio::time::advance(Duration::from_millis(100)).await;
        for _ in 0..100 {
            summaries += u32::from(listening.next().await.kind == "summary");
        }
    }
    assert_eq!(summaries, 20);
}

#[tokio::test(start_paused = true)]
async fn seats_are_few_and_are_given_back() {
    let mut limits = FeedLimits::default();
    limits.max_subscribers = 2;
    let server = Server::with(limits, |api| api);
    let one = Listening::to(&server, "").await;
    let _other = Listening::to(&server, "").await;
    assert_eq!(server.feed.subscribers(), 2);
    let answer = server.get("/api/v1/events").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("retry-after")),
        (503, Some("5"))
    );
    drop(one);
    assert_eq!(server.feed.subscribers(), 1);
    assert_eq!(server.get("/api/v1/events").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_is_closed_tells_what_is_there_and_ends() {
    let server = Server::new();
    let hls = server.collector("hls");
    let mut listening = Listening::to(&server, "kinds=registered").await;
    for n in 0..100 {
        hls.register(n.to_string(), "", "", "");
    }
    server.registry.tick();
    server.feed.close();
    assert_eq!(listening.next_ids(100).await.len(), 100);
    assert_eq!(listening.block().await, None);
    assert_eq!(server.get("/api/v1/events").await.status, 503);
}

#[tokio::test(start_paused = true)]
async fn parameters_that_cannot_be_followed_are_refused() {
    let server = Server::new();
    for (query, name) in [
        ("kinds=opened", "kinds"),
        ("interval_ms=99", "interval_ms"),
        ("interval_ms=3600001", "interval_ms"),
        ("collector=hls", "collector"),
    ] {
        let answer = server.get(&format!("/api/v1/events?{query}")).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["where"]),
            (400, &json!(format!("query parameter {name:?}")))
        );
    }
    assert_eq!(server.get("/api/v1/events?collectors=hls").await.status, 404);
    assert_eq!(server.feed.subscribers(), 0);
}
