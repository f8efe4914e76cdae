//! Version 1: one line of text, of at most 107 bytes with its end.

use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

use crate::{Endpoints, Header, HeaderError, Transport, Version};

const START: &[u8] = b"PROXY ";
const MAX_LINE_BYTES: usize = 107;

pub(crate) fn decode(bytes: &[u8]) -> Result<Option<(Header, usize)>, HeaderError> {
    let known = bytes.len().min(START.len());
    if bytes[..known] != START[..known] {
        return Err(HeaderError::NoHeader);
    }
    let line = &bytes[..bytes.len().min(MAX_LINE_BYTES)];
    let Some(end) = line.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
        return if bytes.len() < MAX_LINE_BYTES {
            Ok(None)
        } else {
            Err(HeaderError::TooLong {
                bytes: bytes.len(),
                max: MAX_LINE_BYTES,
            })
        };
    };
    if line[end] == b'\n' {
        return Err(HeaderError::Line("a line feed comes without its carriage return"));
    }
    match line.get(end + 1) {
        None if bytes.len() < MAX_LINE_BYTES => Ok(None),
        None => Err(HeaderError::TooLong {
            bytes: end + 2,
            max: MAX_LINE_BYTES,
        }),
        Some(b'\n') => {
            // Without the start, since the first CR or LF is behind it.
            let endpoints = parse(&line[START.len()..end])?;
            Ok(Some((
                Header {
                    version: Version::V1,
                    endpoints,
                },
                end + 2,
            )))
        }
        Some(_) => Err(HeaderError::Line("a carriage return comes without its line feed")),
    }
}

fn parse(rest: &[u8]) -> Result<Endpoints, HeaderError> {
    // What follows UNKNOWN is to be ignored, text or not.
    if rest == b"UNKNOWN" || rest.starts_with(b"UNKNOWN ") {
        return Ok(Endpoints::Unknown);
    }
    let rest =
        std::str::from_utf8(rest).map_err(|_| HeaderError::Line("there are bytes that are no text"))?;
    let mut words = rest.split(' ');
    let family = words.next().unwrap_or_default();
    let (Some(source), Some(destination), Some(source_port), Some(destination_port), None) = (
        words.next(),
        words.next(),
        words.next(),
        words.next(),
        words.next(),
    ) else {
        return Err(HeaderError::Line(
            "there are not two addresses and two ports, each behind one space",
        ));
    };
    let (source_port, destination_port) = (port(source_port)?, port(destination_port)?);
    let transport = Transport::Stream;
    match family {
        "TCP4" => {
            let ip = |text: &str| {
                text.parse::<Ipv4Addr>()
                    .map_err(|_| HeaderError::Line("an address is not IPv4"))
            };
            Ok(Endpoints::Ipv4 {
                transport,
                source: SocketAddrV4::new(ip(source)?, source_port),
                destination: SocketAddrV4::new(ip(destination)?, destination_port),
            })
        }
        "TCP6" => {
            let ip = |text: &str| {
                text.parse::<Ipv6Addr>()
                    .map_err(|_| HeaderError::Line("an address is not IPv6"))
            };
            Ok(Endpoints::Ipv6 {
                transport,
                source: SocketAddrV6::new(ip(source)?, source_port, 0, 0),
                destination: SocketAddrV6::new(ip(destination)?, destination_port, 0, 0),
            })
        }
        _ => Err(HeaderError::Line("the protocol is none of TCP4, TCP6, UNKNOWN")),
    }
}

/// Digits alone, without leading zeros: std's own parser takes a sign, too.
fn port(text: &str) -> Result<u16, HeaderError> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    match text.parse() {
        Ok(port) if plain => Ok(port),
        _ => Err(HeaderError::Line("a port is no number from 0 to 65535")),
    }
}

