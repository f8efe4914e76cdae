//! PPP (RFC 1661), its HDLC-like framing (RFC 1662), PPPoE sessions (RFC 2516).

use super::{Layer, Step, be16};

const IPV4: u16 = 0x0021;
const IPV6: u16 = 0x0057;
const MPLS_UNICAST: u16 = 0x0281;
const MPLS_MULTICAST: u16 = 0x0283;

/// Steps over a PPP header.
///
/// Address and control bytes may be there or compressed away, and the protocol field may be one byte where its lowest bit
/// says so. Cisco's framing, on the same kind of line, starts with bytes that PPP's never does.
pub(super) fn open(data: &[u8]) -> Option<Step<'_>> {
    let data = match data {
        [0x0f | 0x8f, _, ..] => return Some((Layer::EtherType(be16(data, 2)?), data.get(4..)?)),
        [0xff, _, rest @ ..] => rest,
        _ => data,
    };
    let (protocol, payload) = match data {
        [short, rest @ ..] if short & 1 == 1 => (u16::from(*short), rest),
        _ => (be16(data, 0)?, data.get(2..)?),
    };
    match protocol {
        IPV4 => Some((Layer::Ipv4, payload)),
        IPV6 => Some((Layer::Ipv6, payload)),
        MPLS_UNICAST | MPLS_MULTICAST => Some((Layer::Mpls, payload)),
        _ => None,
    }
}

/// Steps over the header of a PPPoE session, and drops the padding after its payload.
///
/// Version and code are not looked at: the EtherType has said that it carries a session's data.
pub(super) fn open_session(data: &[u8]) -> Option<Step<'_>> {
    let length = be16(data, 4)?;
    let payload = data.get(6..)?;
    Some((Layer::Ppp, payload.get(..usize::from(length)).unwrap_or(payload)))
}
