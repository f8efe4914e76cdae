//! A peer by its address, however its label writes it: with a port and without, as IPv4 and as IPv4 in IPv6.

use std::net::{IpAddr, Ipv6Addr};

/// An address of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PeerAddress<'a> {
    ip: IpAddr,
    /// On which interface, of a link-local address that says so.
    zone: Option<&'a str>,
}

impl<'a> PeerAddress<'a> {
    /// The address of a label that is one: `198.51.100.7`, `198.51.100.7:4000`, `2001:db8::1`, `[2001:db8::1]`,
    /// `[2001:db8::1]:4000`, `fe80::1%eth0`.
    pub(super) fn of(label: &'a str) -> Option<Self> {
        if let Some(bracketed) = label.strip_prefix('[') {
            let (host, port) = bracketed.split_once(']')?;
            let is_whole = match port.strip_prefix(':') {
                None => port.is_empty(),
                Some(port) => is_port(port),
            };
            return is_whole.then(|| Self::v6(host)).flatten();
        }
        if let Some(address) = Self::v6(label) {
            return Some(address);
        }
        let host = match label.split_once(':') {
            None => label,
            Some((host, port)) => is_port(port).then_some(host)?,
        };
        Some(Self {
            ip: IpAddr::V4(host.parse().ok()?),
            zone: None,
        })
    }

    fn v6(host: &'a str) -> Option<Self> {
        let (ip, zone) = match host.split_once('%') {
            None => (host, None),
            Some((_, "")) => return None,
            Some((ip, zone)) => (ip, Some(zone)),
        };
        Some(Self {
            ip: IpAddr::V6(ip.parse::<Ipv6Addr>().ok()?).to_canonical(),
            zone,
        })
    }

    /// Whether a label is of this address. One without an interface is that of any.
    pub(super) fn is_of(self, label: &str) -> bool {
        PeerAddress::of(label)
            .is_some_and(|other| other.ip == self.ip && (self.zone.is_none() || self.zone == other.zone))
    }
}

/// Whether text is a port's number.
fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::PeerAddress;

    fn is_of(named: &str, label: &str) -> bool {
        PeerAddress::of(named).unwrap().is_of(label)
    }

    #[test]
    fn an_address_is_found_however_it_is_written() {
        for label in [
            "198.51.100.7",
            "198.51.100.7:4000",
            "198.51.100.7:0",
            "::ffff:198.51.100.7",
            "::ffff:c633:6407",
            "[::ffff:198.51.100.7]:4000",
            "[::ffff:198.51.100.7]",
        ] {
            for named in ["198.51.100.7", "198.51.100.7:5000", "::FFFF:198.51.100.7"] {
                assert!(is_of(named, label), "{named} {label}");
            }
        }
        for label in ["2001:db8::1", "2001:0DB8:0:0::0001", "[2001:db8::1]:443"] {
            assert!(is_of("2001:db8::1", label), "{label}");
        }
    }

    #[test]
    fn what_is_no_such_address_is_not_found() {
        for label in [
            "198.51.100.70",
            "198.51.100.0/24",
            "198.51.100.7/32",
            "198.51.100.7:",
            "198.51.100.7:65536",
            "198.51.100.7:+80",
            "198.51.100.7:80:80",
            "198.51.100.07",
            " 198.51.100.7",
            "198.51.100.7\n",
            "[198.51.100.7]:80",
            "::198.51.100.7",
            "[::ffff:198.51.100.7]x",
            "[::ffff:198.51.100.7",
            "a 198.51.100.7",
            "",
        ] {
            assert!(!is_of("198.51.100.7", label), "{label:?}");
        }
        for name in [
            "198.51.100.0/24",
            "viewer-7",
            "2001:db8::/48",
            "localhost:80",
            "fe80::1%",
        ] {
            assert_eq!(PeerAddress::of(name), None, "{name}");
        }
    }

    #[test]
    fn an_interface_that_is_named_counts() {
        assert!(is_of("fe80::1", "fe80::1%eth0") && is_of("fe80::1", "[fe80::1%eth0]:80"));
        assert!(is_of("fe80::1%eth0", "[fe80::1%eth0]:80"));
        assert!(!is_of("fe80::1%eth0", "fe80::1%eth1") && !is_of("fe80::1%eth0", "fe80::1"));
    }
}
