//! Who is let in.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::Method;
use streamgauge_api::{Api, FeedLimits, Guard, GuardError};

use crate::harness::{Answer, Server, TOKEN, bare};

const PATH: &str = "/api/v1/collectors";

async fn with_headers(server: &Server, headers: &[(&str, &str)]) -> Answer {
    server.ask(bare(Method::GET, PATH, headers)).await
}

#[tokio::test]
async fn the_token_is_let_in() {
    let server = Server::new();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let header = format!("{scheme} {TOKEN}");
        assert_eq!(
            with_headers(&server, &[("authorization", &header)]).await.status,
            200
        );
    }
}

#[tokio::test]
async fn a_guesser_is_refused_and_told_the_scheme() {
    let server = Server::new();
    let right = format!("Bearer {TOKEN}");
    let longer = format!("Bearer {TOKEN}0");
    let other = format!("Basic {TOKEN}");
    let long = format!("Bearer {}", "0".repeat(60_000));
    for guess in [
        "Bearer 0123456789abcdee",
        "Bearer 0123456789abcde",
        "Bearer",
        "Bearer ",
        "",
        "é",
        TOKEN,
        &longer,
        &other,
        &long,
    ] {
        let answer = with_headers(&server, &[("authorization", guess)]).await;
        assert_eq!(answer.status, 401, "{guess}");
        let challenge = answer.header("www-authenticate").unwrap();
        assert_eq!(challenge, r#"Bearer realm="streamgauge", error="invalid_token""#);
        assert!(answer.body.len() < 400 && !answer.text().contains(TOKEN));
    }
    let answer = with_headers(&server, &[]).await;
    assert_eq!(
        answer.header("www-authenticate"),
        Some(r#"Bearer realm="streamgauge""#)
    );
    let twice = [("authorization", &*right), ("authorization", "Bearer x")];
    assert_eq!(with_headers(&server, &twice).await.status, 401);
}

#[tokio::test]
async fn a_path_that_is_not_there_is_guarded_too() {
    let server = Server::new();
    let answer = server.ask(bare(Method::GET, "/api/v1/nothing", &[])).await;
    assert_eq!(answer.status, 401, "or a guesser could tell what is there");
    for method in [
        Method::POST,
        Method::DELETE,
        Method::HEAD,
        Method::OPTIONS,
        Method::TRACE,
    ] {
        let answer = server.send(bare(method.clone(), PATH, &[])).await;
        assert_eq!(answer.status(), 401, "{method}");
    }
}

#[test]
fn a_token_that_cannot_be_sent_or_can_be_guessed_makes_no_guard() {
    assert_eq!(Guard::token(""), Err(GuardError::Short { bytes: 0 }));
    assert_eq!(
        Guard::token("0123456789abcde"),
        Err(GuardError::Short { bytes: 15 })
    );
    assert_eq!(
        Guard::token("0123456789abcdef g"),
        Err(GuardError::Character { position: 16 })
    );
    assert_eq!(format!("{:?}", Guard::token(TOKEN)), "Ok(Guard(token))");
}

#[test]
fn an_address_that_others_reach_needs_a_token() {
    for (address, is_inside) in [
        ("127.0.0.1:1", true),
        ("127.3.2.1:1", true),
        ("[::1]:1", true),
        ("[::ffff:127.0.0.1]:1", true),
        ("0.0.0.0:1", false),
        ("[::]:1", false),
        ("10.0.0.1:1", false),
    ] {
        let address: SocketAddr = address.parse().unwrap();
        assert_eq!(Guard::bound_to(address, None).is_ok(), is_inside, "{address}");
        assert_eq!(Guard::bound_to(address, Some(TOKEN)), Guard::token(TOKEN));
        assert!(
            Guard::bound_to(address, Some("")).is_err(),
            "an empty token is not none"
        );
    }
}

fn local() -> Server {
    let server = Server::new();
    let reader = server.registry.reader();
    Server::with(FeedLimits::default(), |_| {
        Api::new(reader, Guard::loopback_only())
    })
}

#[tokio::test]
async fn this_machine_is_let_in_by_its_names_alone() {
    let server = local();
    for host in ["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080"] {
        assert_eq!(
            with_headers(&server, &[("host", host)]).await.status,
            200,
            "{host}"
        );
    }
    for host in ["example.org", "rebound.example.org:8080", "10.0.0.1", ""] {
        let answer = with_headers(&server, &[("host", host)]).await;
        assert_eq!(answer.status, 403, "{host}");
        assert_eq!(answer.json()["where"], "header Host");
    }
    assert_eq!(with_headers(&server, &[]).await.status, 403);
    let two = [("host", "localhost"), ("host", "example.org")];
    assert_eq!(with_headers(&server, &two).await.status, 403);
}

#[tokio::test]
async fn the_host_of_http2_counts_as_the_header_does() {
    let server = local();
    for (path, status) in [
        ("http://localhost:1/api/v1/collectors", 200),
        ("http://example.org/api/v1/collectors", 403),
    ] {
        assert_eq!(
            server.ask(bare(Method::GET, path, &[])).await.status,
            status,
            "{path}"
        );
    }
    let both = bare(
        Method::GET,
        "http://localhost/api/v1/collectors",
        &[("host", "example.org")],
    );
    assert_eq!(server.ask(both).await.status, 403);
}

#[tokio::test]
async fn who_connects_from_elsewhere_is_refused_whatever_it_asks_for() {
    let server = local();
    for (peer, status) in [
        ("192.0.2.1:1", 403),
        ("[2001:db8::1]:1", 403),
        ("[::ffff:127.0.0.1]:1", 200),
        ("[::1]:1", 200),
    ] {
        let mut request = bare(Method::GET, PATH, &[("host", "localhost")]);
        let peer: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        assert_eq!(server.ask(request).await.status, status, "{peer}");
    }
}

#[tokio::test]
async fn who_comes_through_a_proxy_of_this_machine_is_refused() {
    let server = local();
    for name in [
        "x-forwarded-for",
        "forwarded",
        "x-real-ip",
        "via",
        "x-forwarded-host",
    ] {
        let headers = [("host", "127.0.0.1:8080"), (name, "127.0.0.1")];
        let answer = with_headers(&server, &headers).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["where"].clone()),
            (403, format!("header {name}").into())
        );
    }
}

#[tokio::test]
async fn a_server_that_does_not_know_its_peers_refuses_all_and_says_how_to_mend_it() {
    let mut request = bare(Method::GET, PATH, &[("host", "localhost")]);
    request.extensions_mut().clear();
    let answer = local().ask(request).await;
    assert_eq!(answer.status, 500);
    assert!(answer.text().contains("into_make_service_with_connect_info"));
}
