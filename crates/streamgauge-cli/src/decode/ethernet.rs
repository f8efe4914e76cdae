//! Ethernet II and 802.3 headers, VLAN tags (802.1Q, 802.1ad), and what an EtherType leads to.
//!
//! A type field up to 1500 is a length: an 802.2 header follows, or Novell's frames without one, which start with `ff ff`
//! (IEEE 802.3-2022, 3.2.6).

use etherparse::{EtherType, Ethernet2HeaderSlice, SingleVlanHeaderSlice};

use super::{Layer, Step};

/// The largest type field that is a length.
const MAX_LENGTH: u16 = 1500;

const MPLS_UNICAST: u16 = 0x8847;
const MPLS_MULTICAST: u16 = 0x8848;
const PPPOE_SESSION: u16 = 0x8864;
const PPP: u16 = 0x880b;

/// Steps over an Ethernet header.
pub(super) fn open(data: &[u8]) -> Option<Step<'_>> {
    let header = Ethernet2HeaderSlice::from_slice(data).ok()?;
    let payload = data.get(header.slice().len()..)?;
    Some((Layer::EtherType(header.ether_type().0), payload))
}

/// Steps into what an EtherType (or length) announces.
pub(super) fn dispatch(ether_type: u16, data: &[u8]) -> Option<Step<'_>> {
    match EtherType(ether_type) {
        EtherType::IPV4 => Some((Layer::Ipv4, data)),
        EtherType::IPV6 => Some((Layer::Ipv6, data)),
        EtherType::VLAN_TAGGED_FRAME | EtherType::PROVIDER_BRIDGING | EtherType::VLAN_DOUBLE_TAGGED_FRAME => {
            let tag = SingleVlanHeaderSlice::from_slice(data).ok()?;
            Some((
                Layer::EtherType(tag.ether_type().0),
                data.get(tag.slice().len()..)?,
            ))
        }
        EtherType(MPLS_UNICAST | MPLS_MULTICAST) => Some((Layer::Mpls, data)),
        EtherType(PPPOE_SESSION) => Some((Layer::Pppoe, data)),
        EtherType(PPP) => Some((Layer::Ppp, data)),
        EtherType(length @ 0..=MAX_LENGTH) if !data.starts_with(&[0xff, 0xff]) => {
            Some((Layer::Llc, data.get(..usize::from(length)).unwrap_or(data)))
        }
        _ => None,
    }
}
