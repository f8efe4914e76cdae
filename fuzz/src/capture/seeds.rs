//! Captures in every variant of the two formats, of every link type that the replay looks into, and the first packets of
//! the committed sample.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::frames;
use crate::seed::Seed;

/// The magic numbers of pcap, with names: of microseconds, of nanoseconds, and of a variant with longer records.
const MAGICS: [(&str, u32); 3] = [
    ("microseconds", 0xa1b2_c3d4),
    ("nanoseconds", 0xa1b2_3c4d),
    ("modified", 0xa1b2_cd34),
];

/// The packets that are taken from the sample, and how much of each.
const SAMPLE_PACKETS: usize = 60;
const SAMPLE_LENGTH: usize = 80;

pub(super) fn all() -> Vec<Seed> {
    let mut seeds = vec![Seed::new("sample", sample())];
    for big_endian in [false, true] {
        let order = Order { big_endian };
        for (name, magic) in MAGICS {
            let file = order.pcap(
                magic,
                1,
                &[(5, frames::ethernet(0x0800, &frames::udp())), (6, frames::back())],
            );
            seeds.push(order.seed(&format!("pcap-{name}"), file));
        }
        seeds.push(order.seed("pcapng", order.pcapng()));
        seeds.push(order.seed("pcapng-simple-and-obsolete", order.pcapng_old()));
    }
    let little = Order { big_endian: false };
    for (link, frame) in frames::of_every_link() {
        let file = little.pcap(0xa1b2_c3d4, link, &[(1, frame.clone()), (1, frame)]);
        seeds.push(Seed::new(format!("link-{link}"), file));
    }
    let oddities: Vec<_> = frames::odd().into_iter().map(|frame| (1, frame)).collect();
    seeds.push(Seed::new("odd-frames", little.pcap(0xa1b2_c3d4, 1, &oddities)));
    let times = [0, 3, 40, 39, u32::MAX, 7];
    let packets: Vec<_> = times.iter().map(|at| (*at, frames::back())).collect();
    let jumps = little.pcap(0xa1b2_c3d4, 1, &packets);
    seeds.push(Seed::new("pcap-cut", &jumps[..jumps.len() - 9]));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&jumps).unwrap();
    seeds.push(Seed::new("pcap-of-jumping-times", jumps));
    seeds.push(Seed::new("pcap-in-gzip", gzip.finish().unwrap()));
    let turned = [little.pcapng(), Order { big_endian: true }.pcapng()].concat();
    seeds.push(Seed::new("pcapng-of-two-sections", turned));
    let mut huge = little.pcap(0xa1b2_c3d4, 1, &[]);
    huge.extend([1, 0, u32::MAX, 60].map(u32::to_le_bytes).concat());
    seeds.push(Seed::new("pcap-of-a-record-of-gigabytes", huge));
    seeds.push(Seed::new("nothing", []));
    seeds
}

/// The first packets of the sample, cut.
fn sample() -> Vec<u8> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/streamgauge-cli/samples/hls-loopback.pcap");
    let whole = fs::read(path).unwrap();
    let (mut cut, mut at) = (whole[..24].to_vec(), 24);
    for _ in 0..SAMPLE_PACKETS {
        let length = u32::from_le_bytes(*whole[at + 8..].first_chunk().unwrap()) as usize;
        let kept = length.min(SAMPLE_LENGTH);
        cut.extend(&whole[at..at + 8]);
        cut.extend(u32::try_from(kept).unwrap().to_le_bytes());
        cut.extend(&whole[at + 12..at + 16 + kept]);
        at += 16 + length;
    }
    cut
}

/// An order of bytes to write in.
#[derive(Clone, Copy)]
struct Order {
    big_endian: bool,
}

impl Order {
    fn seed(self, name: &str, bytes: Vec<u8>) -> Seed {
        let order = if self.big_endian { "big" } else { "little" };
        Seed::new(format!("{name}-{order}-endian"), bytes)
    }

    fn u16(self, value: u16) -> [u8; 2] {
        if self.big_endian {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    }

    fn u32(self, value: u32) -> [u8; 4] {
        if self.big_endian {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    }

    fn numbers(self, values: &[u32]) -> Vec<u8> {
        values.iter().flat_map(|value| self.u32(*value)).collect()
    }

    /// A pcap of packets with their seconds; each was 20 bytes longer on the wire.
    fn pcap(self, magic: u32, link: u32, packets: &[(u32, Vec<u8>)]) -> Vec<u8> {
        let mut file = self.u32(magic).to_vec();
        file.extend(self.u16(2));
        file.extend(self.u16(4));
        file.extend(self.numbers(&[0, 0, 65_535, link]));
        for (seconds, frame) in packets {
            let length = u32::try_from(frame.len()).unwrap();
            file.extend(self.numbers(&[*seconds, 500_000, length, length + 20]));
            if magic == 0xa1b2_cd34 {
                file.extend([0; 8]);
            }
            file.extend(frame);
        }
        file
    }

    fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padded = body.len().next_multiple_of(4);
        let length = self.u32(u32::try_from(padded + 12).unwrap());
        let mut block = [&self.u32(kind)[..], &length, body].concat();
        block.resize(padded + 8, 0);
        block.extend(length);
        block
    }

    fn section(self) -> Vec<u8> {
        let body = [&self.u32(0x1a2b_3c4d)[..], &self.u16(1), &self.u16(0), &[0xff; 8]].concat();
        self.block(0x0a0d_0d0a, &body)
    }

    /// An interface with its timestamps' unit and an offset of an hour.
    fn interface(self, link: u16, resolution: u8, snapshot: u32) -> Vec<u8> {
        let offset: [u8; 8] = if self.big_endian {
            3600_u64.to_be_bytes()
        } else {
            3600_u64.to_le_bytes()
        };
        let body = [
            &self.u16(link)[..],
            &[0, 0],
            &self.u32(snapshot),
            &self.u16(9),
            &self.u16(1),
            &[resolution, 0, 0, 0],
            &self.u16(14),
            &self.u16(8),
            &offset,
            &[0; 4],
        ];
        self.block(1, &body.concat())
    }

    /// Two interfaces, a plain packet on each and one with a comment, and a block of names that is nobody's business.
    fn pcapng(self) -> Vec<u8> {
        let frame = frames::back();
        let length = u32::try_from(frame.len()).unwrap();
        let enhanced = |interface, low| {
            [
                self.numbers(&[interface, 1, low, length, length + 20]),
                frame.clone(),
            ]
            .concat()
        };
        let mut commented = enhanced(0, 9);
        commented.resize(commented.len().next_multiple_of(4), 0);
        commented.extend([&self.u16(1)[..], &self.u16(3), b"why\0", &[0; 4]].concat());
        [
            self.section(),
            self.interface(1, 6, 0),
            self.interface(1, 0x80 | 20, 96),
            self.block(6, &enhanced(0, 5)),
            self.block(4, &[0; 4]),
            self.block(6, &enhanced(1, 7)),
            self.block(6, &commented),
        ]
        .concat()
    }

    /// A simple packet, which has no time, and an obsolete one.
    fn pcapng_old(self) -> Vec<u8> {
        let frame = frames::back();
        let length = u32::try_from(frame.len()).unwrap();
        let simple = [self.numbers(&[length]), frame.clone()].concat();
        let obsolete = [
            self.u16(0).to_vec(),
            self.u16(0xffff).to_vec(),
            self.numbers(&[0, 5, length, length]),
            frame,
        ];
        [
            self.section(),
            self.interface(1, 9, 40),
            self.block(3, &simple),
            self.block(2, &obsolete.concat()),
        ]
        .concat()
    }
}
