//! `GET /metrics`, for axum.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, VARY};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::exporter::Exporter;
use crate::exposition::Exposition;

/// A router that answers `GET /metrics`, to merge into a program's own.
///
/// It has no guard: ids and peers are on the page. Each request is rendered on a thread of tokio's for blocking work, so that a
/// pass over very many sessions holds up no other task.
///
/// ```
/// use axum::Router;
/// use streamgauge::{Config, ManualClock, Registry};
/// use streamgauge_prometheus::{Exporter, router};
///
/// let registry = Registry::manual(Config::default(), ManualClock::default())?;
/// let app: Router = Router::new().merge(router(Exporter::new(registry.reader())));
/// # assert!(app.has_routes());
/// # Ok::<(), streamgauge::Error>(())
/// ```
pub fn router(exporter: Exporter) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(exporter)
}

async fn metrics(State(exporter): State<Exporter>, headers: HeaderMap) -> Response {
    // Several headers are one list. What is no text is nothing that this could match.
    let accepted = headers.get_all(ACCEPT).into_iter();
    let accepted: Vec<&str> = accepted.filter_map(|value| value.to_str().ok()).collect();
    let accept = accepted.join(",");
    let rendered = tokio::task::spawn_blocking(move || exporter.respond(Some(&accept)));
    rendered.await.map_or_else(
        // A panic there, or the end of the runtime.
        |_| StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        IntoResponse::into_response,
    )
}

impl IntoResponse for Exposition {
    fn into_response(self) -> Response {
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static(self.content_type)),
            (VARY, HeaderValue::from_static("accept")),
        ];
        (headers, self.body).into_response()
    }
}
