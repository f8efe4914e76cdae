//! From a captured frame to the two ends it names: a pure function without state.
//!
//! The outermost IP header decides. Link layers, VLAN tags, MPLS labels, PPPoE and PPP are looked through; tunnels inside
//! IP are not. Nothing is reassembled and no checksum is looked at. A frame is untrusted: every read is checked, a cut
//! header gives less (no ports) or nothing (no ends), never an error.
//!
//! Each layer answers which layer comes next and where it starts; a loop follows them, so a frame that nests as deep as
//! its length allows costs time in proportion to that length and no stack. IP and Ethernet headers are etherparse's; the
//! layers it does not know are in one file each, with a reference to the format.
//!
//! Cost: no alloc; no clock; a few dozen bytes of the frame are read.

mod cooked;
mod ethernet;
mod flow;
mod ip;
mod link;
mod llc;
mod loopback;
mod mpls;
mod ppp;

pub use flow::{Addresses, Flow, Glimpse};
pub use link::Link;

use crate::endpoints::Endpoints;

/// What the next bytes of a frame are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    /// An Ethernet header.
    Ethernet,
    /// What this EtherType says.
    EtherType(u16),
    /// An 802.2 header.
    Llc,
    /// A stack of MPLS labels.
    Mpls,
    /// A PPPoE session header.
    Pppoe,
    /// A PPP frame, with or without its HDLC address and control bytes.
    Ppp,
    /// An IP header of the version that its first bits say.
    Ip,
    /// An IPv4 header, and nothing else will do.
    Ipv4,
    /// An IPv6 header, and nothing else will do.
    Ipv6,
}

/// A layer and the bytes that start with it.
type Step<'a> = (Layer, &'a [u8]);

/// The ends that a frame captured on `link` names, or `None` where it has no whole IP header.
///
/// # Examples
///
/// ```
/// use streamgauge_cli::decode::{Link, decode};
///
/// let udp = [
///     0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, // IPv4, UDP
///     0x9c, 0x40, 0, 53, 0, 8, 0, 0, // from port 40000 to port 53
/// ];
/// let ends = decode(Link::RAW, &udp).expect("the frame is whole");
/// assert_eq!(ends.destination.port, Some(53));
/// assert_eq!(decode(Link::RAW, &udp[..19]), None);
/// ```
#[must_use]
pub fn decode(link: Link, frame: &[u8]) -> Option<Endpoints> {
    let (mut layer, mut data) = link.open(frame)?;
    loop {
        (layer, data) = match layer {
            Layer::Ip => return ip::endpoints(data),
            Layer::Ipv4 => return ip::ipv4(data),
            Layer::Ipv6 => return ip::ipv6(data),
            Layer::Ethernet => ethernet::open(data)?,
            Layer::EtherType(ether_type) => ethernet::dispatch(ether_type, data)?,
            Layer::Llc => llc::open(data)?,
            Layer::Mpls => mpls::open(data)?,
            Layer::Pppoe => ppp::open_session(data)?,
            Layer::Ppp => ppp::open(data)?,
        };
    }
}

