//! Frames of every kind that the replay looks into.

/// A UDP packet over IPv4.
pub(super) fn udp() -> Vec<u8> {
    ipv4(17, &[0x0f, 0xa0, 0, 53, 0, 8, 0, 0])
}

/// The answer to [`udp`], in an Ethernet frame.
pub(super) fn back() -> Vec<u8> {
    let mut packet = ipv4(17, &[0, 53, 0x0f, 0xa0, 0, 8, 0, 0]);
    packet[12..20].copy_from_slice(&[10, 0, 0, 2, 10, 0, 0, 1]);
    ethernet(0x0800, &packet)
}

/// An Ethernet frame.
pub(super) fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    [&[0x02; 12][..], &kind.to_be_bytes(), payload].concat()
}

fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(20 + payload.len()).unwrap();
    let mut packet = vec![0x45, 0, 0, length, 0, 0, 0, 0, 64, protocol, 0, 0];
    packet.extend([10, 0, 0, 1, 10, 0, 0, 2]);
    packet.extend(payload);
    packet
}

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    let mut packet = vec![0x60, 0, 0, 0, 0, length, next, 64];
    packet.extend([[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 1]].concat());
    packet.extend([[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 2]].concat());
    packet.extend(payload);
    packet
}

fn tcp6() -> Vec<u8> {
    let ports = [
        &[0xc3, 0x50, 0x01, 0xbb][..],
        &[0; 8],
        &[0x50, 2, 0, 0, 0, 0, 0, 0],
    ]
    .concat();
    ipv6(6, &ports)
}

/// A frame of each link type, and of one that is not looked into.
pub(super) fn of_every_link() -> Vec<(u32, Vec<u8>)> {
    let under = |header: &[u8]| [header, &udp()].concat();
    let length = u8::try_from(udp().len() + 2).unwrap();
    vec![
        (0, under(&[2, 0, 0, 0])),
        (1, ethernet(0x86dd, &tcp6())),
        (9, under(&[0, 0x21])),
        (12, udp()),
        (14, tcp6()),
        (50, under(&[0xff, 3, 0, 0x21])),
        (51, under(&[0x11, 0, 0, 1, 0, length, 0, 0x21])),
        (100, under(&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0])),
        (101, udp()),
        (104, under(&[0x0f, 0, 8, 0])),
        (108, under(&[0, 0, 0, 2])),
        (113, under(&[0, 0, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0, 8, 0])),
        (147, udp()),
        (204, under(&[1, 0xff, 3, 0, 0x21])),
        (228, udp()),
        (229, tcp6()),
        (
            276,
            under(&[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0]),
        ),
    ]
}

/// Ethernet frames with more between their ends and the packet: tags, labels, tunnels, extension headers, fragments.
pub(super) fn odd() -> Vec<Vec<u8>> {
    let tagged = |kind: u16, inner: u16, payload: &[u8]| {
        let tag = [&[0, 7][..], &inner.to_be_bytes(), payload].concat();
        ethernet(kind, &tag)
    };
    let mut fragment = udp();
    fragment[6..8].copy_from_slice(&[0, 4]);
    let ah = [
        &[17, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1][..],
        &[0, 1, 0, 2, 0, 8, 0, 0],
    ]
    .concat();
    let extended = [
        &[60, 0, 0, 0, 0, 0, 0, 0][..],
        &[44, 0, 0, 0, 0, 0, 0, 0],
        &[17, 0, 0, 9, 0, 0, 0, 1],
        &[0; 8],
    ];
    vec![
        tagged(0x8100, 0x0800, &udp()),
        tagged(0x88a8, 0x8100, &[&[0, 8, 8, 0][..], &udp()].concat()),
        ethernet(0x8847, &[&[0, 0, 0x10, 64, 0, 0, 0x11, 64][..], &udp()].concat()),
        ethernet(0x8864, &[&[0x11, 0, 0, 1, 0, 30, 0, 0x21][..], &udp()].concat()),
        [&[2; 12][..], &[0, 36, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &udp()].concat(),
        ethernet(0x0800, &fragment),
        ethernet(0x0800, &ipv4(47, &[&[0, 0, 8, 0][..], &udp()].concat())),
        ethernet(0x0800, &ipv4(4, &udp())),
        ethernet(0x0800, &ipv4(51, &ah)),
        ethernet(0x0800, &ipv4(1, &[8, 0, 0, 0])),
        ethernet(0x86dd, &ipv6(0, &extended.concat())),
        ethernet(0x0806, &[0; 28]),
        ethernet(0x0800, &udp()[..12]),
        Vec::new(),
    ]
}
