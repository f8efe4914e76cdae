//! What kind of header the frames of a capture start with.

use std::fmt;

use super::{Layer, Step, cooked, loopback};

/// A link-layer header type of the registry at <https://www.tcpdump.org/linktypes.html>.
///
/// pcap names one for the whole file, pcapng one for each interface. Any number may turn up: those without a constant here
/// are not looked into, and their frames name no ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link(pub u32);

impl Link {
    /// BSD loopback: the address family in the byte order of the machine that captured.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// PPP, as the packets of a serial line or a modem.
    pub const PPP: Self = Self(9);
    /// Raw IP, under the number that most systems use internally.
    pub const DLT_RAW: Self = Self(12);
    /// Raw IP, under the number that OpenBSD uses internally.
    pub const OPENBSD_RAW: Self = Self(14);
    /// PPP in HDLC-like framing.
    pub const PPP_HDLC: Self = Self(50);
    /// A PPPoE session without the Ethernet header before it.
    pub const PPP_ETHER: Self = Self(51);
    /// ATM with 802.2 encapsulation.
    pub const ATM_RFC1483: Self = Self(100);
    /// Raw IP of either version.
    pub const RAW: Self = Self(101);
    /// Cisco HDLC.
    pub const C_HDLC: Self = Self(104);
    /// OpenBSD loopback: the address family in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture, version 1.
    pub const LINUX_SLL: Self = Self(113);
    /// PPP with a direction byte before it.
    pub const PPP_WITH_DIR: Self = Self(204);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);

    /// The link type in the last field of a pcap header, whose upper bits tell the length of a frame check sequence.
    #[must_use]
    pub fn of_pcap(network: i32) -> Self {
        Self(network.cast_unsigned() & 0x03ff_ffff)
    }

    /// Whether frames of this type are looked into.
    #[must_use]
    pub fn is_known(self) -> bool {
        self.name().is_some()
    }

    /// The first layer of a frame of this type.
    pub(super) fn open(self, frame: &[u8]) -> Option<Step<'_>> {
        match self {
            Self::ETHERNET => Some((Layer::Ethernet, frame)),
            Self::RAW | Self::DLT_RAW | Self::OPENBSD_RAW | Self::IPV4 | Self::IPV6 => {
                Some((Layer::Ip, frame))
            }
            Self::NULL => loopback::open_null(frame),
            Self::LOOP => loopback::open_loop(frame),
            Self::LINUX_SLL => cooked::open_v1(frame),
            Self::LINUX_SLL2 => cooked::open_v2(frame),
            Self::PPP | Self::PPP_HDLC => Some((Layer::Ppp, frame)),
            Self::PPP_WITH_DIR => Some((Layer::Ppp, frame.get(1..)?)),
            Self::PPP_ETHER => Some((Layer::Pppoe, frame)),
            Self::C_HDLC => Some((Layer::EtherType(super::be16(frame, 2)?), frame.get(4..)?)),
            Self::ATM_RFC1483 => Some((Layer::Llc, frame)),
            _ => None,
        }
    }

    /// The name that messages show, for the types that are looked into.
    fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::NULL => "BSD loopback",
            Self::ETHERNET => "Ethernet",
            Self::PPP | Self::PPP_HDLC | Self::PPP_WITH_DIR => "PPP",
            Self::DLT_RAW | Self::OPENBSD_RAW | Self::RAW | Self::IPV4 | Self::IPV6 => "raw IP",
            Self::PPP_ETHER => "PPPoE",
            Self::ATM_RFC1483 => "ATM",
            Self::C_HDLC => "Cisco HDLC",
            Self::LOOP => "OpenBSD loopback",
            Self::LINUX_SLL | Self::LINUX_SLL2 => "Linux cooked capture",
            _ => return None,
        })
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "link type {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_check_bits_are_no_part_of_a_link_type() {
        assert_eq!(Link::of_pcap(0x5400_0001), Link::ETHERNET);
        assert_eq!(Link::of_pcap(-1).0, 0x03ff_ffff);
    }

    #[test]
    fn every_named_type_opens() {
        for number in 0..400 {
            let link = Link(number);
            if !link.is_known() {
                assert!(link.open(&[0; 64]).is_none(), "{link}");
            }
        }
        assert_eq!(Link(147).to_string(), "link type 147");
        assert_eq!(Link::ETHERNET.to_string(), "Ethernet (1)");
    }
}