pub(crate) fn encode(endpoints: &Endpoints, into: &mut Vec<u8>) {
    let written = match endpoints {
        Endpoints::Ipv4 {
            transport: Transport::Stream,
            source,
            destination,
        } => write!(
            into,
            "PROXY TCP4 {} {} {} {}\r\n",
            source.ip(),
            destination.ip(),
            source.port(),
            destination.port()
        ),
        Endpoints::Ipv6 {
            transport: Transport::Stream,
            source,
            destination,
        } => write!(
            into,
            "PROXY TCP6 {} {} {} {}\r\n",
            source.ip(),
            destination.ip(),
            source.port(),
            destination.port()
        ),
        _ => into.write_all(b"PROXY UNKNOWN\r\n"),
    };
    debug_assert!(written.is_ok(), "memory takes what is written to it");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints(line: &[u8]) -> Result<Endpoints, HeaderError> {
        decode(line).map(|found| found.expect("it is complete").0.endpoints)
    }

    #[test]
    fn lines_of_the_three_protocols_are_read() {
        assert_eq!(
            endpoints(b"PROXY TCP4 192.0.2.7 198.51.100.1 65535 0\r\n"),
            Ok(Endpoints::Ipv4 {
                transport: Transport::Stream,
                source: "192.0.2.7:65535".parse().unwrap(),
                destination: "198.51.100.1:0".parse().unwrap(),
            })
        );
        assert_eq!(
            endpoints(b"PROXY TCP6 2001:db8::7 ::1 5000 443\r\n"),
            Ok(Endpoints::Ipv6 {
                transport: Transport::Stream,
                source: "[2001:db8::7]:5000".parse().unwrap(),
                destination: "[::1]:443".parse().unwrap(),
            })
        );
        assert_eq!(endpoints(b"PROXY UNKNOWN\r\n"), Ok(Endpoints::Unknown));
        assert_eq!(endpoints(b"PROXY UNKNOWN \xff a b\r\n"), Ok(Endpoints::Unknown));
    }

    #[test]
    fn every_front_of_a_line_asks_for_more() {
        let line = b"PROXY TCP6 2001:db8::7 2001:db8::1 5000 443\r\n";
        for length in 0..line.len() {
            assert_eq!(decode(&line[..length]), Ok(None), "{length}");
        }
    }

    #[test]
    fn a_line_takes_its_own_bytes_alone() {
        let (_, taken) = decode(b"PROXY UNKNOWN\r\n\r\nPROXY UNKNOWN\r\n")
            .unwrap()
            .unwrap();
        assert_eq!(taken, 15);
    }

    #[test]
    fn a_line_of_107_bytes_is_taken_and_one_of_108_is_not() {
        let line = |length: usize| {
            let mut line = b"PROXY UNKNOWN ".to_vec();
            line.resize(length - 2, b'x');
            line.extend(b"\r\n");
            line
        };
        assert_eq!(decode(&line(107)).unwrap().unwrap().1, 107);
        let too_long = |bytes| Err(HeaderError::TooLong { bytes, max: 107 });
        assert_eq!(decode(&line(108)), too_long(108));
        assert_eq!(decode(&line(109)), too_long(109));
        // Also where its end has not come.
        assert_eq!(decode(&line(109)[..106]), Ok(None));
        assert_eq!(decode(&line(109)[..107]), too_long(107));
    }

    #[test]
    fn lines_that_are_nearly_right_are_errors() {
        let wrong: [&[u8]; 17] = [
            b"PROXYxTCP4 192.0.2.7 198.51.100.1 1 2\r\n",
            b"PROXY  TCP4 192.0.2.7 198.51.100.1 1 2\r\n",
            b"PROXY TCP4 192.0.2.7  198.51.100.1 1 2\r\n",
            b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n",
            b"PROXY TCP4 192.0.2.7 198.51.100.1 +1 2\r\n",
            b"PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n",
            b"PROXY TCP4 192.0.2.7 198.51.100.1 65536 2\r\n",
            b"PROXY TCP4 192.0.2.7 198.51.100.1  2\r\n",
            b"PROXY TCP4 192.0.2.07 198.51.100.1 1 2\r\n",
            b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
            b"PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n",
            b"PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n",
            b"PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n",
            b"PROXY UNKNOWNX\r\n",
            b"PROXY tcp4 192.0.2.7 198.51.100.1 1 2\r\n",
            b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n",
            b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2\rX",
        ];
        for line in wrong {
            assert!(decode(line).is_err(), "{}", line.escape_ascii());
        }
    }

    #[test]
    fn what_begins_otherwise_is_refused_with_its_first_odd_byte() {
        assert_eq!(decode(b"PO"), Err(HeaderError::NoHeader));
        assert_eq!(decode(b"PROXY"), Ok(None));
        assert_eq!(decode(b"PROXY\t"), Err(HeaderError::NoHeader));
    }
}
