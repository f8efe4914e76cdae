//! The admin listener: where the API and the metrics are mounted, behind one guard.
//!
//! Everything that is served over HTTP is put together in [`router`]: the JSON API of `streamgauge-api` below `/api`, and
//! `/metrics` of `streamgauge-prometheus` with what the relay itself counts. A reload of the token swaps the whole router, so
//! that requests under way end as they began.

mod metrics;
mod server;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use streamgauge::RegistryReader;
use streamgauge_api::{Api, Feed, Guard, GuardError};
use streamgauge_prometheus::Exporter;
use streamgauge_webhook::Webhooks;
use tokio::net::TcpListener;
use tower::ServiceExt;

use self::metrics::Page;
use crate::config::AdminConfig;
use crate::lifecycle::Lifecycle;
use crate::relay::Listening;

/// What is served to operators.
#[derive(Debug)]
pub(crate) struct Admin {
    address: SocketAddr,
    parts: Parts,
    current: Arc<ArcSwap<Router>>,
}

/// What the router is made of.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) registry: RegistryReader,
    pub(crate) feed: Feed,
    pub(crate) listeners: Vec<Listening>,
    pub(crate) webhooks: Option<Webhooks>,
}

/// The API and the metrics, for whom the guard lets in.
fn router(parts: &Parts, guard: Guard) -> Router {
    let api = Api::new(parts.registry.clone(), guard.clone())
        .feed(parts.feed.clone())
        .router();
    let page = Page::new(
        Exporter::new(parts.registry.clone()),
        parts.listeners.clone(),
        parts.webhooks.clone(),
    );
    api.merge(guard.protect(page.router()))
}

impl Admin {
    /// Serves until the relay ends.
    pub(crate) fn serve(
        config: &AdminConfig,
        listener: TcpListener,
        parts: Parts,
        lifecycle: &Lifecycle,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let guard = Guard::bound_to(address, config.token.as_deref()).map_err(io::Error::other)?;
        let current = Arc::new(ArcSwap::from_pointee(router(&parts, guard)));
        let swapped = current.clone();
        let answer = move |request: Request| {
            let router = Router::clone(&swapped.load());
            async move {
                router
                    .oneshot(request)
                    .await
                    .unwrap_or_else(|never: Infallible| match never {})
            }
        };
        let service = Router::new().fallback(any(answer));
        // Who drains is to be seen until the last session has ended, and nobody waits for it.
        lifecycle.spawn_servant(server::serve(listener, service, lifecycle.clone()));
        Ok(Self {
            address,
            parts,
            current,
        })
    }

    /// Where it is bound.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks for this token from now on.
    pub(crate) fn set_token(&self, token: Option<&str>) -> Result<(), GuardError> {
        let guard = Guard::bound_to(self.address, token)?;
        self.current.store(Arc::new(router(&self.parts, guard)));
        Ok(())
    }
}
