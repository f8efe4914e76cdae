//! The router, and what its handlers share.

use std::fmt;
use std::sync::Arc;
use std::thread::available_parallelism;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use streamgauge::{Collector, RegistryReader};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::feed::Feed;
use crate::guard::Guard;
use crate::origins::{self, OriginError};
use crate::problem::{Problem, shown};
use crate::routes;

/// How many replies that are too large to be written at once are under way at the same time. Each holds a summary.
pub const MAX_STREAMED_REPLIES: usize = 16;

/// The most collectors that a problem lists.
const MAX_LISTED: usize = 20;

/// Makes the router of a registry.
///
/// It does not keep the collectors running, and the registry may have others from one request to the next.
pub struct Api {
    registry: RegistryReader,
    guard: Guard,
    feed: Feed,
    origins: Vec<HeaderValue>,
}

impl Api {
    /// The API of a registry, for whom the guard lets in.
    #[must_use]
    pub fn new(registry: RegistryReader, guard: Guard) -> Self {
        Self {
            registry,
            guard,
            feed: Feed::default(),
            origins: Vec::new(),
        }
    }

    /// Tells the events of a feed, which is to be an observer of the collectors.
    #[must_use]
    pub fn feed(mut self, feed: Feed) -> Self {
        self.feed = feed;
        self
    }

    /// Lets pages of other servers ask: `scheme://host`, with a port where it is not the scheme's, or `*` for all where a
    /// token is asked for. None may, unless this is called.
    ///
    /// # Errors
    ///
    /// The first that is no origin; `*` where the guard asks for no token.
    pub fn allowed_origins(mut self, origins: &[String]) -> Result<Self, OriginError> {
        self.origins = origins::check(origins, &self.guard)?;
        Ok(self)
    }

    /// The router: all routes are below `/api/v1` and `/api/v3`, and what else is below these is answered with a problem.
    pub fn router(self) -> Router {
        let cores = available_parallelism().map_or(1, usize::from);
        let shared = Arc::new(Shared {
            registry: self.registry,
            feed: self.feed,
            walks: Arc::new(Semaphore::new(cores)),
            streamed: Arc::new(Semaphore::new(MAX_STREAMED_REPLIES)),
        });
        let router = self.guard.protect(routes::router().with_state(shared));
        if self.origins.is_empty() {
            return router;
        }
        router.route_layer(origins::layer(self.origins))
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api")
            .field("registry", &self.registry)
            .field("guard", &self.guard)
            .field("feed", &self.feed)
            .field("origins", &self.origins)
            .finish()
    }
}

/// What the handlers share.
pub(crate) struct Shared {
    pub(crate) registry: RegistryReader,
    pub(crate) feed: Feed,
    walks: Arc<Semaphore>,
    pub(crate) streamed: Arc<Semaphore>,
}

impl Shared {
    /// A collector by name.
    pub(crate) fn collector(&self, name: &str) -> Result<Collector, Problem> {
        self.registry.collector(name).ok_or_else(|| {
            Problem::new(
                axum::http::StatusCode::NOT_FOUND,
                "unknown collector",
                format!("no collector is named {}", shown(name)),
                "path",
                self.names_there_are(),
            )
        })
    }

    /// Says which collectors there are, to whom asked for others.
    pub(crate) fn names_there_are(&self) -> String {
        let mut names = self.registry.collectors();
        let all = names.len();
        names.truncate(MAX_LISTED);
        match (all, names.join(", ")) {
            (0, _) => "there is no collector yet".to_owned(),
            (all, names) if all > MAX_LISTED => format!("there are {all}, among them: {names}"),
            (_, names) => format!("there are: {names}"),
        }
    }

    /// Does what passes over many sessions, or may wait for a lock, beside the runtime: as many at once as there are cores.
    pub(crate) async fn walk<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, Problem> {
        let walks = Arc::clone(&self.walks);
        let permit = walks.acquire_owned().await.map_err(|_| Problem::interrupted())?;
        let work = move || {
            // The work's, not the request's: what has begun goes on where the client is gone.
            let _permit = permit;
            work()
        };
        spawn_blocking(work).await.map_err(|error| {
            tracing::error!(%error, "a request was given up");
            Problem::interrupted()
        })
    }
}

/// A whole answer.
pub(crate) fn json(body: &impl serde::Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_vec(body).map_err(|error| {
        tracing::error!(%error, "an answer could not be written");
        Problem::interrupted()
    })?;
    Ok(json_text(Body::from(body)))
}

/// An answer that is JSON already.
pub(crate) fn json_text(body: Body) -> Response {
    let mut response = Response::new(body);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use streamgauge::{Config, ManualClock, Registry};

    use super::*;

    #[tokio::test]
    async fn a_walk_whose_client_is_gone_keeps_its_place_until_it_is_done() {
        let registry = Registry::manual(Config::default(), ManualClock::default()).unwrap();
        let shared = Arc::new(Shared {
            registry: registry.reader(),
            feed: Feed::default(),
            walks: Arc::new(Semaphore::new(1)),
            streamed: Arc::new(Semaphore::new(1)),
        });
        let (begun, has_begun) = channel();
        let (go_on, may_go_on) = channel::<()>();
        let walking = shared.clone();
        let walk = tokio::spawn(async move {
            let _gone = walking
                .walk(move || {
                    begun.send(()).unwrap();
                    may_go_on.recv().unwrap();
                })
                .await;
        });
        spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
        walk.abort();
        let _aborted = walk.await;
        assert_eq!(shared.walks.available_permits(), 0);
        go_on.send(()).unwrap();
        assert!(shared.walk(|| ()).await.is_ok());
    }
}
