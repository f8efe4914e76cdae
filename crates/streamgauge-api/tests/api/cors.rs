//! Pages of other servers.

use axum::http::Method;
use streamgauge_api::{Api, FeedLimits, Guard, OriginError};

use crate::harness::{Answer, Server, TOKEN, bare, read};

const PAGE: &str = "https://dashboard.example.org";
const PATH: &str = "/api/v1/collectors/hls/sessions/a";

fn server(origins: &[&str]) -> Server {
    let origins: Vec<String> = origins.iter().map(|origin| (*origin).to_owned()).collect();
    Server::with(FeedLimits::default(), |api| {
        api.allowed_origins(&origins).unwrap()
    })
}

async fn preflight(server: &Server, origin: &str) -> Answer {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "DELETE"),
        ("access-control-request-headers", "authorization"),
    ];
    read(server.send(bare(Method::OPTIONS, PATH, &headers)).await).await
}

#[tokio::test]
async fn a_preflight_is_answered_without_a_token_to_pages_that_are_allowed() {
    let server = server(&[PAGE]);
    let answer = preflight(&server, PAGE).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET,DELETE"));
    assert_eq!(
        answer.header("access-control-allow-headers"),
        Some("authorization,last-event-id")
    );
    let answer = preflight(&server, "https://evil.example.org").await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn what_follows_a_preflight_needs_the_token_and_says_so_to_the_page() {
    let server = server(&[PAGE]);
    let answer = server
        .ask(bare(Method::GET, "/api/v1/collectors", &[("origin", PAGE)]))
        .await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("origin", PAGE), ("authorization", &bearer)];
    let answer = server
        .ask(bare(Method::GET, "/api/v1/collectors", &headers))
        .await;
    assert_eq!(answer.status, 200);
    let exposed = answer.header("access-control-expose-headers");
    assert_eq!(exposed, Some("streamgauge-unknown-collectors,retry-after"));
}

#[tokio::test]
async fn any_page_is_allowed_where_that_is_asked_for() {
    let answer = preflight(&server(&["*"]), "https://anybody.example.org").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}

#[tokio::test]
async fn no_page_is_allowed_unless_named() {
    let answer = preflight(&Server::new(), PAGE).await;
    assert_eq!(
        (
            answer.status.as_u16(),
            answer.header("access-control-allow-origin")
        ),
        (401, None)
    );
}

#[test]
fn any_page_is_refused_where_there_is_no_token() {
    let api = Api::new(Server::new().registry.reader(), Guard::loopback_only());
    assert_eq!(
        api.allowed_origins(&["*".to_owned()]).unwrap_err(),
        OriginError::Any
    );
}
