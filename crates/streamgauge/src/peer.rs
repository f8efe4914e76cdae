//! Peers that are addresses: which address a peer's text stands for, and what is left of it where addresses are truncated.
//!
//! A peer stands for an address where it is one as std reads it, by itself or with what programs write around it: brackets,
//! a port, a zone, a prefix length. Whatever else has an address in it is a name that the program gave, and stays as it is.
//! Where a text could be read in two ways, it is taken for an address: that hides too much in place of too little.
//!
//! A truncated peer is a network in CIDR notation, which nobody takes for a host, and which is itself left as it is.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest network: eight groups of four, and `/128`.
const LONGEST: usize = 8 * 5 - 1 + 4;

/// How much of a peer's address is kept: [`CollectorConfig::peer_truncation`](crate::CollectorConfig::peer_truncation).
///
/// A peer that is an IP address, as std parses it, becomes the network of so many bits that the address is in. A port, brackets and
/// a zone are dropped; an IPv4-mapped IPv6 address is its IPv4; an address with a prefix length, as `198.51.100.7/32`, keeps
/// the shorter of the two prefixes. A peer that is no address stays as it is: a host's name, and also text that has an
/// address in it, such as `user@198.51.100.7`.
///
/// ```
/// use streamgauge::{Collector, CollectorConfig, ManualClock, PeerTruncation};
///
/// let mut config = CollectorConfig::default();
/// config.peer_truncation = Some(PeerTruncation::default());
/// let collector = Collector::manual(config, ManualClock::default());
/// collector.register_and_activate("viewer-7", "stream-1", "edge-1", "198.51.100.7:4711");
/// assert_eq!(collector.active()[0].peer, "198.51.100.0/24");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PeerTruncation {
    /// How many bits of an IPv4 address are kept. At most 32, which keeps the address and drops the port.
    pub ipv4_prefix: u8,
    /// How many bits of an IPv6 address are kept. At most 128.
    pub ipv6_prefix: u8,
}

impl PeerTruncation {
    /// What is left of a peer. Of what is left, the same is left.
    ///
    /// A collector does this to each peer that it registers. A program does it to what is its own and has the address too: ids,
    /// references and extras are as it gave them. A prefix that is too long keeps all bits.
    ///
    /// Cost: a parse; an allocation if the peer is an address.
    ///
    /// ```
    /// use streamgauge::PeerTruncation;
    ///
    /// let truncation = PeerTruncation { ipv6_prefix: 48, ..PeerTruncation::default() };
    /// assert_eq!(truncation.truncate("[2001:db8:1:2::7]:443"), "2001:db8:1::/48");
    /// assert_eq!(truncation.truncate("::ffff:198.51.100.7"), "198.51.100.0/24");
    /// assert_eq!(truncation.truncate("198.51.100.0/24"), "198.51.100.0/24");
    /// assert_eq!(truncation.truncate("viewer.example"), "viewer.example");
    /// ```
    #[must_use]
    pub fn truncate<'a>(&self, peer: &'a str) -> Cow<'a, str> {
        match network_of(peer) {
            Some((IpAddr::V4(address), length)) => {
                let length = u32::from(self.ipv4_prefix).min(length);
                let kept = u32::MAX.checked_shl(Ipv4Addr::BITS - length).unwrap_or(0);
                Cow::Owned(cidr(Ipv4Addr::from_bits(address.to_bits() & kept), length))
            }
            Some((IpAddr::V6(address), length)) => {
                let length = u32::from(self.ipv6_prefix).min(length);
                let kept = u128::MAX.checked_shl(Ipv6Addr::BITS - length).unwrap_or(0);
                Cow::Owned(cidr(Ipv6Addr::from_bits(address.to_bits() & kept), length))
            }
            None => Cow::Borrowed(peer),
        }
    }
}

impl Default for PeerTruncation {
    /// 24 bits of IPv4, 64 of IPv6.
    fn default() -> Self {
        Self {
            ipv4_prefix: 24,
            ipv6_prefix: 64,
        }
    }
}

