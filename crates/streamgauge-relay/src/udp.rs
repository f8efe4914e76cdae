//! UDP: a listener that knows its clients by their addresses, and a socket and a task for each.
//!
//! The listener's task receives from all clients, and sends on to the upstream through each client's own socket; a client's
//! task brings back what the upstream answers there. A client leaves when its session closes: silence, a kick, a list. How
//! many there may be is bounded, since anybody can forge source addresses.
//!
//! No queue is waited for on the way in: what a socket does not take at once is lost, and counted, as it is anywhere on a
//! path of datagrams.

mod client;
mod gather;
mod socket;
mod target;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ahash::{HashMap, HashMapExt};
use tokio::sync::mpsc;

use self::client::Client;
use self::gather::Gather;
use self::socket::Run;
pub(crate) use self::socket::Socket;
use self::target::Target;
use crate::config::ListenerConfig;
use crate::gate::{Gate, Peer};
use crate::lifecycle::Lifecycle;
use crate::proxy::{self, Endpoints, Transport, Version};
use crate::tally::{Mark, Marks};
use crate::throttle::Throttle;

/// What the clients of a listener share.
#[derive(Debug)]
pub(crate) struct UdpService {
    pub(crate) config: ListenerConfig,
    pub(crate) gate: Arc<Gate>,
    pub(crate) marks: Arc<Marks>,
    pub(crate) lifecycle: Lifecycle,
    socket: Socket,
    target: Target,
    is_metering: bool,
    refusals: Throttle,
    failures: Throttle,
}

/// A client: where its datagrams come from, and whom a proxy says that they are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct ClientKey {
    source: SocketAddr,
    claimed: Option<SocketAddr>,
}

/// The listener's task.
struct Clients {
    service: Arc<UdpService>,
    known: HashMap<ClientKey, Client>,
    /// For each client's task, to say that it has left.
    leaving: mpsc::UnboundedSender<(ClientKey, u64)>,
    serial: u64,
    gathering: Option<ClientKey>,
    gather: Gather,
}

impl UdpService {
    pub(crate) fn new(
        config: ListenerConfig,
        socket: Socket,
        gate: Arc<Gate>,
        marks: Arc<Marks>,
        lifecycle: Lifecycle,
        is_metering: bool,
    ) -> Self {
        Self {
            target: Target::of(&config.upstream, &lifecycle),
            config,
            gate,
            marks,
            lifecycle,
            socket,
            is_metering,
            refusals: Throttle::default(),
            failures: Throttle::default(),
        }
    }

    /// Relays until the relay drains and the last client has left.
    pub(crate) async fn relay(self: Arc<Self>) {
        // As many as there are clients at most.
        let (leaving, mut left) = mpsc::unbounded_channel();
        let mut clients = Clients {
            service: self.clone(),
            known: HashMap::new(),
            leaving,
            serial: 0,
            gathering: None,
            gather: Gather::default(),
        };
        loop {
            let is_draining = self.lifecycle.is_draining();
            if is_draining && clients.known.is_empty() {
                return;
            }
            let received = tokio::select! {
                biased;
                () = self.lifecycle.ending() => return,
                () = self.lifecycle.draining(), if !is_draining => continue,
                Some((key, serial)) = left.recv() => {
                    if clients.known.get(&key).is_some_and(|client| client.serial == serial) {
                        clients.forget(key);
                    }
                    continue;
                }
                received = self.socket.receive(|run| clients.take(run)) => received,
            };
            clients.flush();
            if let Err(error) = received {
                // What one of the replies met: the next call receives again.
                tracing::debug!(listener = %self.config.name, %error, "nothing was received");
                tokio::task::yield_now().await;
            }
        }
    }

    fn refuse(&self, mark: Mark, source: SocketAddr, cause: &dyn std::fmt::Display) {
        self.marks.mark(mark);
        let throttle = if mark == Mark::Unreachable {
            &self.failures
        } else {
            &self.refusals
        };
        if let Some(kept_back) = throttle.pass() {
            tracing::warn!(listener = %self.config.name, client = %source, kept_back, "a datagram was dropped: {cause}");
        }
    }
}

impl Clients {
    fn take(&mut self, run: Run<'_>) {
        for datagram in run.datagrams() {
            self.take_one(&run, datagram);
        }
    }

