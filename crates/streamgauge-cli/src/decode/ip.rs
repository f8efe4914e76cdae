//! IPv4 and IPv6 headers, IPv6 extension headers, and the two ports behind them.
//!
//! The header must be whole; what follows is bounded by the length that the header gives, so that neither Ethernet padding
//! nor a trailer is taken for ports. Of a TCP or UDP header the first four bytes are enough: captures cut packets off.

use std::net::IpAddr;

use etherparse::{
    IpAuthHeaderSlice, IpNumber, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice,
    Ipv6RawExtHeaderSlice,
};

use super::be16;
use crate::endpoints::{Endpoint, Endpoints};
use crate::protocol;

/// The ends that an IP header of either version names, and their ports where the packet shows them.
pub(super) fn endpoints(data: &[u8]) -> Option<Endpoints> {
    match data.first()? >> 4 {
        4 => ipv4(data),
        6 => ipv6(data),
        _ => None,
    }
}

/// The ends that an IPv4 header names; nobody where its total length is less than the header's, 0 included.
pub(super) fn ipv4(data: &[u8]) -> Option<Endpoints> {
    let header = Ipv4HeaderSlice::from_slice(data).ok()?;
    let header_length = header.slice().len();
    let total_length = usize::from(header.total_len());
    if total_length < header_length {
        return None;
    }
    let payload = data
        .get(header_length..total_length)
        .or_else(|| data.get(header_length..))?;
    let protocol = header.protocol().0;
    let ports = if header.fragments_offset().value() == 0 {
        ports(protocol, payload)
    } else {
        None
    };
    Some(pair(
        protocol,
        header.source_addr().into(),
        header.destination_addr().into(),
        ports,
    ))
}

/// The ends that an IPv6 header names. A payload length of 0 (jumbograms, segments that a network card was to cut up) is
/// taken at its word: no extension headers, no ports.
pub(super) fn ipv6(data: &[u8]) -> Option<Endpoints> {
    let header = Ipv6HeaderSlice::from_slice(data).ok()?;
    let rest = data.get(header.slice().len()..)?;
    let length = usize::from(header.payload_length());
    let payload = rest.get(..length).unwrap_or(rest);
    let (protocol, ports) = past_extensions(header.next_header(), payload);
    Some(pair(
        protocol,
        header.source_addr().into(),
        header.destination_addr().into(),
        ports,
    ))
}

/// Walks the extension headers of IPv6 (RFC 8200, section 4).
///
/// A cut one ends the walk. It still says what follows it, once its first two bytes are there; a cut fragment header does
/// not, because without its offset nothing is known of what follows.
fn past_extensions(mut next: IpNumber, mut data: &[u8]) -> (u8, Option<(u16, u16)>) {
    loop {
        let length = match next {
            IpNumber::IPV6_HEADER_HOP_BY_HOP
            | IpNumber::IPV6_ROUTE_HEADER
            | IpNumber::IPV6_DESTINATION_OPTIONS => Ipv6RawExtHeaderSlice::from_slice(data)
                .map(|h| h.slice().len())
                .ok(),
            IpNumber::AUTHENTICATION_HEADER => {
                IpAuthHeaderSlice::from_slice(data).map(|h| h.slice().len()).ok()
            }
            IpNumber::IPV6_FRAGMENTATION_HEADER => match Ipv6FragmentHeaderSlice::from_slice(data) {
                Ok(h) => (h.fragment_offset().value() == 0).then_some(h.slice().len()),
                Err(_) => return (next.0, None),
            },
            IpNumber(protocol) => return (protocol, ports(protocol, data)),
        };
        let [following, _, ..] = data else {
            return (next.0, None);
        };
        next = IpNumber(*following);
        match length.and_then(|length| data.get(length..)) {
            Some(rest) => data = rest,
            None => return (next.0, None),
        }
    }
}

/// Source and destination port, where the protocol has them and both are there.
fn ports(protocol: u8, payload: &[u8]) -> Option<(u16, u16)> {
    if !protocol::has_ports(protocol) {
        return None;
    }
    Some((be16(payload, 0)?, be16(payload, 2)?))
}

