//! `GET /metrics`.

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use streamgauge_prometheus::{Exporter, Format, router};
use tower::ServiceExt;

use crate::scene::Scene;

/// The status, the headers `Content-Type` and `Vary`, and the body.
async fn ask(
    scene: &Scene,
    method: Method,
    path: &str,
    accept: &[&str],
) -> (StatusCode, [String; 2], String) {
    let mut request = Request::builder().method(method).uri(path);
    for accept in accept {
        request = request.header("accept", *accept);
    }
    let request = request.body(Body::empty()).unwrap();
    let app = router(Exporter::new(scene.registry.reader()));
    let answer = app.oneshot(request).await.unwrap();
    let header = |name| {
        let value = answer.headers().get(name);
        value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
    };
    let headers = [header("content-type"), header("vary")];
    let status = answer.status();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    (status, headers, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_scrape_is_answered_in_the_format_that_it_asks_for() {
    let scene = Scene::new();
    let exporter = Exporter::new(scene.registry.reader());
    for (accept, format) in [
        (
            &["application/openmetrics-text;version=1.0.0, */*;q=0.1"][..],
            Format::OpenMetrics,
        ),
        (
            &["application/openmetrics-text;q=0.5", "text/plain;q=0.9"][..],
            Format::Text,
        ),
        (
            &["text/plain;q=0.5", "application/openmetrics-text;q=0.9"][..],
            Format::OpenMetrics,
        ),
        (&["*/*"][..], Format::Text),
        (&["\u{e9}"][..], Format::Text),
        (&[][..], Format::Text),
    ] {
        let (status, headers, body) = ask(&scene, Method::GET, "/metrics", accept).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers, [format.content_type(), "accept"]);
        assert_eq!(body, exporter.render(format).body, "{accept:?}");
    }
}

#[tokio::test]
async fn nothing_else_is_answered() {
    let scene = Scene::new();
    let (status, _, body) = ask(&scene, Method::HEAD, "/metrics", &[]).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, ""));
    let (status, ..) = ask(&scene, Method::POST, "/metrics", &[]).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    let (status, ..) = ask(&scene, Method::GET, "/metrics/", &[]).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
