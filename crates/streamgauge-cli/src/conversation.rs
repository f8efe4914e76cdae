//! Names of conversations: the key that packets are sorted by, and the labels of the session that meters them.
//!
//! A conversation is the packets between two ends with one protocol, in both directions. Packets without a whole IP header
//! are one conversation of their own. VLAN, interface and time are no part of the name: a conversation never ends, whereas
//! the sessions that meter it may be closed for idleness and opened again.

use std::cmp::Ordering;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::endpoints::{Endpoint, Endpoints};
use crate::protocol;

/// What all packets of a conversation share, the same in both directions.
///
/// It is packed for hashing: addresses as numbers, the lower end first, protocol, IP version and ports in one word. The
/// order is that of reports: by protocol, then the lower end, then the higher, packets without IP last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConversationKey {
    low: u128,
    high: u128,
    tags: u64,
}

/// Where the parts lie in `tags`. A port is stored plus one, in 17 bits, so that "none" is 0 and sorts first.
const PROTOCOL: u32 = 56;
const VERSION: u32 = 48;
const LOW_PORT: u32 = 24;
const PORT_MASK: u64 = 0x1_ffff;

impl ConversationKey {
    /// The conversation of all packets without a whole IP header.
    pub const NON_IP: Self = Self {
        low: 0,
        high: 0,
        tags: 0,
    };

    /// The conversation of a packet, and whether its source is the lower end (as it is where both are the same).
    #[must_use]
    pub fn of(ends: &Endpoints) -> (Self, bool) {
        let (version, source) = number(ends.source.ip);
        let (_, destination) = number(ends.destination.ip);
        let source_port = tag(ends.source.port);
        let destination_port = tag(ends.destination.port);
        let from_low = (source, source_port) <= (destination, destination_port);
        let tags = u64::from(ends.protocol) << PROTOCOL | version << VERSION;
        let key = if from_low {
            Self {
                low: source,
                high: destination,
                tags: tags | source_port << LOW_PORT | destination_port,
            }
        } else {
            Self {
                low: destination,
                high: source,
                tags: tags | destination_port << LOW_PORT | source_port,
            }
        };
        (key, from_low)
    }

    /// The IP protocol, or `None` for packets without IP.
    #[must_use]
    pub fn protocol(&self) -> Option<u8> {
        (self.version() != 0).then(|| self.tags.to_be_bytes()[0])
    }

    /// The lower and the higher end, or `None` for packets without IP.
    #[must_use]
    pub fn ends(&self) -> Option<(Endpoint, Endpoint)> {
        let low = self.endpoint(self.low, self.tags >> LOW_PORT)?;
        Some((low, self.endpoint(self.high, self.tags)?))
    }

    fn version(&self) -> u8 {
        self.tags.to_be_bytes()[1]
    }

    fn endpoint(&self, number: u128, tag: u64) -> Option<Endpoint> {
        let ip = match self.version() {
            4 => IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(number).ok()?)),
            6 => IpAddr::V6(Ipv6Addr::from_bits(number)),
            _ => return None,
        };
        Some(Endpoint {
            ip,
            port: (tag & PORT_MASK)
                .checked_sub(1)
                .and_then(|port| u16::try_from(port).ok()),
        })
    }
}

impl Ord for ConversationKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = |key: &Self| {
            let low_port = key.tags >> LOW_PORT & PORT_MASK;
            let high_port = key.tags & PORT_MASK;
            (
                key.version() == 0,
                key.tags >> VERSION,
                key.low,
                low_port,
                key.high,
                high_port,
            )
        };
        order(self).cmp(&order(other))
    }
}

impl PartialOrd for ConversationKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The version of an address and the address as a number.
fn number(ip: IpAddr) -> (u64, u128) {
    match ip {
        IpAddr::V4(ip) => (4, ip.to_bits().into()),
        IpAddr::V6(ip) => (6, ip.to_bits()),
    }
}

fn tag(port: Option<u16>) -> u64 {
    port.map_or(0, |port| u64::from(port) + 1)
}

/// A conversation with its direction: who began it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// What names it.
    pub key: ConversationKey,
    /// Whether the sender of its first packet is the lower end.
    pub began_low: bool,
}

impl Conversation {
    /// The sender of the first packet, which is taken for the client.
    #[must_use]
    pub fn initiator(&self) -> Option<Endpoint> {
        self.key
            .ends()
            .map(|(low, high)| if self.began_low { low } else { high })
    }

    /// The other end, which is taken for the server.
    #[must_use]
    pub fn responder(&self) -> Option<Endpoint> {
        self.key
            .ends()
            .map(|(low, high)| if self.began_low { high } else { low })
    }

