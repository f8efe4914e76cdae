//! PROXY protocol headers: what a proxy writes ahead of a connection's bytes to say who is behind it.
//!
//! A strict codec for versions 1 and 2 of the
//! [protocol](https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt), without I/O. [`decode`] is given all bytes that came so far, in whichever pieces, and answers that more are needed, or
//! the header and how many bytes it takes; what is behind it belongs to the connection. What cannot become a header is an
//! error as soon as the bytes show it, and nothing longer than [`MAX_HEADER_BYTES`] is waited for.
//!
//! Invariants, which a fuzz target holds: no bytes panic; a header never takes bytes behind its own; how the bytes are cut
//! into reads changes nothing; what was decoded means the same when it is encoded and decoded again.
//!
//! Additional fields (TLVs) of version 2 are checked for form, and for their checksum where there is one, and let go:
//! nothing in them is used here. docs/adr/0021 has the crates that this was compared with.
//!
//! # A map of this page
//!
//! * [`decode`] gives a [`Header`]: its [`Version`], and the [`Endpoints`] of the client's connection.
//! * [`Endpoints::of`] and [`Endpoints::encode`] make a header.
//! * [`HeaderError`] says why bytes are none.
//!
//! # What it does not do
//!
//! It reads no socket, has no timeouts, and decides for nobody whose headers are to be believed.
//!
//! Cost: no allocation but for UNIX addresses; a pass over the header.

#![forbid(unsafe_code)]

mod v1;
mod v2;

use std::fmt;
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// The longest header that is taken, with its addresses and additional fields. Senders are asked to stay within 536 bytes.
pub const MAX_HEADER_BYTES: usize = 4096;

/// A decoded header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The version that it was written in.
    pub version: Version,
    /// Who is connected to whom.
    pub endpoints: Endpoints,
}

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// A line of text. TCP alone.
    V1,
    /// Binary.
    V2,
}

/// Who is connected to whom, as a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoints {
    /// The proxy speaks for itself, as health checks do. Version 2 alone.
    Local,
    /// The proxy does not say. The connection's own addresses stand.
    Unknown,
    /// An IPv4 client.
    Ipv4 {
        /// What the client speaks.
        transport: Transport,
        /// The client.
        source: SocketAddrV4,
        /// What the client connected to.
        destination: SocketAddrV4,
    },
    /// An IPv6 client. Version 2 has no room for flow and scope: they are 0.
    Ipv6 {
        /// What the client speaks.
        transport: Transport,
        /// The client.
        source: SocketAddrV6,
        /// What the client connected to.
        destination: SocketAddrV6,
    },
    /// A client on the proxy's own host. Version 2 alone.
    Unix {
        /// What the client speaks.
        transport: Transport,
        /// The paths of the client and of what it connected to.
        paths: Box<UnixPaths>,
    },
}

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP, or a stream socket of UNIX.
    Stream,
    /// UDP, or a datagram socket of UNIX.
    Datagram,
}

/// The paths of two UNIX sockets, padded with zeros, as they are in a header.
#[derive(Clone, PartialEq, Eq)]
pub struct UnixPaths {
    /// The client's.
    pub source: [u8; 108],
    /// What the client connected to.
    pub destination: [u8; 108],
}

/// Why bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// They begin like neither version.
    #[error("they begin with neither \"PROXY \" nor the signature of version 2")]
    NoHeader,
    /// The header is longer than is taken.
    #[error("the header has {bytes} bytes or more, of at most {max}")]
    TooLong {
        /// How many there are at least.
        bytes: usize,
        /// How many there may be.
        max: usize,
    },
    /// The line of version 1 is not as it has to be.
    #[error("in the line of version 1, {0}")]
    Line(&'static str),
    /// The version nibble of a binary header is not 2.
    #[error("the signature is version 2's, the version is {0}")]
    Version(u8),
    /// Neither LOCAL nor PROXY.
    #[error("the command is {0}, neither LOCAL (0) nor PROXY (1)")]
    Command(u8),
    /// An address family or transport that version 2 does not have.
    #[error("the address family and transport are 0x{0:02x}, which version 2 does not have")]
    Family(u8),
    /// The addresses do not fit into the length that the header says.
    #[error("the header says {length} bytes, its addresses have {needed}")]
    Addresses {
        /// What it says.
        length: usize,
        /// What its family needs.
        needed: usize,
    },
    /// An additional field reaches beyond the header.
    #[error("an additional field of type 0x{kind:02x} reaches beyond the header")]
    Field {
        /// The field's type.
        kind: u8,
    },
    /// The checksum of the header is not what it says.
    #[error("the checksum is not the header's")]
    Checksum,
}

