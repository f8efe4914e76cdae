//! A service for one connection, whose requests say which one it is.

use std::task::{Context, Poll};

use http::Request;
use tower_service::Service;

use super::ConnectionContext;

/// Puts the [`ConnectionContext`] and the [`PeerAddr`](crate::PeerAddr) of one connection into the extensions of its requests: made by
/// [`ConnectionContext::service`].
#[derive(Debug, Clone)]
pub struct WithConnection<S> {
    service: S,
    context: ConnectionContext,
}

impl<S> WithConnection<S> {
    pub(super) fn new(service: S, context: ConnectionContext) -> Self {
        Self { service, context }
    }
}

impl<S, B> Service<Request<B>> for WithConnection<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        self.context.begin_request(request.version());
        let extensions = request.extensions_mut();
        if let Some(peer) = self.context.peer() {
            extensions.insert(peer);
        }
        extensions.insert(self.context.clone());
        self.service.call(request)
    }
}