    /// Protocol and service, as in `tcp/443`; the protocol alone where it has no ports.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge_cli::conversation::{Conversation, ConversationKey};
    /// use streamgauge_cli::endpoints::{Endpoint, Endpoints};
    ///
    /// let client = Endpoint { ip: "2001:db8::9".parse()?, port: Some(50123) };
    /// let server = Endpoint { ip: "2001:db8::1".parse()?, port: Some(443) };
    /// let (key, began_low) = ConversationKey::of(&Endpoints { protocol: 6, source: client, destination: server });
    /// let conversation = Conversation { key, began_low };
    /// assert_eq!(conversation.reference(), "tcp/443");
    /// assert_eq!(conversation.location(), "[2001:db8::1]:443");
    /// assert_eq!(conversation.peer(), "2001:db8::9");
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    #[must_use]
    pub fn reference(&self) -> String {
        let Some(number) = self.key.protocol() else {
            return "nonip".to_owned();
        };
        let name = protocol::name(number);
        match self.responder().and_then(|end| end.port) {
            Some(port) => format!("{name}/{port}"),
            None => name.into_owned(),
        }
    }

    /// The responder with its port; IPv6 addresses stand in brackets before a port.
    #[must_use]
    pub fn location(&self) -> String {
        match self.responder() {
            None => "-".to_owned(),
            Some(Endpoint { ip, port: None }) => ip.to_string(),
            Some(Endpoint {
                ip: IpAddr::V4(ip),
                port: Some(port),
            }) => format!("{ip}:{port}"),
            Some(Endpoint {
                ip: IpAddr::V6(ip),
                port: Some(port),
            }) => format!("[{ip}]:{port}"),
        }
    }

    /// The initiator's address.
    #[must_use]
    pub fn peer(&self) -> String {
        self.initiator()
            .map_or_else(|| "-".to_owned(), |end| end.ip.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn ends(
        protocol: u8,
        source: &str,
        sport: Option<u16>,
        destination: &str,
        dport: Option<u16>,
    ) -> Endpoints {
        let end = |ip: &str, port| Endpoint {
            ip: ip.parse().unwrap(),
            port,
        };
        Endpoints {
            protocol,
            source: end(source, sport),
            destination: end(destination, dport),
        }
    }

    fn key(ends: &Endpoints) -> ConversationKey {
        ConversationKey::of(ends).0
    }

    #[test]
    fn both_directions_have_one_key_and_opposite_senders() {
        let there = ends(6, "10.0.0.1", Some(2000), "10.0.0.2", Some(80));
        let back = Endpoints {
            source: there.destination,
            destination: there.source,
            ..there
        };
        assert_eq!(ConversationKey::of(&there), (key(&back), true));
        assert!(!ConversationKey::of(&back).1);
        assert_eq!(key(&there).ends(), Some((there.source, there.destination)));
    }

    #[test]
    fn a_packet_to_itself_comes_from_the_lower_end() {
        assert!(ConversationKey::of(&ends(17, "::1", Some(5), "::1", Some(5))).1);
    }

    #[test]
    fn keys_of_different_conversations_differ() {
        let keys = [
            key(&ends(6, "10.0.0.1", Some(0), "10.0.0.2", Some(80))),
            key(&ends(6, "10.0.0.1", None, "10.0.0.2", None)),
            key(&ends(17, "10.0.0.1", Some(0), "10.0.0.2", Some(80))),
            key(&ends(6, "::a00:1", Some(0), "::a00:2", Some(80))),
            key(&ends(0, "0.0.0.0", None, "0.0.0.0", None)),
            ConversationKey::NON_IP,
        ];
        assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
        for key in keys {
            assert_eq!(key.ends().is_some(), key != ConversationKey::NON_IP);
        }
    }

    #[test]
    fn order_is_protocol_version_low_end_high_end() {
        let sorted = [
            key(&ends(6, "9.0.0.1", None, "9.0.0.3", None)),
            key(&ends(6, "9.0.0.1", Some(0), "9.0.0.2", Some(1))),
            key(&ends(6, "9.0.0.1", Some(1), "9.0.0.2", Some(1))),
            key(&ends(6, "9.0.0.1", Some(65535), "9.0.0.2", Some(1))),
            key(&ends(6, "10.0.0.1", Some(1), "10.0.0.2", Some(1))),
            key(&ends(6, "::1", Some(1), "::2", Some(1))),
            key(&ends(17, "1.0.0.1", Some(1), "1.0.0.2", Some(1))),
            ConversationKey::NON_IP,
        ];
        assert!(sorted.is_sorted(), "{sorted:?}");
    }

    #[test]
    fn labels_do_without_what_is_missing() {
        let (key, began_low) = ConversationKey::of(&ends(1, "10.0.0.9", None, "10.0.0.2", None));
        let icmp = Conversation { key, began_low };
        assert_eq!(
            (icmp.reference(), icmp.location(), icmp.peer()),
            ("icmp".into(), "10.0.0.2".into(), "10.0.0.9".into())
        );
        let other = Conversation {
            key: ConversationKey::NON_IP,
            began_low: true,
        };
        assert_eq!(
            (other.reference(), other.location(), other.peer()),
            ("nonip".into(), "-".into(), "-".into())
        );
    }
}
