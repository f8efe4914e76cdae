//! Writes small captures in every variant of the two formats.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

/// The order of bytes in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endian {
    Little,
    Big,
}

impl Endian {
    fn u16(self, value: u16) -> [u8; 2] {
        if self == Self::Little {
            value.to_le_bytes()
        } else {
            value.to_be_bytes()
        }
    }

    fn u32(self, value: u32) -> [u8; 4] {
        if self == Self::Little {
            value.to_le_bytes()
        } else {
            value.to_be_bytes()
        }
    }

    fn u64(self, value: u64) -> [u8; 8] {
        if self == Self::Little {
            value.to_le_bytes()
        } else {
            value.to_be_bytes()
        }
    }
}

/// Magic numbers of pcap files.
pub(crate) const MICROSECONDS: u32 = 0xa1b2_c3d4;
pub(crate) const NANOSECONDS: u32 = 0xa1b2_3c4d;
pub(crate) const MODIFIED: u32 = 0xa1b2_cd34;

/// A pcap file of raw IP.
pub(crate) struct Pcap {
    endian: Endian,
    magic: u32,
    pub(crate) bytes: Vec<u8>,
}

impl Pcap {
    pub(crate) fn new(endian: Endian, magic: u32) -> Self {
        let mut bytes = Vec::new();
        bytes.extend(endian.u32(magic));
        bytes.extend(endian.u16(2));
        bytes.extend(endian.u16(4));
        [0, 0, 65_535, 101]
            .iter()
            .for_each(|field| bytes.extend(endian.u32(*field)));
        Self { endian, magic, bytes }
    }

    /// A packet of `wire` bytes, of which `data` was captured.
    pub(crate) fn packet(&mut self, seconds: u32, fraction: u32, wire: u32, data: &[u8]) -> &mut Self {
        let captured = u32::try_from(data.len()).unwrap();
        [seconds, fraction, captured, wire]
            .iter()
            .for_each(|field| self.bytes.extend(self.endian.u32(*field)));
        if self.magic == MODIFIED {
            self.bytes.extend([0; 8]);
        }
        self.bytes.extend(data);
        self
    }
}

/// A pcapng file.
pub(crate) struct Pcapng {
    endian: Endian,
    pub(crate) bytes: Vec<u8>,
}

impl Pcapng {
    pub(crate) fn new(endian: Endian) -> Self {
        let mut file = Self {
            endian,
            bytes: Vec::new(),
        };
        file.section();
        file
    }

    /// Starts a section; its length is not told.
    fn section(&mut self) {
        let body = [
            &self.endian.u32(0x1a2b_3c4d)[..],
            &self.endian.u16(1),
            &self.endian.u16(0),
            &[0xff; 8],
        ]
        .concat();
        self.block(0x0a0d_0d0a, &body);
    }

    /// Goes on in the other byte order.
    pub(crate) fn turn(&mut self) -> &mut Self {
        self.endian = if self.endian == Endian::Little {
            Endian::Big
        } else {
            Endian::Little
        };
        self.section();
        self
    }

    /// Describes an interface: `if_tsresol` as in the format, an offset in seconds.
    pub(crate) fn interface(&mut self, link: u16, resolution: u8, offset: i64) -> &mut Self {
        let mut body = [&self.endian.u16(link)[..], &[0; 6]].concat();
        body.extend(self.endian.u16(9));
        body.extend(self.endian.u16(1));
        body.extend([resolution, 0, 0, 0]);
        body.extend(self.endian.u16(14));
        body.extend(self.endian.u16(8));
        body.extend(self.endian.u64(offset.cast_unsigned()));
        body.extend([0; 4]);
        self.block(1, &body)
    }

    /// A packet of `wire` bytes, of which `data` was captured, with a comment.
    pub(crate) fn packet(&mut self, interface: u32, time: u64, wire: u32, data: &[u8]) -> &mut Self {
        let [high, low] = [time >> 32, time & 0xffff_ffff].map(|half| u32::try_from(half).unwrap());
        let captured = u32::try_from(data.len()).unwrap();
        let mut body = [interface, high, low, captured, wire]
            .map(|field| self.endian.u32(field))
            .concat();
        body.extend(data);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(self.endian.u16(1));
        body.extend(self.endian.u16(3));
        body.extend(*b"why\0\0\0\0\0");
        self.block(6, &body)
    }

    /// Any block.
    pub(crate) fn block(&mut self, kind: u32, body: &[u8]) -> &mut Self {
        let length = self.endian.u32(u32::try_from(body.len() + 12).unwrap());
        self.bytes.extend(self.endian.u32(kind));
        self.bytes.extend(length);
        self.bytes.extend(body);
        self.bytes.extend(length);
        self
    }
}

/// A UDP packet over IPv4, without payload: 28 bytes.
pub(crate) fn udp(source: ([u8; 4], u16), destination: ([u8; 4], u16)) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0];
    packet.extend(source.0);
    packet.extend(destination.0);
    packet.extend(source.1.to_be_bytes());
    packet.extend(destination.1.to_be_bytes());
    packet.extend([0, 8, 0, 0]);
    packet
}

pub(crate) const CLIENT: ([u8; 4], u16) = ([10, 0, 0, 1], 4000);
pub(crate) const SERVER: ([u8; 4], u16) = ([10, 0, 0, 2], 53);

/// A packet from the client to the server.
pub(crate) fn query() -> Vec<u8> {
    udp(CLIENT, SERVER)
}

/// A packet from the server to the client.
pub(crate) fn answer() -> Vec<u8> {
    udp(SERVER, CLIENT)
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