/// The IP address that a peer's text stands for: one that std parses, also in brackets, with a port, or with a zone. An
/// IPv4-mapped IPv6 address is its IPv4. None for a network: it stands for no one address.
///
/// Peers that differ in their ports alone have one address. [`PeerTruncation`] truncates what has one here, and networks.
///
/// Cost: a parse; no alloc.
///
/// ```
/// use std::net::{IpAddr, Ipv4Addr};
/// use streamgauge::peer_address;
///
/// let address = Some(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)));
/// assert_eq!(peer_address("198.51.100.7"), address);
/// assert_eq!(peer_address("198.51.100.7:4711"), address);
/// assert_eq!(peer_address("[::ffff:198.51.100.7]:4711"), address);
/// assert_eq!(peer_address("198.51.100.0/24"), None);
/// assert_eq!(peer_address("user@198.51.100.7"), None);
/// ```
#[must_use]
pub fn peer_address(peer: &str) -> Option<IpAddr> {
    plain_address(peer).map(|address| address.to_canonical())
}

/// The address, and how many of its bits a peer has: all of them, or as many as the prefix length says that follows.
fn network_of(peer: &str) -> Option<(IpAddr, u32)> {
    if let Some(address) = peer_address(peer) {
        return Some((address, bits(address)));
    }
    let (address, length) = peer.trim().rsplit_once('/')?;
    let address = plain_address(address)?;
    let length = is_number(length).then(|| length.parse().unwrap_or(u32::MAX))?;
    let length = bits(address).min(length);
    match address.to_canonical() {
        // Below ::ffff:0:0/96 all is IPv4.
        IpAddr::V4(v4) if address.is_ipv6() => match length.checked_sub(Ipv6Addr::BITS - Ipv4Addr::BITS) {
            Some(length) => Some((IpAddr::V4(v4), length)),
            None => Some((address, length)),
        },
        canonical => Some((canonical, length)),
    }
}

/// The address as it is written, IPv4-mapped ones as IPv6.
fn plain_address(peer: &str) -> Option<IpAddr> {
    let peer = peer.trim();
    if let Some(bracketed) = peer.strip_prefix('[') {
        let (host, rest) = bracketed.split_once(']')?;
        let is_port = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
        return is_port.then(|| without_zone(host)).flatten();
    }
    without_zone(peer).or_else(|| {
        // Of IPv6 this is what would be no address with the port as its last group.
        let (host, port) = peer.rsplit_once(':')?;
        is_port(port).then(|| without_zone(host)).flatten()
    })
}

/// The address of `address%zone`, or of an address.
fn without_zone(host: &str) -> Option<IpAddr> {
    let address = host.split_once('%').map_or(host, |(address, _)| address);
    address.parse().ok()
}

/// A network as text, in one allocation.
fn cidr(address: impl fmt::Display, length: u32) -> String {
    let mut text = String::with_capacity(LONGEST);
    // Writing to a string does not fail, and what an address or a number displays neither.
    let _ = write!(text, "{address}/{length}");
    text
}

/// Whether this is a port of RFC 3986: digits, or nothing.
fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && is_port(text)
}

