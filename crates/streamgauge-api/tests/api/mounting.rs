//! The router in a program's own, on a real port.

use std::net::SocketAddr;

use axum::Router;
use axum::http::{Method, StatusCode};
use axum::routing::get;
use streamgauge_api::{Api, Feed, FeedLimits, Guard, GuardError, OriginError, Route};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use crate::harness::{Server, TOKEN, bare, read, request};

fn api(server: &Server) -> Router {
    Api::new(server.registry.reader(), Guard::token(TOKEN).unwrap()).router()
}

#[tokio::test]
async fn a_program_keeps_its_own_routes_and_its_own_fallback() {
    let server = Server::new();
    let own = || {
        Router::new()
            .route("/", get(|| async { "own" }))
            .fallback(|| async { (StatusCode::IM_A_TEAPOT, "own fallback") })
    };
    for app in [own().merge(api(&server)), api(&server).merge(own())] {
        for (path, status) in [
            ("/", 200),
            ("/other", 418),
            ("/api/v1/collectors", 401),
            ("/api/v1/x", 401),
        ] {
            let answer = app.clone().oneshot(bare(Method::GET, path, &[])).await.unwrap();
            assert_eq!(answer.status(), status, "{path}");
        }
        let answer = app
            .oneshot(request(Method::GET, "/api/v1/collectors"))
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
    }
}

#[tokio::test]
async fn a_program_puts_routes_of_its_own_behind_the_same_guard() {
    let own = Router::new()
        .route("/metrics", get(|| async { "own" }))
        .fallback(|| async { (StatusCode::IM_A_TEAPOT, "own fallback") });
    let app = Guard::token(TOKEN).unwrap().protect(own);
    for (asked, status) in [
        (bare(Method::GET, "/metrics", &[]), 401),
        (request(Method::GET, "/metrics"), 200),
        (bare(Method::GET, "/other", &[]), 418),
    ] {
        assert_eq!(app.clone().oneshot(asked).await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn it_works_under_a_prefix() {
    let server = Server::new();
    server.collector("hls").register_and_activate("a/b", "", "", "");
    let app = Router::new().nest("/gauge", api(&server));
    let path = "/gauge/api/v1/collectors/hls/sessions";
    let answer = read(app.clone().oneshot(request(Method::GET, path)).await.unwrap()).await;
    assert_eq!(answer.json()["collector"], "hls");
    let path = format!("{path}/a%2Fb");
    let answer = app.oneshot(request(Method::DELETE, &path)).await.unwrap();
    assert_eq!(answer.status(), 204);
}

#[test]
fn what_a_program_holds_goes_to_any_thread() {
    fn is_shared<T: Clone + Send + Sync + std::fmt::Debug + Unpin + 'static>() {}
    is_shared::<Feed>();
    is_shared::<FeedLimits>();
    is_shared::<Guard>();
    is_shared::<GuardError>();
    is_shared::<OriginError>();
    is_shared::<Route>();
    fn is_sent<T: Send + Sync + std::fmt::Debug>() {}
    is_sent::<Api>();
}

/// What a client on this machine gets for a request of these lines.
async fn raw(address: SocketAddr, lines: &[&str]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let text = format!("{}\r\nConnection: close\r\n\r\n", lines.join("\r\n"));
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_served_router_knows_this_machine_and_refuses_a_rebound_name() {
    let server = Server::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let guard = Guard::bound_to(address, None).unwrap();
    let router = Api::new(server.registry.reader(), guard).router();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving = tokio::spawn(async move { axum::serve(listener, service).await });
    let host = format!("Host: {address}");
    let answer = raw(address, &["GET /api/v1/collectors HTTP/1.1", &host]).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("{\"collectors\":[]}"), "{answer}");
    let answer = raw(
        address,
        &["GET /api/v1/collectors HTTP/1.1", "Host: evil.example.org"],
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
    assert!(answer.contains("\"for this machine alone\""), "{answer}");
    serving.abort();
}
