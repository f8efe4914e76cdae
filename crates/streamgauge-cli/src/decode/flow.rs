//! The short way: what most frames show at fixed places.
//!
//! An Ethernet header without tags, an IPv4 header without options or an IPv6 header without extensions, TCP or UDP: then
//! addresses and ports lie where they always do, and a few comparisons tell that it is so. Whatever is otherwise is for
//! [`decode`](super::decode) to say; where both have an answer it is the same one, which a test checks.
//!
//! Cost: two dozen instructions; no alloc.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Link, be16};
use crate::endpoints::{Endpoint, Endpoints};
use crate::protocol;

const ETHER_IPV4: u16 = 0x0800;
const ETHER_IPV6: u16 = 0x86dd;

/// The first byte of an IPv4 header of 20 bytes.
const PLAIN_IPV4: u8 = 0x45;

/// Ports, as they lie in the header, and how many bytes they are.
const PORTS: u16 = 4;

/// Addresses of one IP version, the source's and the destination's.
pub trait Addresses: Copy + Default + Eq {
    /// All of their bits in one word, for hashing.
    fn fold(self) -> u64;
    /// Source and destination.
    fn pair(self) -> (IpAddr, IpAddr);
}

/// The packets from one end to another: one direction of a conversation.
///
/// The default is no flow: its protocol has no ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow<A> {
    addresses: A,
    /// The source's in the upper half.
    ports: u32,
    protocol: u8,
}

/// The flow of an ordinary frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glimpse {
    /// IPv4: the source's address is in the upper half.
    V4(Flow<u64>),
    /// IPv6: source and destination.
    V6(Flow<[u128; 2]>),
}

impl Glimpse {
    /// The flow of a frame, if it is an ordinary one.
    #[inline]
    #[must_use]
    pub fn of(link: Link, frame: &[u8]) -> Option<Self> {
        if link != Link::ETHERNET {
            return None;
        }
        let packet = frame.get(14..)?;
        match be16(frame, 12)? {
            ETHER_IPV4 => Self::of_ipv4(packet),
            ETHER_IPV6 => Self::of_ipv6(packet),
            _ => None,
        }
    }

    #[inline]
    fn of_ipv4(packet: &[u8]) -> Option<Self> {
        let (header, rest) = packet.split_first_chunk::<12>()?;
        let (addresses, rest) = rest.split_first_chunk::<8>()?;
        let ports = rest.first_chunk::<4>()?;
        let [version, _, l0, l1, _, _, fragment, offset, _, protocol, _, _] = *header;
        let is_ordinary = version == PLAIN_IPV4
            && (fragment & 0x1f) | offset == 0
            && protocol::has_ports(protocol)
            && u16::from_be_bytes([l0, l1]) >= 20 + PORTS;
        is_ordinary.then_some(Self::V4(Flow {
            addresses: u64::from_be_bytes(*addresses),
            ports: u32::from_be_bytes(*ports),
            protocol,
        }))
    }

    #[inline]
    fn of_ipv6(packet: &[u8]) -> Option<Self> {
        let (header, rest) = packet.split_first_chunk::<8>()?;
        let (source, rest) = rest.split_first_chunk::<16>()?;
        let (destination, rest) = rest.split_first_chunk::<16>()?;
        let ports = rest.first_chunk::<4>()?;
        let [version, _, _, _, l0, l1, protocol, _] = *header;
        let is_ordinary =
            version >> 4 == 6 && protocol::has_ports(protocol) && u16::from_be_bytes([l0, l1]) >= PORTS;
        is_ordinary.then_some(Self::V6(Flow {
            addresses: [u128::from_be_bytes(*source), u128::from_be_bytes(*destination)],
            ports: u32::from_be_bytes(*ports),
            protocol,
        }))
    }
}