fn bits(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => Ipv4Addr::BITS,
        IpAddr::V6(_) => Ipv6Addr::BITS,
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, PeerTruncation, peer_address};

    fn default(peer: &str) -> String {
        PeerTruncation::default().truncate(peer).into_owned()
    }

    #[test]
    fn an_address_becomes_its_network_whatever_is_written_around_it() {
        for (peer, address, network) in [
            ("198.51.100.7", "198.51.100.7", "198.51.100.0/24"),
            ("198.51.100.7:4711", "198.51.100.7", "198.51.100.0/24"),
            ("198.51.100.7:", "198.51.100.7", "198.51.100.0/24"),
            ("198.51.100.7:99999", "198.51.100.7", "198.51.100.0/24"),
            (" 198.51.100.7\n", "198.51.100.7", "198.51.100.0/24"),
            ("198.51.100.7%eth0", "198.51.100.7", "198.51.100.0/24"),
            ("[198.51.100.7]:80", "198.51.100.7", "198.51.100.0/24"),
            ("::ffff:198.51.100.7", "198.51.100.7", "198.51.100.0/24"),
            ("::FFFF:c633:6407", "198.51.100.7", "198.51.100.0/24"),
            ("[::ffff:198.51.100.7]:80", "198.51.100.7", "198.51.100.0/24"),
            ("2001:db8::7", "2001:db8::7", "2001:db8::/64"),
            ("2001:DB8:0:0:0:0:0:7", "2001:db8::7", "2001:db8::/64"),
            ("[2001:db8::7]", "2001:db8::7", "2001:db8::/64"),
            ("[2001:db8::7]:443", "2001:db8::7", "2001:db8::/64"),
            ("[2001:db8::7]:", "2001:db8::7", "2001:db8::/64"),
            (
                "2001:db8:1:2:3:4:5:6:443",
                "2001:db8:1:2:3:4:5:6",
                "2001:db8:1:2::/64",
            ),
            ("2001:db8::7:65536", "2001:db8::7", "2001:db8::/64"),
            ("fe80::1%eth0", "fe80::1", "fe80::/64"),
            ("fe80::1%eth0/64", "fe80::1", "fe80::/64"),
            ("[fe80::1%25eth0]:443", "fe80::1", "fe80::/64"),
            ("::", "::", "::/64"),
            ("0.0.0.0", "0.0.0.0", "0.0.0.0/24"),
            ("::198.51.100.7", "::198.51.100.7", "::/64"),
            ("255.255.255.255", "255.255.255.255", "255.255.255.0/24"),
        ] {
            assert_eq!(peer_address(peer), Some(address.parse().unwrap()), "{peer}");
            assert_eq!(default(peer), network, "{peer}");
        }
    }

    #[test]
    fn a_network_keeps_the_shorter_of_the_two_prefixes() {
        for (peer, network) in [
            ("198.51.100.7/32", "198.51.100.0/24"),
            ("198.51.100.7/24", "198.51.100.0/24"),
            ("198.51.100.0/24", "198.51.100.0/24"),
            ("198.51.100.7/16", "198.51.0.0/16"),
            ("198.51.100.7/0", "0.0.0.0/0"),
            ("198.51.100.7/33", "198.51.100.0/24"),
            ("198.51.100.7/99999999999", "198.51.100.0/24"),
            ("198.51.100.7:80/32", "198.51.100.0/24"),
            ("::ffff:198.51.100.7/128", "198.51.100.0/24"),
            ("::ffff:198.51.100.7/112", "198.51.0.0/16"),
            ("::ffff:198.51.100.7/96", "0.0.0.0/0"),
            ("::ffff:198.51.100.7/95", "::/64"),
            ("2001:db8::7/128", "2001:db8::/64"),
            ("2001:db8::7/48", "2001:db8::/48"),
            ("[2001:db8::7]/48", "2001:db8::/48"),
        ] {
            assert_eq!(peer_address(peer), None, "{peer}");
            assert_eq!(default(peer), network, "{peer}");
        }
    }

    #[test]
    fn what_is_no_address_stays_as_it_is() {
        for peer in [
            "",
            "unknown",
            "viewer.example",
            "viewer.example:443",
            "user@198.51.100.7",
            "198.51.100.7.example",
            "198.51.100",
            "198.51.100.256",
            "198.51.100.07",
            "198.51.100.7:http",
            "198.51.100.7:80:80",
            "198.51.100.7, 192.0.2.1",
            "198.51.100.7/tcp",
            "198.51.100.7/",
            "[198.51.100.7",
            "[2001:db8::7]x",
            "[2001:db8::7]:x",
            "[viewer.example]:443",
            "2001:db8::7::",
            "%eth0",
            "/24",
            ":80",
            "/",
            "[]",
            "日本",
        ] {
            assert_eq!(peer_address(peer), None, "{peer}");
            assert_eq!(default(peer), peer);
        }
    }

    #[test]
    fn the_prefixes_say_how_many_bits_are_kept() {
        let kept = |ipv4_prefix, ipv6_prefix| PeerTruncation {
            ipv4_prefix,
            ipv6_prefix,
        };
        for (prefix, network) in [
            (0, "0.0.0.0/0"),
            (1, "128.0.0.0/1"),
            (23, "198.51.100.0/23"),
            (31, "198.51.101.254/31"),
            (32, "198.51.101.255/32"),
            (255, "198.51.101.255/32"),
        ] {
            assert_eq!(kept(prefix, 0).truncate("198.51.101.255:80"), network);
        }
        for (prefix, network) in [
            (0, "::/0"),
            (3, "2000::/3"),
            (127, "2001:db8::fffe/127"),
            (128, "2001:db8::ffff/128"),
            (255, "2001:db8::ffff/128"),
        ] {
            assert_eq!(kept(0, prefix).truncate("[2001:db8::ffff]:80"), network);
        }
    }

    #[test]
    fn the_longest_network_is_as_long_as_there_is_room_for() {
        let whole = PeerTruncation {
            ipv4_prefix: 32,
            ipv6_prefix: 128,
        };
        let longest = whole.truncate("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
        assert_eq!(longest.len(), LONGEST);
    }
}