fn pair(protocol: u8, source: IpAddr, destination: IpAddr, ports: Option<(u16, u16)>) -> Endpoints {
    Endpoints {
        protocol,
        source: Endpoint {
            ip: source,
            port: ports.map(|(port, _)| port),
        },
        destination: Endpoint {
            ip: destination,
            port: ports.map(|(_, port)| port),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(protocol: u8, fragment: u16, total_length: u16, rest: &[u8]) -> Vec<u8> {
        let [a, b] = total_length.to_be_bytes();
        let [c, d] = fragment.to_be_bytes();
        [
            &[
                0x45, 0, a, b, 0, 1, c, d, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
            ][..],
            rest,
        ]
        .concat()
    }

    fn v6(next: u8, length: u16, rest: &[u8]) -> Vec<u8> {
        let [a, b] = length.to_be_bytes();
        let mut data = vec![0x60, 0, 0, 0, a, b, next, 64];
        data.extend([0x20; 16]);
        data.extend([0x30; 16]);
        data.extend(rest);
        data
    }

    fn seen(data: &[u8]) -> Option<(u8, Option<u16>, Option<u16>)> {
        endpoints(data).map(|ends| (ends.protocol, ends.source.port, ends.destination.port))
    }

    const PORTS: [u8; 4] = [0x1f, 0x90, 0, 80];

    #[test]
    fn ports_need_the_first_four_bytes_and_no_more() {
        assert_eq!(seen(&v4(6, 0, 24, &PORTS)), Some((6, Some(8080), Some(80))));
        assert_eq!(seen(&v4(17, 0, 40, &PORTS)), Some((17, Some(8080), Some(80))));
        assert_eq!(seen(&v4(6, 0, 40, &PORTS[..3])), Some((6, None, None)));
    }

    #[test]
    fn padding_after_the_packet_is_not_taken_for_ports() {
        assert_eq!(seen(&v4(6, 0, 22, &PORTS)), Some((6, None, None)));
        assert_eq!(seen(&v6(6, 2, &PORTS)), Some((6, None, None)));
    }

    #[test]
    fn only_the_first_fragment_has_ports() {
        assert_eq!(
            seen(&v4(17, 0x2000, 24, &PORTS)),
            Some((17, Some(8080), Some(80)))
        );
        assert_eq!(seen(&v4(17, 0x2001, 24, &PORTS)), Some((17, None, None)));
        let fragment = |offset: u8| [&[17, 0, 0, offset, 0, 0, 0, 9][..], &PORTS].concat();
        assert_eq!(seen(&v6(44, 12, &fragment(1))), Some((17, Some(8080), Some(80))));
        assert_eq!(seen(&v6(44, 12, &fragment(8))), Some((17, None, None)));
    }

    #[test]
    fn a_cut_fragment_header_is_the_protocol() {
        assert_eq!(seen(&v6(44, 7, &[17, 0, 0, 0, 0, 0, 0])), Some((44, None, None)));
        assert_eq!(seen(&v6(60, 1, &[17])), Some((60, None, None)));
        assert_eq!(seen(&v6(60, 2, &[17, 0])), Some((17, None, None)));
    }

    #[test]
    fn a_payload_length_of_0_is_no_payload() {
        assert_eq!(seen(&v6(6, 0, &PORTS)), Some((6, None, None)));
        assert_eq!(seen(&v6(0, 0, &[6, 0, 0, 0, 0, 0, 0, 0])), Some((0, None, None)));
    }

    #[test]
    fn protocols_without_ports_have_none() {
        assert_eq!(seen(&v4(132, 0, 24, &PORTS)), Some((132, None, None)));
        assert_eq!(
            seen(&v4(51, 0, 24, &PORTS)),
            Some((51, None, None)),
            "AH ends the walk in IPv4"
        );
    }

    #[test]
    fn extension_headers_of_ipv6_are_walked() {
        let hop = [60, 0, 0, 0, 0, 0, 0, 0];
        let options = [43, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let route = [51, 0, 0, 0, 0, 0, 0, 0];
        let auth = [6, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1];
        let rest = [&hop[..], &options, &route, &auth, &PORTS].concat();
        let length = u16::try_from(rest.len()).unwrap();
        assert_eq!(seen(&v6(0, length, &rest)), Some((6, Some(8080), Some(80))));
        assert_eq!(
            seen(&v6(0, length, &rest[..30])),
            Some((51, None, None)),
            "cut in the routing header"
        );
    }

    #[test]
    fn a_header_that_is_cut_or_lies_names_nobody() {
        assert_eq!(seen(&v4(6, 0, 40, &[])[..19]), None);
        assert_eq!(seen(&v4(6, 0, 19, &PORTS)), None, "shorter than its own header");
        assert_eq!(seen(&v6(6, 4, &PORTS)[..39]), None);
        assert_eq!(seen(&[0x55; 60]), None);
        assert_eq!(seen(&[]), None);
    }
}