/// Decodes a header at the front of `bytes`: the header and how many bytes it takes, or none where more are needed.
///
/// ```
/// use streamgauge_proxy_header::{HeaderError, decode};
///
/// let bytes = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\nGET /";
/// let (header, taken) = decode(bytes)?.ok_or("more is needed")?;
/// assert_eq!(header.endpoints.source().map(|source| source.to_string()).as_deref(), Some("192.0.2.7:56324"));
/// assert_eq!(&bytes[taken..], b"GET /");
///
/// assert_eq!(decode(&bytes[..20])?, None);
/// assert_eq!(decode(b"GET / HTTP/1.1"), Err(HeaderError::NoHeader));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The bytes are no header, whatever may follow.
pub fn decode(bytes: &[u8]) -> Result<Option<(Header, usize)>, HeaderError> {
    match bytes.first() {
        None => Ok(None),
        Some(b'P') => v1::decode(bytes),
        Some(_) => v2::decode(bytes),
    }
}

impl Endpoints {
    /// Of a connection from `source` to `destination`.
    ///
    /// An IPv4 address in IPv6 is that IPv4 address where both ends are; where only one is, both are IPv6.
    #[must_use]
    pub fn of(transport: Transport, source: SocketAddr, destination: SocketAddr) -> Self {
        match (source.ip().to_canonical(), destination.ip().to_canonical()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => Self::Ipv4 {
                transport,
                source: SocketAddrV4::new(from, source.port()),
                destination: SocketAddrV4::new(to, destination.port()),
            },
            (from, to) => {
                let wide = |ip, port| match ip {
                    IpAddr::V4(ip) => SocketAddrV6::new(ip.to_ipv6_mapped(), port, 0, 0),
                    IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, 0),
                };
                Self::Ipv6 {
                    transport,
                    source: wide(from, source.port()),
                    destination: wide(to, destination.port()),
                }
            }
        }
    }

    /// The client's address, where it is one of IP.
    #[must_use]
    pub fn source(&self) -> Option<SocketAddr> {
        match self {
            Self::Ipv4 { source, .. } => Some((*source).into()),
            Self::Ipv6 { source, .. } => Some((*source).into()),
            Self::Local | Self::Unknown | Self::Unix { .. } => None,
        }
    }

    /// What the client connected to, where it is an address of IP.
    #[must_use]
    pub fn destination(&self) -> Option<SocketAddr> {
        match self {
            Self::Ipv4 { destination, .. } => Some((*destination).into()),
            Self::Ipv6 { destination, .. } => Some((*destination).into()),
            Self::Local | Self::Unknown | Self::Unix { .. } => None,
        }
    }

    /// Appends a header of that version. What version 1 has no word for becomes `UNKNOWN` there.
    pub fn encode(&self, version: Version, into: &mut Vec<u8>) {
        match version {
            Version::V1 => v1::encode(self, into),
            Version::V2 => v2::encode(self, into),
        }
    }
}

impl fmt::Debug for UnixPaths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = |padded: &[u8]| {
            let end = padded
                .iter()
                .rposition(|byte| *byte != 0)
                .map_or(0, |last| last + 1);
            padded[..end].escape_ascii().to_string()
        };
        f.debug_struct("UnixPaths")
            .field("source", &path(&self.source))
            .field("destination", &path(&self.destination))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(endpoints: &Endpoints, version: Version) -> Vec<u8> {
        let mut bytes = Vec::new();
        endpoints.encode(version, &mut bytes);
        bytes
    }

    #[test]
    fn an_ipv4_client_of_a_dual_stack_listener_is_an_ipv4_client() {
        let endpoints = Endpoints::of(
            Transport::Stream,
            "[::ffff:192.0.2.7]:5000".parse().unwrap(),
            "[::ffff:192.0.2.1]:80".parse().unwrap(),
        );
        assert_eq!(
            encoded(&endpoints, Version::V1),
            b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n"
        );
    }

    #[test]
    fn ends_of_two_families_are_both_ipv6() {
        let endpoints = Endpoints::of(
            Transport::Stream,
            "192.0.2.7:5000".parse().unwrap(),
            "[2001:db8::1]:80".parse().unwrap(),
        );
        assert_eq!(
            encoded(&endpoints, Version::V1),
            b"PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 5000 80\r\n"
        );
    }

    #[test]
    fn what_version_1_has_no_word_for_is_unknown() {
        let datagram = Endpoints::of(
            Transport::Datagram,
            "192.0.2.7:5000".parse().unwrap(),
            "192.0.2.1:53".parse().unwrap(),
        );
        let unix = Endpoints::Unix {
            transport: Transport::Stream,
            paths: Box::new(UnixPaths {
                source: [b'a'; 108],
                destination: [0; 108],
            }),
        };
        for endpoints in [Endpoints::Local, Endpoints::Unknown, datagram, unix] {
            assert_eq!(encoded(&endpoints, Version::V1), b"PROXY UNKNOWN\r\n");
        }
    }

    #[test]
    fn nothing_yet_is_no_error() {
        assert_eq!(decode(b""), Ok(None));
    }
}
