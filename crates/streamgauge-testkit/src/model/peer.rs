//! What a peer is accounted as where addresses are truncated: a look-up in the pool, and a walk over bits.

use std::net::IpAddr;

use crate::operation::pool;

/// A peer of the pool, of whose address so many bits are kept; anything else is as it was.
pub(super) fn truncated(peer: &str, [ipv4_prefix, ipv6_prefix]: [u32; 2]) -> String {
    let of_pool = pool::ADDRESSED.iter().find(|(text, _)| *text == peer);
    let Some((_, Some((address, bits)))) = of_pool else {
        return peer.to_owned();
    };
    match address {
        IpAddr::V4(address) => {
            let bits = ipv4_prefix.min(*bits);
            let mut octets = address.octets();
            cleared(&mut octets, bits);
            format!("{}/{bits}", IpAddr::from(octets))
        }
        IpAddr::V6(address) => {
            let bits = ipv6_prefix.min(*bits);
            let mut octets = address.octets();
            cleared(&mut octets, bits);
            format!("{}/{bits}", IpAddr::from(octets))
        }
    }
}

/// Clears all bits but the first ones, one at a time.
fn cleared(octets: &mut [u8], kept: u32) {
    for (number, bit) in (0..8 * octets.len()).zip(0..) {
        if bit >= kept {
            octets[number / 8] &= !(0x80 >> (number % 8));
        }
    }
}