/// The big-endian 16-bit number at `offset`.
fn be16(data: &[u8], offset: usize) -> Option<u16> {
    let bytes = data.get(offset..)?.first_chunk::<2>()?;
    Some(u16::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::*;

    const IP: [u8; 28] = [
        0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0x9c, 0x40, 0, 53, 0, 8, 0, 0,
    ];

    fn framed(prefix: &[u8]) -> Vec<u8> {
        [prefix, &IP].concat()
    }

    fn ports(link: Link, prefix: &[u8]) -> Option<(Option<u16>, Option<u16>)> {
        decode(link, &framed(prefix)).map(|ends| {
            assert_eq!(ends.source.ip, IpAddr::from([192, 0, 2, 1]));
            (ends.source.port, ends.destination.port)
        })
    }

    const BOTH: Option<(Option<u16>, Option<u16>)> = Some((Some(40000), Some(53)));
    const MACS: [u8; 12] = [2; 12];

    #[test]
    fn link_layers_are_looked_through() {
        let ether = |rest: &[u8]| [&MACS[..], rest].concat();
        let cases: &[(&str, Link, Vec<u8>)] = &[
            ("raw", Link::RAW, vec![]),
            ("ethernet", Link::ETHERNET, ether(&[8, 0])),
            ("vlan", Link::ETHERNET, ether(&[0x81, 0, 0, 5, 8, 0])),
            (
                "qinq",
                Link::ETHERNET,
                ether(&[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 8, 0]),
            ),
            (
                "old qinq",
                Link::ETHERNET,
                ether(&[0x91, 0, 0, 5, 0x81, 0, 0, 6, 8, 0]),
            ),
            (
                "mpls",
                Link::ETHERNET,
                ether(&[0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64]),
            ),
            (
                "pppoe",
                Link::ETHERNET,
                ether(&[0x88, 0x64, 0x11, 0, 0, 1, 0, 30, 0, 0x21]),
            ),
            (
                "snap",
                Link::ETHERNET,
                ether(&[0, 36, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0]),
            ),
            (
                "snap in vlan",
                Link::ETHERNET,
                ether(&[0x81, 0, 0, 5, 0, 36, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0]),
            ),
            ("llc ip", Link::ETHERNET, ether(&[0, 31, 6, 6, 3])),
            (
                "sll",
                Link::LINUX_SLL,
                vec![0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0],
            ),
            (
                "sll vlan",
                Link::LINUX_SLL,
                vec![0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 0x81, 0, 0, 5, 8, 0],
            ),
            (
                "sll2",
                Link::LINUX_SLL2,
                vec![8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0],
            ),
            ("null, little", Link::NULL, vec![2, 0, 0, 0]),
            ("null, big", Link::NULL, vec![0, 0, 0, 2]),
            ("loop", Link::LOOP, vec![0, 0, 0, 2]),
            ("ppp", Link::PPP, vec![0xff, 3, 0, 0x21]),
            ("ppp, bare", Link::PPP, vec![0, 0x21]),
            ("ppp, short protocol", Link::PPP, vec![0x21]),
            ("ppp, cisco", Link::PPP, vec![0x0f, 0, 8, 0]),
            ("ppp mpls", Link::PPP, vec![0xff, 3, 2, 0x81, 0, 1, 1, 64]),
            ("hdlc", Link::C_HDLC, vec![0x0f, 0, 8, 0]),
            (
                "pppoe without ethernet",
                Link::PPP_ETHER,
                vec![0x11, 0, 0, 1, 0, 30, 0, 0x21],
            ),
            (
                "ppp with direction",
                Link::PPP_WITH_DIR,
                vec![1, 0xff, 3, 0, 0x21],
            ),
            ("atm", Link::ATM_RFC1483, vec![0xaa, 0xaa, 3, 0, 0, 0, 8, 0]),
        ];
        for (name, link, prefix) in cases {
            assert_eq!(ports(*link, prefix), BOTH, "{name}");
        }
    }

    #[test]
    fn what_is_not_ip_names_no_ends() {
        let ether = |rest: &[u8]| [&MACS[..], rest].concat();
        let cases: &[(&str, Link, Vec<u8>)] = &[
            ("arp", Link::ETHERNET, ether(&[8, 6])),
            ("novell", Link::ETHERNET, ether(&[0, 30, 0xff, 0xff])),
            ("six that is four", Link::ETHERNET, ether(&[0x86, 0xdd])),
            ("no such length", Link::ETHERNET, ether(&[5, 0xff])),
            (
                "pppoe discovery",
                Link::ETHERNET,
                ether(&[0x88, 0x63, 0x11, 9, 0, 1, 0, 30]),
            ),
            ("null of another family", Link::NULL, vec![7, 0, 0, 0]),
            ("unknown link", Link(147), vec![]),
            ("ppp lcp", Link::PPP, vec![0xff, 3, 0xc0, 0x21]),
        ];
        for (name, link, prefix) in cases {
            assert_eq!(ports(*link, prefix), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_frames_never_panic(
            link in 0_u32..300,
            head in prop::sample::select(vec![
                &[][..], &[2; 12], &[2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0x86, 0xdd], &[0x60, 0, 0, 0],
                &[2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 8, 0], &[0x45], &[0xff, 3, 0, 0x57],
            ]),
            tail in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let _ = decode(Link(link), &[head, &tail[..]].concat());
        }
    }
}
