//! TCP: a listener, and a task for each connection.

mod exchange;
mod header;
mod pump;
mod session;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::config::ListenerConfig;
use crate::gate::Gate;
use crate::lifecycle::Lifecycle;
use crate::tally::{Mark, Marks};
use crate::throttle::Throttle;

/// How long nobody is accepted where there are no descriptors, or no memory, for another connection.
const BACKOFF: Duration = Duration::from_millis(100);

/// What the connections of a listener share.
#[derive(Debug)]
pub(crate) struct TcpService {
    pub(crate) config: ListenerConfig,
    pub(crate) gate: Arc<Gate>,
    pub(crate) marks: Arc<Marks>,
    pub(crate) lifecycle: Lifecycle,
    /// Places for connections that wait for their PROXY headers.
    waiting: Semaphore,
    refusals: Throttle,
    failures: Throttle,
}

impl TcpService {
    pub(crate) fn new(
        config: ListenerConfig,
        gate: Arc<Gate>,
        marks: Arc<Marks>,
        lifecycle: Lifecycle,
    ) -> Self {
        let places = config
            .proxy_in
            .as_ref()
            .map_or(0, |proxy_in| proxy_in.max_waiting);
        Self {
            config,
            gate,
            marks,
            lifecycle,
            waiting: Semaphore::new(places.min(Semaphore::MAX_PERMITS)),
            refusals: Throttle::default(),
            failures: Throttle::default(),
        }
    }

    /// Accepts until the relay drains.
    pub(crate) async fn accept(self: Arc<Self>, listener: TcpListener) {
        let mut is_exhausted = false;
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.lifecycle.draining() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, source)) => {
                    is_exhausted = false;
                    self.marks.mark(Mark::Client);
                    let service = self.clone();
                    self.lifecycle.spawn(service.serve(stream, source));
                }
                Err(error) if is_exhaustion(&error) => {
                    self.marks.mark(Mark::Exhausted);
                    if !is_exhausted {
                        is_exhausted = true;
                        tracing::error!(
                            listener = %self.config.name,
                            %error,
                            "no more connections can be accepted: raise the limit of open files (LimitNOFILE), or lower max_sessions"
                        );
                    }
                    // The connection waits in the listener's queue, which stays readable: without a pause this would spin.
                    tokio::select! {
                        () = self.lifecycle.draining() => return,
                        () = tokio::time::sleep(BACKOFF) => {}
                    }
                }
                // One connection that was gone before it was accepted.
                Err(error) => {
                    tracing::debug!(listener = %self.config.name, %error, "a connection was not accepted");
                }
            }
        }
    }

    async fn serve(self: Arc<Self>, stream: TcpStream, source: SocketAddr) {
        let name = &self.config.name;
        match self.serve_client(stream, source).await {
            Ok(ended) => {
                tracing::debug!(listener = %name, client = %source, %ended, "a connection has ended");
            }
            Err(failure) => {
                self.marks.mark(failure.mark());
                let throttle = if failure.is_refusal() {
                    &self.refusals
                } else {
                    &self.failures
                };
                if let Some(kept_back) = throttle.pass() {
                    tracing::warn!(listener = %name, client = %source, kept_back, "closed: {failure}");
                }
            }
        }
    }
}

fn is_exhaustion(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
    )
}
