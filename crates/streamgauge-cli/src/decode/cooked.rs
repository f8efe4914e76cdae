//! Linux cooked capture, what the `any` device records (<https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html>,
//! <https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html>).
//!
//! etherparse has the first version, but refuses headers whose device or packet type it does not know; here only the
//! protocol matters.

use super::{Layer, Step, be16};

/// Protocol numbers of Linux for frames without an EtherType (`ETH_P_802_2`).
const LINUX_802_2: u16 = 0x0004;
/// A frame with an Ethernet header (`ETH_P_SNAP` is 5, this one is what bridges record).
const LINUX_ETHERNET: u16 = 0x0003;
/// PPP with its HDLC framing (`ETH_P_PPP_MP` and its neighbours).
const LINUX_PPP: u16 = 0x0007;

/// Steps over the 16 bytes of version 1.
pub(super) fn open_v1(frame: &[u8]) -> Option<Step<'_>> {
    follow(be16(frame, 14)?, frame.get(16..)?)
}

/// Steps over the 20 bytes of version 2.
pub(super) fn open_v2(frame: &[u8]) -> Option<Step<'_>> {
    follow(be16(frame, 0)?, frame.get(20..)?)
}

fn follow(protocol: u16, payload: &[u8]) -> Option<Step<'_>> {
    match protocol {
        LINUX_802_2 => Some((Layer::Llc, payload)),
        LINUX_ETHERNET => Some((Layer::Ethernet, payload)),
        LINUX_PPP => Some((Layer::Ppp, payload)),
        ether_type @ 1536.. => Some((Layer::EtherType(ether_type), payload)),
        _ => None,
    }
}
