//! Version 2: a signature, a command, a family, a length; then addresses and additional fields.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

use crate::{Endpoints, Header, HeaderError, MAX_HEADER_BYTES, Transport, UnixPaths, Version};

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// The signature, the command, the family and the length.
const FIXED_BYTES: usize = 16;
/// The type of the field with the checksum.
const CRC32C: u8 = 0x03;

pub(crate) fn decode(bytes: &[u8]) -> Result<Option<(Header, usize)>, HeaderError> {
    let known = bytes.len().min(SIGNATURE.len());
    if bytes[..known] != SIGNATURE[..known] {
        return Err(HeaderError::NoHeader);
    }
    let is_local = match bytes.get(12) {
        None => return Ok(None),
        Some(0x20) => true,
        Some(0x21) => false,
        Some(byte) if byte >> 4 == 2 => return Err(HeaderError::Command(byte & 15)),
        Some(byte) => return Err(HeaderError::Version(byte >> 4)),
    };
    let Some(fixed) = bytes.first_chunk::<FIXED_BYTES>() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    let end = FIXED_BYTES + length;
    if end > MAX_HEADER_BYTES {
        return Err(HeaderError::TooLong {
            bytes: end,
            max: MAX_HEADER_BYTES,
        });
    }
    let family = Family::of(fixed[13]);
    if !is_local {
        // Said with the fixed part, before the rest is waited for.
        let needed = family?.address_bytes();
        if length < needed {
            return Err(HeaderError::Addresses { length, needed });
        }
    }
    let Some(header) = bytes.get(..end) else {
        return Ok(None);
    };
    let endpoints = if is_local {
        // Its family and whatever it has are to be ignored.
        Endpoints::Local
    } else {
        let family = family?;
        let (addresses, fields) = header[FIXED_BYTES..].split_at(family.address_bytes());
        // Of a family that is not said, what follows has no known form.
        if family != Family::Unspecified {
            check_fields(header, fields)?;
        }
        family.parse(addresses)
    };
    Ok(Some((
        Header {
            version: Version::V2,
            endpoints,
        },
        end,
    )))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Unspecified,
    Ipv4(Transport),
    Ipv6(Transport),
    Unix(Transport),
}

impl Family {
    fn of(byte: u8) -> Result<Self, HeaderError> {
        Ok(match byte {
            0x00 => Self::Unspecified,
            0x11 => Self::Ipv4(Transport::Stream),
            0x12 => Self::Ipv4(Transport::Datagram),
            0x21 => Self::Ipv6(Transport::Stream),
            0x22 => Self::Ipv6(Transport::Datagram),
            0x31 => Self::Unix(Transport::Stream),
            0x32 => Self::Unix(Transport::Datagram),
            _ => return Err(HeaderError::Family(byte)),
        })
    }

    fn address_bytes(self) -> usize {
        match self {
            Self::Unspecified => 0,
            Self::Ipv4(_) => 2 * 4 + 2 * 2,
            Self::Ipv6(_) => 2 * 16 + 2 * 2,
            Self::Unix(_) => 2 * 108,
        }
    }

    /// `bytes` are as many as [`address_bytes`](Self::address_bytes).
    fn parse(self, bytes: &[u8]) -> Endpoints {
        match self {
            Self::Unspecified => Endpoints::Unknown,
            Self::Ipv4(transport) => Endpoints::Ipv4 {
                transport,
                source: SocketAddrV4::new(Ipv4Addr::from(array(bytes, 0)), port(bytes, 8)),
                destination: SocketAddrV4::new(Ipv4Addr::from(array(bytes, 4)), port(bytes, 10)),
            },
            Self::Ipv6(transport) => Endpoints::Ipv6 {
                transport,
                source: SocketAddrV6::new(Ipv6Addr::from(array(bytes, 0)), port(bytes, 32), 0, 0),
                destination: SocketAddrV6::new(Ipv6Addr::from(array(bytes, 16)), port(bytes, 34), 0, 0),
            },
            Self::Unix(transport) => Endpoints::Unix {
                transport,
                paths: Box::new(UnixPaths {
                    source: array(bytes, 0),
                    destination: array(bytes, 108),
                }),
            },
        }
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

fn port(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(array(bytes, at))
}

/// Each field is a type, a length in two bytes, and so many bytes; the last ends where the header does.
fn check_fields(header: &[u8], mut fields: &[u8]) -> Result<(), HeaderError> {
    while let Some((kind, rest)) = fields.split_first() {
        let kind = *kind;
        let cut = HeaderError::Field { kind };
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(cut)?;
        let (value, rest) = rest
            .split_at_checked(usize::from(u16::from_be_bytes(*length)))
            .ok_or(cut)?;
        if kind == CRC32C {
            let said = u32::from_be_bytes(value.try_into().map_err(|_| HeaderError::Checksum)?);
            // Of the header with zeros in place of the checksum.
            let at = header.len() - rest.len() - value.len();
            let zeroed = [&header[..at], &[0; 4], rest];
            if crc32c(zeroed.into_iter().flatten()) != said {
                return Err(HeaderError::Checksum);
            }
        }
        fields = rest;
    }
    Ok(())
}

/// CRC-32C, a bit at a time: headers are short, and few have one.
fn crc32c<'a>(bytes: impl Iterator<Item = &'a u8>) -> u32 {
    !bytes.fold(!0, |mut crc, byte| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
        crc
    })
}