impl<A: Addresses> Flow<A> {
    /// A number that is the same for the same flow, and spread over all its bits.
    #[inline]
    #[must_use]
    pub fn hash(self) -> u64 {
        // An odd number near 2^64 divided by the golden ratio (Knuth, volume 3, 6.4). Whoever chooses flows that collide
        // gains nothing: the hash only finds what was seen last.
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        let addresses = self.addresses.fold().wrapping_mul(FACTOR);
        let rest = u64::from(self.ports) << 8 | u64::from(self.protocol);
        (addresses.rotate_left(32) ^ rest).wrapping_mul(FACTOR)
    }

    /// The two ends of the flow.
    #[must_use]
    pub fn endpoints(self) -> Endpoints {
        let (source, destination) = self.addresses.pair();
        let [p0, p1, p2, p3] = self.ports.to_be_bytes();
        Endpoints {
            protocol: self.protocol,
            source: Endpoint {
                ip: source,
                port: Some(u16::from_be_bytes([p0, p1])),
            },
            destination: Endpoint {
                ip: destination,
                port: Some(u16::from_be_bytes([p2, p3])),
            },
        }
    }
}

impl Addresses for u64 {
    #[inline]
    fn fold(self) -> u64 {
        self
    }

    fn pair(self) -> (IpAddr, IpAddr) {
        let [a0, a1, a2, a3, b0, b1, b2, b3] = self.to_be_bytes();
        (
            Ipv4Addr::new(a0, a1, a2, a3).into(),
            Ipv4Addr::new(b0, b1, b2, b3).into(),
        )
    }
}

impl Addresses for [u128; 2] {
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the upper halves are folded in before"
    )]
    fn fold(self) -> u64 {
        let [source, destination] = self;
        let mixed = source ^ destination.rotate_left(17);
        (mixed ^ mixed >> 64) as u64
    }

    fn pair(self) -> (IpAddr, IpAddr) {
        let [source, destination] = self;
        (
            Ipv6Addr::from_bits(source).into(),
            Ipv6Addr::from_bits(destination).into(),
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::decode;
    use super::*;

    fn seen(link: Link, frame: &[u8]) -> Option<Endpoints> {
        Some(match Glimpse::of(link, frame)? {
            Glimpse::V4(flow) => flow.endpoints(),
            Glimpse::V6(flow) => flow.endpoints(),
        })
    }

    /// An ordinary frame: UDP over IPv4 or IPv6.
    fn ordinary(version: u8) -> Vec<u8> {
        let mut frame = vec![2; 12];
        if version == 4 {
            frame.extend([
                8, 0, 0x45, 0, 0, 28, 0, 1, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2,
            ]);
        } else {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 8, 17, 64]);
            frame.extend([0x20; 16]);
            frame.extend([0x30; 16]);
        }
        frame.extend([0x9c, 0x40, 0, 53, 0, 8, 0, 0]);
        frame
    }

    #[test]
    fn an_ordinary_frame_is_seen_as_it_is_decoded() {
        for version in [4, 6] {
            let frame = ordinary(version);
            let ends = seen(Link::ETHERNET, &frame);
            assert!(ends.is_some(), "IPv{version}");
            assert_eq!(ends, decode(Link::ETHERNET, &frame));
            assert_eq!(seen(Link::RAW, &frame), None);
        }
    }

    #[test]
    fn flows_that_differ_in_anything_are_not_equal() {
        let frame = ordinary(4);
        let flow = Glimpse::of(Link::ETHERNET, &frame);
        for at in 26..38 {
            let mut other = frame.clone();
            other[at] ^= 1;
            assert_ne!(Glimpse::of(Link::ETHERNET, &other), flow, "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn what_is_seen_is_what_is_decoded(
            version in prop::sample::select(vec![4_u8, 6]),
            damage in prop::collection::vec((0_usize..62, any::<u8>()), 0..4),
            length in 0_usize..64,
        ) {
            let mut frame = ordinary(version);
            for (at, value) in damage {
                if let Some(byte) = frame.get_mut(at) {
                    *byte = value;
                }
            }
            frame.truncate(length);
            if let Some(ends) = seen(Link::ETHERNET, &frame) {
                prop_assert_eq!(decode(Link::ETHERNET, &frame), Some(ends));
            }
        }
    }
}
