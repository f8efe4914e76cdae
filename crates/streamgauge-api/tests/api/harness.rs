//! A registry whose time stands still, and its router.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::Response;
use serde_json::Value;
use streamgauge::{Collector, CollectorConfig, Config, ManualClock, Registry};
use streamgauge_api::{Api, Feed, FeedLimits, Guard};
use tower::ServiceExt;

use crate::document;

pub(crate) const TOKEN: &str = "0123456789abcdef";

pub(crate) struct Server {
    pub(crate) registry: Registry,
    pub(crate) clock: ManualClock,
    pub(crate) feed: Feed,
    router: Router,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Server {
    /// A server that asks for [`TOKEN`].
    pub(crate) fn new() -> Self {
        Self::with(FeedLimits::default(), |api| api)
    }

    pub(crate) fn with(limits: FeedLimits, change: impl FnOnce(Api) -> Api) -> Self {
        let clock = ManualClock::default();
        clock.advance(Duration::from_secs(1_700_000_000));
        let registry = Registry::manual(Config::default(), clock.clone()).unwrap();
        let feed = Feed::new(limits);
        let api = Api::new(registry.reader(), Guard::token(TOKEN).unwrap()).feed(feed.clone());
        Self {
            router: change(api).router(),
            registry,
            clock,
            feed,
        }
    }

    /// A collector that closes nothing by itself.
    pub(crate) fn collector(&self, name: &str) -> Collector {
        self.collector_with(name, |_| {})
    }

    pub(crate) fn collector_with(&self, name: &str, change: impl FnOnce(&mut CollectorConfig)) -> Collector {
        let mut config = CollectorConfig::default();
        config.session_timeout = Duration::MAX;
        config.observer = Some(Arc::new(self.feed.clone()));
        change(&mut config);
        self.registry.register(name, config).unwrap()
    }

    pub(crate) fn tick_after(&self, time: Duration) {
        self.clock.advance(time);
        self.registry.tick();
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(request(Method::GET, path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.ask(request(Method::DELETE, path)).await
    }

    /// Sends a request, and holds the answer against the document.
    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let answer = read(self.send(request).await).await;
        document::check(&method, &path, &answer);
        answer
    }

    /// Sends a request, and gives the answer with its body unread.
    pub(crate) async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }
}

/// A request with the token.
pub(crate) fn request(method: Method, path: &str) -> Request<Body> {
    bare(method, path, &[("authorization", &format!("Bearer {TOKEN}"))])
}

/// A request from this machine with these headers alone.
pub(crate) fn bare(method: Method, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let peer: SocketAddr = "127.0.0.1:40000".parse().unwrap();
    request.extension(ConnectInfo(peer)).body(Body::empty()).unwrap()
}

pub(crate) async fn read(response: Response) -> Answer {
    let (parts, body) = response.into_parts();
    let is_endless = parts
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "text/event-stream");
    let body = if is_endless {
        Bytes::new()
    } else {
        to_bytes(body, usize::MAX).await.unwrap()
    };
    Answer {
        status: parts.status,
        headers: parts.headers,
        body,
    }
}
