//! One connection, from its first byte to its last.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use streamgauge::Verdict;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::exchange::{Ended, Exchange};
use super::header::{ArrivalError, Arrived, read_header};
use super::{TcpService, is_exhaustion};
use crate::gate::{Peer, Refusal};
use crate::proxy::{Endpoints, Transport};
use crate::tally::Mark;

/// Why a connection got no session, or its session no upstream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("its source is none of the proxies")]
    Untrusted,
    #[error("{max} connections wait for their PROXY headers")]
    Waiting { max: usize },
    #[error(transparent)]
    Header(#[from] ArrivalError),
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    #[error("there is nothing left for a connection to the upstream: {0}")]
    Exhausted(io::Error),
    #[error("the upstream {upstream} cannot be reached: {cause}")]
    Unreachable { upstream: String, cause: Unreachable },
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreachable {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it did not answer within {0:?}")]
    Late(Duration),
}

/// How a connection that had an upstream ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    Exchanged(Ended),
    /// The session closed before there was an upstream.
    Closed(Verdict),
    /// Lists that came since block the client.
    Blocked,
    /// The relay ends.
    Relay,
}

impl TcpService {
    pub(super) async fn serve_client(
        &self,
        mut client: TcpStream,
        source: SocketAddr,
    ) -> Result<Outcome, Failure> {
        let ended = self.exchange(&mut client, source).await;
        if !matches!(ended, Ok(Outcome::Exchanged(Ended::Finished))) {
            // A stream that was cut off must not look complete; and who is refused leaves no state behind.
            reset(&client);
        }
        ended
    }

    async fn exchange(&self, client: &mut TcpStream, source: SocketAddr) -> Result<Outcome, Failure> {
        let Some((peer, endpoints, arrived)) =
            self.until_end(self.identify(client, source)).await.transpose()?
        else {
            return Ok(Outcome::Relay);
        };
        let session = self.gate.admit(&peer)?.owned();
        let mut out = pin!(self.out(&peer));
        let ahead = arrived
            .as_ref()
            .map_or(&[][..], |arrived| &arrived.bytes[arrived.taken..]);
        let verdict = session.ingress(ahead.len() as u64);
        if !verdict.is_counted() {
            return Ok(Outcome::Closed(verdict));
        }
        let connected = tokio::select! {
            biased;
            verdict = session.closed() => return Ok(Outcome::Closed(verdict)),
            outcome = &mut out => return Ok(outcome),
            connected = self.connect(&endpoints) => connected,
        };
        let mut upstream = connected.map_err(|cause| match cause {
            // It is not the upstream's fault.
            Unreachable::Io(error) if is_exhaustion(&error) => Failure::Exhausted(error),
            cause => Failure::Unreachable {
                upstream: self.config.upstream.to_string(),
                cause,
            },
        })?;
        let exchange = Exchange::new(client, &mut upstream, &session, self.config.buffer_bytes, ahead);
        let outcome = tokio::select! {
            biased;
            outcome = &mut out => outcome,
            ended = exchange => Outcome::Exchanged(ended),
        };
        if !matches!(outcome, Outcome::Exchanged(Ended::Finished)) {
            reset(&upstream);
        }
        Ok(outcome)
    }

    /// Who the client is, as its connection or the PROXY header at its front says; and what was read.
    async fn identify(
        &self,
        client: &mut TcpStream,
        source: SocketAddr,
    ) -> Result<(Peer, Endpoints, Option<Arrived>), Failure> {
        // Only TCP_NODELAY: a connection that is not set so works, too.
        let _ = client.set_nodelay(true);
        let own = |client: &TcpStream| {
            client.local_addr().map_or(Endpoints::Unknown, |local| {
                Endpoints::of(Transport::Stream, source, local)
            })
        };
        let Some(proxy_in) = &self.config.proxy_in else {
            return Ok((Peer::of(source), own(client), None));
        };
        if !proxy_in.is_from(source.ip()) {
            return if proxy_in.direct {
                Ok((Peer::of(source), own(client), None))
            } else {
                Err(Failure::Untrusted)
            };
        }
        let Ok(_place) = self.waiting.try_acquire() else {
            return Err(Failure::Waiting {
                max: proxy_in.max_waiting,
            });
        };
        let arrived = read_header(client, proxy_in.timeout).await?;
        let (peer, endpoints) = match &arrived.header.endpoints {
            Endpoints::Local | Endpoints::Unknown => (Peer::of(source), own(client)),
            unix @ Endpoints::Unix { .. } => (Peer::unix(source), unix.clone()),
            ip => (Peer::of(ip.source().unwrap_or(source)), ip.clone()),
        };
        Ok((peer, endpoints, Some(arrived)))
    }

    /// Connects to the first of the upstream's addresses that answers, and sends it its PROXY header.
    async fn connect(&self, endpoints: &Endpoints) -> Result<TcpStream, Unreachable> {
        let timeout = self.config.connect_timeout;
        let connecting = async {
            let upstream = &self.config.upstream;
            let mut stream = match upstream.socket_addr() {
                Some(address) => TcpStream::connect(address).await?,
                None => TcpStream::connect((upstream.name().unwrap_or_default(), upstream.port())).await?,
            };
            let _ = stream.set_nodelay(true);
            if let Some(version) = self.config.proxy_out {
                let mut header = Vec::new();
                endpoints.encode(version, &mut header);
                stream.write_all(&header).await?;
            }
            Ok(stream)
        };
        tokio::time::timeout(timeout, connecting)
            .await
            .unwrap_or(Err(Unreachable::Late(timeout)))
    }

    /// Resolves when a client that was admitted is to go, whatever it and its upstream do.
    async fn out(&self, peer: &Peer) -> Outcome {
        tokio::select! {
            () = self.lifecycle.ending() => Outcome::Relay,
            () = self.gate.blocked(peer.ip()) => Outcome::Blocked,
        }
    }

    /// None where the relay ends first.
    async fn until_end<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.lifecycle.ending() => None,
            done = work => Some(done),
        }
    }
}

/// Has the connection end with a reset as it is dropped.
fn reset(stream: &TcpStream) {
    // Where it cannot be set the connection is gone.
    let _ = stream.set_zero_linger();
}

impl Failure {
    pub(super) fn mark(&self) -> Mark {
        match self {
            Self::Untrusted => Mark::Untrusted,
            Self::Waiting { .. } => Mark::OverWaiting,
            Self::Header(ArrivalError::Late(_)) => Mark::LateHeader,
            Self::Header(_) => Mark::MalformedHeader,
            Self::Refused(refusal) => refusal.mark(),
            Self::Exhausted(_) => Mark::Exhausted,
            Self::Unreachable { .. } => Mark::Unreachable,
        }
    }

    /// Whether the client is at fault, and neither the upstream nor this host.
    pub(super) fn is_refusal(&self) -> bool {
        !matches!(self, Self::Exhausted(_) | Self::Unreachable { .. })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exchanged(Ended::Finished) => f.write_str("both ends have finished"),
            Self::Exchanged(Ended::Client(error)) => write!(f, "the client's connection broke: {error}"),
            Self::Exchanged(Ended::Upstream(error)) => write!(f, "the upstream's connection broke: {error}"),
            Self::Exchanged(Ended::Session(verdict)) | Self::Closed(verdict) => {
                write!(f, "its session was closed: {verdict:?}")
            }
            Self::Blocked => f.write_str("its address is blocked by now"),
            Self::Relay => f.write_str("the relay ends"),
        }
    }
}