pub(crate) fn encode(endpoints: &Endpoints, into: &mut Vec<u8>) {
    into.extend(SIGNATURE);
    let transport_nibble = |transport: &Transport| match transport {
        Transport::Stream => 1,
        Transport::Datagram => 2,
    };
    let mut fixed = |command: u8, family: u8, length: u8| into.extend([command, family, 0, length]);
    match endpoints {
        Endpoints::Local => fixed(0x20, 0x00, 0),
        Endpoints::Unknown => fixed(0x21, 0x00, 0),
        Endpoints::Ipv4 {
            transport,
            source,
            destination,
        } => {
            fixed(0x21, 0x10 | transport_nibble(transport), 12);
            into.extend(source.ip().octets());
            into.extend(destination.ip().octets());
            into.extend(source.port().to_be_bytes());
            into.extend(destination.port().to_be_bytes());
        }
        Endpoints::Ipv6 {
            transport,
            source,
            destination,
        } => {
            fixed(0x21, 0x20 | transport_nibble(transport), 36);
            into.extend(source.ip().octets());
            into.extend(destination.ip().octets());
            into.extend(source.port().to_be_bytes());
            into.extend(destination.port().to_be_bytes());
        }
        Endpoints::Unix { transport, paths } => {
            fixed(0x21, 0x30 | transport_nibble(transport), 216);
            into.extend(paths.source);
            into.extend(paths.destination);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IPV4: [u8; 12] = [192, 0, 2, 7, 198, 51, 100, 1, 0x13, 0x88, 0, 80];

    fn header(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([command, family]);
        bytes.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        bytes.extend(body);
        bytes
    }

    fn endpoints(bytes: &[u8]) -> Result<Endpoints, HeaderError> {
        decode(bytes).map(|found| {
            let (header, taken) = found.expect("it is complete");
            assert_eq!(taken, bytes.len());
            header.endpoints
        })
    }

    fn ipv4(transport: Transport) -> Endpoints {
        Endpoints::Ipv4 {
            transport,
            source: "192.0.2.7:5000".parse().unwrap(),
            destination: "198.51.100.1:80".parse().unwrap(),
        }
    }

    #[test]
    fn clients_of_each_family_and_transport_are_read() {
        assert_eq!(endpoints(&header(0x21, 0x11, &IPV4)), Ok(ipv4(Transport::Stream)));
        assert_eq!(
            endpoints(&header(0x21, 0x12, &IPV4)),
            Ok(ipv4(Transport::Datagram))
        );
        let mut body = Ipv6Addr::LOCALHOST.octets().to_vec();
        body.extend("2001:db8::1".parse::<Ipv6Addr>().unwrap().octets());
        body.extend([0x13, 0x88, 0x01, 0xbb]);
        assert_eq!(
            endpoints(&header(0x21, 0x21, &body)),
            Ok(Endpoints::Ipv6 {
                transport: Transport::Stream,
                source: "[::1]:5000".parse().unwrap(),
                destination: "[2001:db8::1]:443".parse().unwrap(),
            })
        );
        let mut body = [0; 216];
        body[..4].copy_from_slice(b"/run");
        body[108..112].copy_from_slice(b"/srv");
        let Ok(Endpoints::Unix {
            transport: Transport::Stream,
            paths,
        }) = endpoints(&header(0x21, 0x31, &body))
        else {
            panic!("it is a UNIX client");
        };
        assert_eq!(
            format!("{paths:?}"),
            "UnixPaths { source: \"/run\", destination: \"/srv\" }"
        );
    }

    #[test]
    fn what_a_local_command_carries_is_ignored() {
        for family in [0x00, 0x11, 0x51, 0xff] {
            assert_eq!(endpoints(&header(0x20, family, &[])), Ok(Endpoints::Local));
            assert_eq!(endpoints(&header(0x20, family, &[4, 0, 9])), Ok(Endpoints::Local));
        }
    }

    #[test]
    fn a_family_that_is_not_said_is_unknown() {
        assert_eq!(endpoints(&header(0x21, 0x00, &[4, 0, 9])), Ok(Endpoints::Unknown));
    }

    #[test]
    fn every_front_of_a_header_asks_for_more() {
        let whole = header(0x21, 0x11, &IPV4);
        for length in 0..whole.len() {
            assert_eq!(decode(&whole[..length]), Ok(None), "{length}");
        }
    }

    #[test]
    fn a_header_takes_its_own_bytes_alone() {
        let mut bytes = header(0x21, 0x11, &IPV4);
        bytes.extend([7; 100]);
        assert_eq!(decode(&bytes).unwrap().unwrap().1, 28);
    }

    #[test]
    fn what_is_wrong_in_the_fixed_part_is_told_before_the_rest_comes() {
        let front = |command, family, length: u16| {
            let mut bytes = header(command, family, &[]);
            bytes[14..].copy_from_slice(&length.to_be_bytes());
            decode(&bytes)
        };
        assert_eq!(front(0x31, 0x11, 12), Err(HeaderError::Version(3)));
        assert_eq!(front(0x22, 0x11, 12), Err(HeaderError::Command(2)));
        assert_eq!(front(0x21, 0x10, 12), Err(HeaderError::Family(0x10)));
        assert_eq!(front(0x21, 0x41, 12), Err(HeaderError::Family(0x41)));
        assert_eq!(
            front(0x21, 0x21, 12),
            Err(HeaderError::Addresses {
                length: 12,
                needed: 36
            })
        );
        assert_eq!(
            front(0x21, 0x11, 65535),
            Err(HeaderError::TooLong {
                bytes: 65551,
                max: 4096
            })
        );
        assert_eq!(
            front(0x20, 0x00, 4081),
            Err(HeaderError::TooLong {
                bytes: 4097,
                max: 4096
            })
        );
        assert_eq!(front(0x20, 0x00, 4080), Ok(None));
        // The command is the thirteenth byte.
        assert_eq!(decode(b"\r\n\r\n\0\r\nQUIT\n\x11"), Err(HeaderError::Version(1)));
        assert_eq!(decode(b"\r\n\r\nQ"), Err(HeaderError::NoHeader));
    }

    #[test]
    fn additional_fields_have_to_end_with_the_header() {
        let with = |fields: &[u8]| endpoints(&header(0x21, 0x11, &[&IPV4, fields].concat()));
        assert_eq!(with(&[4, 0, 2, 0, 0, 0xe0, 0, 0]), Ok(ipv4(Transport::Stream)));
        for fields in [&[4_u8][..], &[4, 0], &[4, 0, 1], &[4, 0, 0, 4, 0, 3, 1, 2]] {
            assert_eq!(with(fields), Err(HeaderError::Field { kind: 4 }), "{fields:?}");
        }
    }

    #[test]
    fn a_checksum_is_held_against_the_header() {
        // The check value of CRC-32C.
        assert_eq!(crc32c(b"123456789".iter()), 0xe306_9283);
        let mut bytes = header(
            0x21,
            0x11,
            &[&IPV4[..], &[3, 0, 4, 0, 0, 0, 0, 4, 0, 1, 9]].concat(),
        );
        let sum = crc32c(bytes.iter());
        bytes[31..35].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(endpoints(&bytes), Ok(ipv4(Transport::Stream)));
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        assert_eq!(decode(&bytes), Err(HeaderError::Checksum));
        let short = header(0x21, 0x11, &[&IPV4[..], &[3, 0, 2, 0, 0]].concat());
        assert_eq!(decode(&short), Err(HeaderError::Checksum));
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same() {
        let unix = Endpoints::Unix {
            transport: Transport::Datagram,
            paths: Box::new(UnixPaths {
                source: [1; 108],
                destination: [2; 108],
            }),
        };
        for example in [
            Endpoints::Local,
            Endpoints::Unknown,
            ipv4(Transport::Datagram),
            unix,
        ] {
            let mut bytes = Vec::new();
            encode(&example, &mut bytes);
            assert_eq!(endpoints(&bytes), Ok(example));
        }
    }
}
