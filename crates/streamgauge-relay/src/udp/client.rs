//! One UDP client: its session, its socket to the upstream, and the task that brings back what comes there.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use streamgauge::SessionHandle;

use super::UdpService;
use super::gather::send_run;
use super::socket::Socket;
use crate::tally::Mark;

/// One UDP client. Clones are of the same.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) session: SessionHandle,
    pub(super) upstream: Arc<Socket>,
    pub(super) target: SocketAddr,
    /// The PROXY header that goes ahead of each datagram. Empty where none does.
    pub(super) header: Vec<u8>,
    pub(super) serial: u64,
    /// Whether anything passed since somebody looked; where no collector does.
    has_moved: Arc<AtomicBool>,
}

impl Client {
    pub(super) fn new(
        session: SessionHandle,
        upstream: Arc<Socket>,
        target: SocketAddr,
        header: Vec<u8>,
        serial: u64,
    ) -> Self {
        Self {
            session,
            upstream,
            target,
            header,
            serial,
            has_moved: Arc::default(),
        }
    }

    /// Counts a datagram of the client's. Whether its session is open.
    pub(super) fn note_ingress(&self, bytes: usize) -> bool {
        // Relaxed: a hint that a timer looks at [M6].
        self.has_moved.store(true, Ordering::Relaxed);
        self.session.ingress(bytes as u64).is_counted()
    }

    fn note_egress(&self, bytes: &[u8], stride: usize) {
        // Relaxed: a hint that a timer looks at [M6].
        self.has_moved.store(true, Ordering::Relaxed);
        if bytes.is_empty() {
            self.session.egress(0);
        }
        for datagram in bytes.chunks(stride.max(1)) {
            self.session.egress(datagram.len() as u64);
        }
    }

    /// Brings back what the upstream sends, until the session closes or the relay ends; then the session is closed.
    /// `peer` is whom the lists are asked about.
    pub(super) async fn bring_back(
        self,
        service: Arc<UdpService>,
        source: SocketAddr,
        from: Option<IpAddr>,
        peer: IpAddr,
    ) {
        let mut closed = self.session.closed();
        let mut blocked_by_now = pin!(service.gate.blocked(peer));
        // No collector closes a session that there is not.
        let mut silence = tokio::time::interval(match service.config.session_timeout {
            Duration::ZERO => DEFAULT_SILENCE,
            timeout => timeout.min(MAX_SILENCE),
        });
        silence.tick().await;
        loop {
            let mut blocked = Vec::new();
            let received = tokio::select! {
                biased;
                () = service.lifecycle.ending() => break,
                _verdict = &mut closed => break,
                () = &mut blocked_by_now => break,
                _tick = silence.tick(), if !service.is_metering => {
                    // Relaxed: a hint, set by those who count [M6].
                    if self.has_moved.swap(false, Ordering::Relaxed) {
                        continue;
                    }
                    break;
                }
                received = self.upstream.receive(|run| {
                    let sent = |part: &[u8]| self.note_egress(part, run.stride);
                    if let Err(unsent) = send_run(&service.socket, source, from, run.bytes, run.stride, sent) {
                        match unsent.blocked_at {
                            Some(at) => blocked.push((run.bytes[at..].to_vec(), run.stride)),
                            None => service.marks.add(Mark::LostDatagram, unsent.datagrams as u64),
                        }
                    }
                }) => received,
            };
            for (bytes, stride) in blocked {
                self.send_slowly(&service, source, from, &bytes, stride).await;
            }
            match received {
                Ok(()) => {}
                // What a datagram met that was sent before: nobody listened there, and somebody may later.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    service.marks.mark(Mark::LostDatagram);
                }
                Err(error) => {
                    service.refuse(Mark::Unreachable, source, &error);
                    break;
                }
            }
        }
        self.session.unregister();
    }

    /// Sends what the listener's socket did not take at once; until then nothing more is received.
    async fn send_slowly(
        &self,
        service: &UdpService,
        source: SocketAddr,
        from: Option<IpAddr>,
        bytes: &[u8],
        stride: usize,
    ) {
        for part in bytes.chunks(stride.max(1)) {
            let sent = tokio::select! {
                () = service.lifecycle.ending() => return,
                sent = service.socket.send(source, from, part, part.len()) => sent,
            };
            match sent {
                Ok(()) => self.note_egress(part, part.len()),
                Err(_) => service.marks.mark(Mark::LostDatagram),
            }
        }
    }
}

/// What a collector takes 0 for. A timer of no time at all would panic.
const DEFAULT_SILENCE: Duration = Duration::from_secs(5);

/// A timer cannot be set for ever.
const MAX_SILENCE: Duration = Duration::from_secs(365 * 86_400);
