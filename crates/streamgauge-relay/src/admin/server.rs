//! The server under the admin listener: HTTP/1.1, for so many connections at once, none of which may dawdle. The one file
//! that names hyper.
//!
//! Anybody who reaches the listener can connect, token or not, and takes descriptors that the relay's clients need. So
//! connections are bounded, and a request's head has so long to arrive. Each connection is a task that ends with the relay, and
//! that the end of the relay waits for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt;

use crate::lifecycle::Lifecycle;

/// Connections at once; more wait to be accepted. Four times as many as may listen for events.
const MAX_CONNECTIONS: usize = 256;

/// How long a request's head may take to arrive, and how long a connection may be without one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long nobody is accepted where there are no descriptors for another connection.
const BACKOFF: Duration = Duration::from_millis(100);

/// Serves the router until the relay ends.
pub(super) async fn serve(listener: TcpListener, router: Router, lifecycle: Lifecycle) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let accepting = async {
        loop {
            // Nobody closes it.
            let Ok(place) = places.clone().acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let (router, ending) = (router.clone(), lifecycle.clone());
                    lifecycle.spawn_servant(async move {
                        tokio::select! {
                            () = converse(stream, peer, router) => {}
                            // Who listens for events would never end.
                            () = ending.ending() => {}
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection to the admin listener was not accepted");
                    tokio::time::sleep(BACKOFF).await;
                }
            }
        }
    };
    tokio::select! {
        () = accepting => {}
        () = lifecycle.ending() => {}
    }
}

/// Serves one connection.
async fn converse(stream: TcpStream, peer: SocketAddr, router: Router) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        tracing::debug!(%peer, %error, "a connection to the admin listener broke");
    }
}
