//! The document and the router are of one mind: each has the other's routes, and each status that the document has is
//! answered, as it says.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::json;
use streamgauge_api::{FeedLimits, Guard, MAX_STREAMED_REPLIES, OPENAPI, ROUTES};

use crate::document::{DOCUMENT, check, reference, validator};
use crate::harness::{Server, bare, read, request};

/// Method, path and status.
type Said = (String, String, u16);

fn said() -> BTreeSet<Said> {
    let mut said = BTreeSet::new();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if method == "parameters" {
                continue;
            }
            for status in operation["responses"].as_object().unwrap().keys() {
                said.insert((method.to_uppercase(), path.clone(), status.parse().unwrap()));
            }
        }
    }
    said
}

#[test]
fn every_route_is_in_the_document_and_every_path_of_it_is_a_route() {
    let routes: BTreeSet<(String, String)> = ROUTES
        .iter()
        .map(|route| (route.method.to_owned(), route.path.to_owned()))
        .collect();
    let documented = said()
        .into_iter()
        .map(|(method, path, _)| (method, path))
        .collect();
    assert_eq!(routes, documented);
    assert_eq!(routes.len(), ROUTES.len());
}

#[tokio::test]
async fn the_document_is_served_as_it_is() {
    assert_eq!(Server::new().get("/api/v1/openapi.json").await.text(), OPENAPI);
}

#[test]
fn schemas_take_nothing_that_they_do_not_name() {
    let stats = json!({"sessions": 1, "rx_bytes": u64::MAX, "tx_bytes": 0, "rx_packets": 0, "tx_packets": 0});
    let validator = validator(&reference("Stats"));
    assert!(validator.is_valid(&stats));
    for change in [
        json!({"more": 1}),
        json!({"sessions": -1}),
        json!({"sessions": 1.5}),
        json!({"sessions": null}),
    ] {
        let mut changed = stats.clone();
        changed
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        assert!(!validator.is_valid(&changed), "{changed}");
    }
}

/// A path of the document with names of a collector and of a session in it.
fn path(template: &str, collector: &str) -> String {
    template
        .replace("{collector}", collector)
        .replace("{session}", "a%2Fb")
}

#[tokio::test]
async fn every_status_that_is_in_the_document_is_answered_as_it_says() {
    let mut limits = FeedLimits::default();
    limits.max_subscribers = 1;
    let server = Server::with(limits, |api| api);
    let hls = server.collector("hls");
    for n in 0..3_000 {
        hls.register(n.to_string(), "stream", "here", "there").ingress(1);
    }
    hls.register("a/b", "stream", "here", "there").egress(2);
    hls.register("gone", "stream", "here", "there").egress(3);
    hls.unregister("gone");
    server.registry.tick();
    let local = Server::with(FeedLimits::default(), |_| {
        streamgauge_api::Api::new(server.registry.reader(), Guard::loopback_only())
    });

    let mut seen = BTreeSet::new();
    for (method, template, status) in said() {
        let verb: Method = method.parse().unwrap();
        let here = path(&template, "hls");
        let answer = match status {
            200 | 204 => server.ask(request(verb.clone(), &here)).await,
            400 => {
                server
                    .ask(request(verb.clone(), &format!("{here}?nonsense=1")))
                    .await
            }
            401 => server.ask(bare(verb.clone(), &here, &[])).await,
            403 => {
                local
                    .ask(bare(verb.clone(), &here, &[("host", "example.org")]))
                    .await
            }
            404 if template.contains("{collector}") => {
                server
                    .ask(request(verb.clone(), &path(&template, "nobody")))
                    .await
            }
            404 => {
                let here = format!("{here}?collectors=nobody");
                server.ask(request(verb.clone(), &here)).await
            }
            405 => server.ask(request(Method::PUT, &here)).await,
            500 => {
                let mut asked = bare(verb.clone(), &here, &[("host", "localhost")]);
                asked.extensions_mut().clear();
                local.ask(asked).await
            }
            503 if template == "/api/v1/events" => {
                let held = server.send(request(verb.clone(), &here)).await;
                let answer = server.ask(request(verb.clone(), &here)).await;
                drop(held);
                answer
            }
            503 => {
                let mut held = Vec::new();
                for _ in 0..MAX_STREAMED_REPLIES {
                    held.push(server.send(request(verb.clone(), &here)).await);
                }
                let answer = server.ask(request(verb.clone(), &here)).await;
                drop(held);
                let whole = read(server.send(request(verb.clone(), &here)).await).await;
                check(&verb, &here, &whole);
                answer
            }
            other => panic!("no way to get {other}"),
        };
        assert_eq!(answer.status, status, "{method} {here}: {}", answer.text());
        seen.insert((method, template, answer.status.as_u16()));
    }
    assert_eq!(seen, said());
}

#[tokio::test]
async fn what_is_nowhere_is_a_problem_that_names_it() {
    let server = Server::new();
    for path in [
        "/api/v1",
        "/api/v1/",
        "/api/v3",
        "/api/v1/nothing",
        "/api/v1/collectors/",
        "/api/v3/session/x/y",
        "/api/v1/collectors/a/sessions/b/c",
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.json()["detail"], format!("there is nothing at {path:?}"));
    }
}

#[tokio::test]
async fn a_method_that_is_not_there_is_told_which_are() {
    let server = Server::new();
    let answer = server.ask(request(Method::POST, "/api/v1/collectors")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("allow")),
        (405, Some("GET,HEAD"))
    );
    let path = "/api/v1/collectors/hls/sessions/a";
    let answer = server.ask(request(Method::POST, path)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("allow")),
        (405, Some("DELETE"))
    );
}

#[tokio::test]
async fn answers_are_json_whatever_is_accepted() {
    let server = Server::new();
    let mut asked = request(Method::GET, "/api/v1/collectors");
    asked.headers_mut().insert("accept", "text/html".parse().unwrap());
    let answer = server.ask(asked).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text()),
        (200, r#"{"collectors":[]}"#)
    );
}
