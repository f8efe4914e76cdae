//! Who the client is, where proxies stand before the server.
//!
//! A proxy appends to a header whom it was called by. What stands in it before a trusted proxy wrote is the client's to invent,
//! so the list is read from its end: from the peer on, each trusted hop is believed about the one before it, and the first address
//! that is not a trusted proxy's is the client.
//!
//! * One header is read, the one that the proxies write. The other comes through them as the client sent it.
//! * All lines of the header are one list, in their order; elements without text are skipped (RFC 9110, 5.6.1).
//! * An element is one address, with a port or without, IPv6 in brackets or without. An IPv4-mapped IPv6 address is its IPv4.
//! * Where an element is none (`unknown`, an obfuscated `_name`, anything malformed, bytes that are no text) the walk stops: the
//!   client is the hop that wrote it. So are elements of `Forwarded` without `for`, or with two.
//! * A list that ends among trusted proxies makes its first address the client.
//!
//! In `Forwarded` elements are told apart from the end as well: a quote that a client opened and left open takes nothing in that
//! a proxy appended.

mod elements;

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

use self::elements::{Elements, forwarded_for, x_forwarded_for};

/// The header that the trusted proxies append to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxyHeader {
    /// `X-Forwarded-For`: addresses with commas between them.
    XForwardedFor,
    /// `Forwarded`, RFC 7239.
    Forwarded,
}

/// The proxies that are believed about whom they were called by.
///
/// ```
/// use http::HeaderMap;
/// use streamgauge_http::{ProxyHeader, TrustedProxies};
///
/// let proxies = TrustedProxies::new(&["10.0.0.0/8"], ProxyHeader::XForwardedFor)?;
/// let mut headers = HeaderMap::new();
/// // The first is what the client claimed, the second what the proxy at 10.0.0.2 saw, and so on.
/// headers.insert("x-forwarded-for", "203.0.113.9, 198.51.100.7, 10.0.0.2".parse().unwrap());
/// let client = proxies.client("10.0.0.1".parse().unwrap(), &headers);
/// assert_eq!(client.to_string(), "198.51.100.7");
/// # Ok::<(), streamgauge_http::ProxyError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    header: ProxyHeader,
}

/// An entry of the list that is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "entry {position} of the trusted proxies, {entry:?}, is no network: expected an address, or one with a prefix length, such as 10.0.0.0/8 or 2001:db8::/32"
)]
#[non_exhaustive]
pub struct ProxyError {
    /// Where in the list, counted from 0.
    pub position: usize,
    /// The entry as it was given.
    pub entry: String,
}

impl TrustedProxies {
    /// Proxies in these networks, in CIDR notation, which write this header. A bare address is a network of one; an IPv4-mapped
    /// IPv6 network is its IPv4.
    ///
    /// # Errors
    ///
    /// The first entry that is no network.
    pub fn new<S: AsRef<str>>(networks: &[S], header: ProxyHeader) -> Result<Self, ProxyError> {
        let networks = networks
            .iter()
            .enumerate()
            .map(|(position, entry)| {
                network(entry.as_ref().trim()).ok_or_else(|| ProxyError {
                    position,
                    entry: entry.as_ref().to_owned(),
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { networks, header })
    }

    /// No proxy is trusted: the client is the peer.
    #[must_use]
    pub fn none() -> Self {
        Self {
            networks: Vec::new(),
            header: ProxyHeader::XForwardedFor,
        }
    }

    /// The client of a request with these headers that came from this peer.
    ///
    /// Cost: a pass over the header from its end, as far as proxies are trusted; no alloc.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let lines = headers.get_all(self.header.name()).iter();
        let elements = lines.rev().flat_map(|line| self.header.elements(line.as_bytes()));
        for element in elements {
            if !self.is_trusted(client) {
                break;
            }
            let Some(before) = self.header.address(element) else {
                break;
            };
            client = before;
        }
        client
    }

    fn is_trusted(&self, hop: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&hop))
    }
}

impl ProxyHeader {
    fn name(self) -> HeaderName {
        match self {
            Self::XForwardedFor => HeaderName::from_static("x-forwarded-for"),
            Self::Forwarded => header::FORWARDED,
        }
    }

    /// The elements of one line, from its end.
    fn elements(self, line: &[u8]) -> Elements<'_> {
        match self {
            Self::XForwardedFor => Elements::plain(line),
            Self::Forwarded => Elements::quoted(line),
        }
    }

    fn address(self, element: &[u8]) -> Option<IpAddr> {
        match self {
            Self::XForwardedFor => x_forwarded_for(element),
            Self::Forwarded => forwarded_for(element),
        }
    }
}

/// Addresses are read as std reads them: ipnet's own parser takes octets with a 0 in front.
fn network(text: &str) -> Option<IpNet> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
            (address, Some(length.parse::<u8>().ok()?))
        }
        Some(_) => return None,
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let Some(length) = length else {
        return Some(IpNet::from(address.to_canonical()));
    };
    let mapped_prefix = 96;
    match address.to_canonical() {
        canonical @ IpAddr::V4(_) if address.is_ipv6() && length >= mapped_prefix => {
            IpNet::new(canonical, length - mapped_prefix).ok()
        }
        _ => IpNet::new(address, length).ok(),
    }
}
