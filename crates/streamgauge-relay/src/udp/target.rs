//! Where an upstream is now.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;

use crate::config::Upstream;
use crate::lifecycle::Lifecycle;

/// How often a name is looked up again.
const REFRESH: Duration = Duration::from_secs(30);
/// How soon after a look-up that found nothing.
const RETRY: Duration = Duration::from_secs(1);

/// Where an upstream is, as it was last looked up. Datagrams do not wait for a look-up.
#[derive(Clone, Debug)]
pub(crate) struct Target(Arc<ArcSwapOption<SocketAddr>>);

impl Target {
    /// An address stands; a name is looked up by a task, again and again.
    pub(crate) fn of(upstream: &Upstream, lifecycle: &Lifecycle) -> Self {
        let target = Self(Arc::new(ArcSwapOption::from_pointee(upstream.socket_addr())));
        if upstream.name().is_some() {
            let (following, upstream, draining) = (target.clone(), upstream.clone(), lifecycle.clone());
            lifecycle.spawn(async move {
                tokio::select! {
                    () = draining.draining() => {}
                    () = following.follow(&upstream) => {}
                }
            });
        }
        target
    }

    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.0.load().as_deref().copied()
    }

    async fn follow(&self, upstream: &Upstream) {
        let name = upstream.name().unwrap_or_default();
        loop {
            let found = tokio::net::lookup_host((name, upstream.port())).await;
            match found.map(|mut addresses| addresses.next()) {
                Ok(Some(address)) => {
                    self.0.store(Some(Arc::new(address)));
                    tokio::time::sleep(REFRESH).await;
                }
                // What was found before stands.
                Ok(None) | Err(_) => {
                    tracing::debug!(%upstream, "the name was not found");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }
}
