//! Datagrams of one size for one receiver, gathered to be sent in one call.

use std::io;
use std::net::{IpAddr, SocketAddr};

use super::socket::Socket;

/// A run that is being gathered. Its memory is kept for the next one.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    bytes: Vec<u8>,
    stride: usize,
    datagrams: usize,
}

impl Gather {
    /// Whether a datagram of so many bytes can be in this run.
    pub(crate) fn has_room_for(&self, bytes: usize, socket: &Socket) -> bool {
        // Only the last may be shorter, and one of no bytes is a message of its own.
        self.datagrams == 0
            || (bytes != 0
                && bytes <= self.stride
                && self.bytes.len() == self.datagrams * self.stride
                && self.datagrams < socket.max_run(self.stride))
    }

    /// Adds a datagram of these two parts.
    pub(crate) fn add(&mut self, header: &[u8], datagram: &[u8]) {
        if self.datagrams == 0 {
            self.stride = header.len() + datagram.len();
        }
        self.bytes.extend_from_slice(header);
        self.bytes.extend_from_slice(datagram);
        self.datagrams += 1;
    }

    /// Sends what there is, if the socket takes it now: how many datagrams were not sent.
    pub(crate) fn flush(&mut self, socket: &Socket, to: SocketAddr) -> usize {
        let lost = if self.datagrams == 0 {
            0
        } else {
            send_run(socket, to, None, &self.bytes, self.stride, |_| {})
                .map_or_else(|unsent| unsent.datagrams, |()| 0)
        };
        self.bytes.clear();
        self.datagrams = 0;
        lost
    }
}

/// What of a run was not sent.
#[derive(Debug)]
pub(crate) struct Unsent {
    pub(crate) datagrams: usize,
    /// From here on the socket took no more for now. Where there is none, they cannot be sent at all.
    pub(crate) blocked_at: Option<usize>,
}

/// Sends a run, in as few calls as it takes; each that was sent is told with its bytes.
pub(crate) fn send_run(
    socket: &Socket,
    to: SocketAddr,
    from: Option<IpAddr>,
    bytes: &[u8],
    stride: usize,
    mut sent: impl FnMut(&[u8]),
) -> Result<(), Unsent> {
    let stride = stride.max(1);
    let mut failed = 0;
    let mut at = 0;
    loop {
        let end = bytes.len().min(at + socket.max_run(stride) * stride);
        let part = &bytes[at..end];
        match socket.try_send(to, from, part, stride) {
            Ok(()) => sent(part),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let datagrams = failed + (bytes.len() - at).div_ceil(stride).max(1);
                return Err(Unsent {
                    datagrams,
                    blocked_at: Some(at),
                });
            }
            // Some interfaces take no runs, or none of this size.
            Err(_) if part.len() > stride => {
                for datagram in part.chunks(stride) {
                    match socket.try_send(to, from, datagram, stride) {
                        Ok(()) => sent(datagram),
                        Err(_) => failed += 1,
                    }
                }
            }
            Err(_) => failed += 1,
        }
        at = end;
        if at >= bytes.len() {
            break;
        }
    }
    if failed == 0 {
        Ok(())
    } else {
        Err(Unsent {
            datagrams: failed,
            blocked_at: None,
        })
    }
}
