//! Seeds: headers of each kind, and what is nearly one.

use crate::seed::Seed;

/// The seeds.
pub(super) fn all() -> Vec<Seed> {
    let lines: [(&str, &[u8]); 9] = [
        ("nothing", b""),
        (
            "v1-tcp4",
            b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\nGET / HTTP/1.1\r\n",
        ),
        ("v1-tcp6", b"PROXY TCP6 2001:db8::7 ::ffff:192.0.2.1 0 65535\r\n"),
        ("v1-unknown", b"PROXY UNKNOWN\r\n"),
        (
            "v1-unknown-with-more",
            b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\nx",
        ),
        ("v1-cut", b"PROXY TCP4 192.0.2.7 198."),
        ("v1-without-cr", b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n"),
        (
            "v1-of-no-known-protocol",
            b"PROXY SCTP 192.0.2.7 198.51.100.1 1 2\r\n",
        ),
        ("http", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    ];
    let ipv4: &[u8] = &[192, 0, 2, 7, 198, 51, 100, 1, 0x13, 0x88, 1, 0xbb];
    let with = |fields: &[u8]| [ipv4, fields].concat();
    let binaries = [
        ("v2-local", v2(0x20, 0x00, &[])),
        ("v2-local-with-addresses", v2(0x20, 0x11, ipv4)),
        ("v2-unspecified", v2(0x21, 0x00, b"whatever")),
        ("v2-tcp4", v2(0x21, 0x11, ipv4)),
        ("v2-udp4", v2(0x21, 0x12, ipv4)),
        ("v2-tcp6", v2(0x21, 0x21, &[1; 36])),
        ("v2-unix", v2(0x21, 0x31, &[b'/'; 216])),
        (
            "v2-fields",
            v2(0x21, 0x11, &with(b"\x01\x00\x02h2\x02\x00\x01a\x04\x00\x00")),
        ),
        ("v2-field-cut", v2(0x21, 0x11, &with(b"\x01\x00\x09h2"))),
        (
            "v2-checksum",
            v2(0x21, 0x11, &with(b"\x03\x00\x04\x01\x02\x03\x04")),
        ),
        ("v2-short-addresses", v2(0x21, 0x21, ipv4)),
        ("v2-other-version", v2(0x31, 0x11, ipv4)),
        ("v2-other-command", v2(0x22, 0x11, ipv4)),
        ("v2-other-family", v2(0x21, 0x41, ipv4)),
        (
            "v2-longest",
            v2(
                0x21,
                0x11,
                &with(&[&[0xe0, 0x0f, 0xe1][..], &[7; 0xfe1]].concat()),
            ),
        ),
        ("v2-too-long", v2(0x21, 0x11, &[0; 5000])),
        (
            "v2-with-payload",
            [v2(0x21, 0x11, ipv4), b"payload".to_vec()].concat(),
        ),
    ];
    let lines = lines.into_iter().map(|(name, bytes)| Seed::new(name, bytes));
    lines
        .chain(binaries.into_iter().map(|(name, bytes)| Seed::new(name, bytes)))
        .collect()
}

fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &length, body].concat()
}