    fn take_one(&mut self, run: &Run<'_>, datagram: &[u8]) {
        let Some((claimed, payload)) = self.unwrap(run.source, datagram) else {
            return;
        };
        let key = ClientKey {
            source: run.source,
            claimed: claimed.as_ref().and_then(Endpoints::source),
        };
        let count = |client: &Client| client.note_ingress(payload.len());
        if !self.known.get(&key).is_some_and(count) {
            // Nobody, or somebody whose session has closed and whose task has yet to say so: this begins a new one.
            self.forget(key);
            if !self.welcome(key, claimed.as_ref(), run.to) || !self.known.get(&key).is_some_and(count) {
                return;
            }
        }
        let Some(client) = self.known.get(&key) else {
            return;
        };
        let size = client.header.len() + payload.len();
        if self.gathering == Some(key) && self.gather.has_room_for(size, &client.upstream) {
            self.gather.add(&client.header, payload);
            return;
        }
        self.flush();
        if let Some(client) = self.known.get(&key) {
            self.gather.add(&client.header, payload);
            self.gathering = Some(key);
        }
    }

    /// Whom the datagram is of, where a proxy says so, and what is behind what it says.
    fn unwrap<'a>(&self, source: SocketAddr, datagram: &'a [u8]) -> Option<(Option<Endpoints>, &'a [u8])> {
        let Some(proxy_in) = &self.service.config.proxy_in else {
            return Some((None, datagram));
        };
        if !proxy_in.is_from(source.ip()) {
            if proxy_in.direct {
                return Some((None, datagram));
            }
            self.service
                .refuse(Mark::Untrusted, source, &"its source is none of the proxies");
            return None;
        }
        match proxy::decode(datagram) {
            Ok(Some((header, taken))) if header.version == Version::V2 => {
                Some((Some(header.endpoints), &datagram[taken..]))
            }
            Ok(_) => {
                self.service.refuse(
                    Mark::MalformedHeader,
                    source,
                    &"no whole PROXY header of version 2 is at its front",
                );
                None
            }
            Err(error) => {
                self.service.refuse(Mark::MalformedHeader, source, &error);
                None
            }
        }
    }

    /// Whether there is a new client now.
    fn welcome(&mut self, key: ClientKey, claimed: Option<&Endpoints>, to: Option<IpAddr>) -> bool {
        let service = &self.service;
        if service.lifecycle.is_draining() {
            return false;
        }
        service.marks.mark(Mark::Client);
        let max = service.config.max_clients;
        if self.known.len() >= max {
            service.refuse(
                Mark::OverSessions,
                key.source,
                &format_args!("{max} clients are served"),
            );
            return false;
        }
        let Some(target) = service.target.address() else {
            service.refuse(
                Mark::Unreachable,
                key.source,
                &"the upstream's name was not found",
            );
            return false;
        };
        let peer = match claimed {
            Some(Endpoints::Unix { .. }) => Peer::unix(key.source),
            _ => Peer::of(key.claimed.unwrap_or(key.source)),
        };
        let session = match service.gate.admit(&peer) {
            Ok(session) => session,
            Err(refusal) => {
                service.refuse(refusal.mark(), key.source, &refusal);
                return false;
            }
        };
        let own = || {
            let ip = to.unwrap_or_else(|| service.gate.location().ip());
            Endpoints::of(
                Transport::Datagram,
                key.source,
                SocketAddr::new(ip, service.gate.location().port()),
            )
        };
        let mut header = Vec::new();
        if let Some(version) = service.config.proxy_out {
            let endpoints = match claimed {
                Some(Endpoints::Local | Endpoints::Unknown) | None => own(),
                Some(claimed) => claimed.clone(),
            };
            endpoints.encode(version, &mut header);
        }
        let upstream = match Socket::connect(target, service.config.udp_batching) {
            Ok(upstream) => Arc::new(upstream),
            Err(error) => {
                session.unregister();
                let mark = if is_exhaustion(&error) {
                    Mark::Exhausted
                } else {
                    Mark::Unreachable
                };
                service.refuse(mark, key.source, &error);
                return false;
            }
        };
        self.serial += 1;
        let client = Client::new(session, upstream, target, header, self.serial);
        let serial = self.serial;
        let leaving = self.leaving.clone();
        let returning = client
            .clone()
            .bring_back(self.service.clone(), key.source, to, peer.ip());
        self.service.lifecycle.spawn(async move {
            returning.await;
            // The listener may have ended before.
            let _ = leaving.send((key, serial));
        });
        self.known.insert(key, client);
        true
    }

    /// Sends what is gathered.
    fn flush(&mut self) {
        let client = self.gathering.take().and_then(|key| self.known.get(&key));
        if let Some(client) = client {
            let lost = self.gather.flush(&client.upstream, client.target);
            self.service.marks.add(Mark::LostDatagram, lost as u64);
        }
    }

    fn forget(&mut self, key: ClientKey) {
        if self.gathering == Some(key) {
            self.flush();
        }
        self.known.remove(&key);
    }
}

fn is_exhaustion(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
    )
}
