//! 802.2 headers and the SNAP extension that carries an EtherType (RFC 1042; IEEE 802-2014, 9.2).

use super::{Layer, Step, be16};

/// Unnumbered information, the only frames that carry IP.
const UNNUMBERED: u8 = 0x03;
/// Both service access points of SNAP.
const SNAP: u8 = 0xaa;
/// Both service access points of IP without SNAP.
const IP: u8 = 0x06;

/// Steps over an 802.2 header and its SNAP extension.
pub(super) fn open(data: &[u8]) -> Option<Step<'_>> {
    match *data.first_chunk::<3>()? {
        [SNAP, SNAP, UNNUMBERED] => {
            let kind = be16(data, 6)?;
            let payload = data.get(8..)?;
            match data.get(3..6)? {
                // Encapsulated Ethernet, and the code that Cisco uses for the same.
                [0, 0, 0] | [0, 0, 0xf8] => Some((Layer::EtherType(kind), payload)),
                // Bridged Ethernet with or without its frame check sequence, two bytes of padding first (RFC 2684, 5.2).
                [0, 0x80, 0xc2] if matches!(kind, 1 | 7) => Some((Layer::Ethernet, payload.get(2..)?)),
                _ => None,
            }
        }
        [IP, IP, UNNUMBERED] => Some((Layer::Ip, data.get(3..)?)),
        _ => None,
    }
}
