//! Reads pcap and pcapng, packet by packet, in memory that does not grow with the file.
//!
//! The formats are taken apart by `pcap-parser`, whose functions over slices tell "cut off" from "malformed" and copy
//! nothing. What there is once for each packet, a record in pcap and a plain packet block in pcapng, is taken apart here,
//! in a fraction of the time. The crate's own readers are not used: they lose the cause of a read error, read once and take a short read for a short
//! file, and know no limit for a record. A window of our own does that part here, and so knows the byte offset of
//! whatever goes wrong.
//!
//! The other crate that was looked at is pcap-file 3.0.0-rc.3: it ends a file at the first timestamp or length that is out
//! of the ordinary (a fraction of a second above 999999, more bytes than the snapshot length, a reserved field that is not
//! 0), tells no offset in pcap files, and does not know the "modified" pcap format.
//!
//! Cost: one copy from the file into the window; for pcapng one alloc for a packet that carries options.

mod clock;
mod fault;
mod pcap;
mod pcapng;
mod window;

use std::fmt;
use std::io::Read;
use std::ops::Range;
use std::time::Duration;

pub use fault::{Cause, Fault};

use crate::decode::Link;
use pcap::Pcap;
use pcapng::Pcapng;
use window::Window;

/// The largest record that is taken for real. Programs stop at 256 KiB, some special devices reach a few MiB.
const LARGEST_RECORD: usize = 16 << 20;

/// A captured packet, borrowed from the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Time since 1970, or `None` in the rare blocks without one.
    pub at: Option<Duration>,
    /// What the data starts with.
    pub link: Link,
    /// Bytes on the wire, at least those in `data` unless the file is odd.
    pub wire_bytes: u32,
    /// The bytes that were captured.
    pub data: &'a [u8],
}

/// Where a packet lies in the window, and what its record says of it.
#[derive(Debug, PartialEq, Eq)]
struct Record {
    at: Option<Duration>,
    link: Link,
    wire_bytes: u32,
    data: Range<usize>,
}

/// What a format makes of the start of the window.
#[derive(Debug, PartialEq, Eq)]
enum Parsed {
    /// A packet, and the length of its whole record.
    Packet(Record, usize),
    /// Something else of this length.
    Other(usize),
    /// The record goes on after the window, to this length where that is known.
    Cut(Option<usize>),
}

/// The two families of formats.
#[derive(Debug)]
enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// Reads the packets of one capture.
///
/// # Examples
///
/// ```
/// use streamgauge_cli::capture::CaptureReader;
///
/// let empty_pcap = [
///     0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0,
/// ];
/// let mut reader = CaptureReader::open(&empty_pcap[..])?;
/// assert!(reader.next_packet()?.is_none());
/// # Ok::<(), streamgauge_cli::capture::Fault>(())
/// ```
pub struct CaptureReader<R> {
    window: Window<R>,
    format: Format,
}

impl<R: Read> CaptureReader<R> {
    /// Reads the file's header and sees which format it is.
    ///
    /// # Errors
    ///
    /// The input cannot be read, is empty, or is no capture.
    pub fn open(input: R) -> Result<Self, Fault> {
        let mut window = Window::new(input);
        let format = loop {
            match Self::detect(window.data()) {
                Ok(Some((format, length))) => {
                    window.consume(length);
                    break format;
                }
                Ok(None) if window.fill()? == 0 => return Err(window.fault(fault::no_header(window.data()))),
                Ok(None) => {}
                Err(cause) => return Err(window.fault(cause)),
            }
        };
        Ok(Self { window, format })
    }

    /// The format of a file that starts with `data`, and the length of its header; `None` where more has to be read.
    fn detect(data: &[u8]) -> Result<Option<(Format, usize)>, Cause> {
        let Some(magic) = data.first_chunk::<4>() else {
            return Ok(None);
        };
        if *magic == pcapng::MAGIC {
            // The section header is a block like any other.
            return Ok(Some((Format::Pcapng(Pcapng::default()), 0)));
        }
        Ok(Pcap::open(data)?.map(|(pcap, length)| (Format::Pcap(pcap), length)))
    }

    /// The next packet, or `None` at the end of the capture.
    ///
    /// # Errors
    ///
    /// The input cannot be read, ends within a record, or is malformed. The reader stays where it is: the same fault
    /// follows again.
    #[inline]
    pub fn next_packet(&mut self) -> Result<Option<Packet<'_>>, Fault> {
        loop {
            let data = self.window.data();
            let parsed = match &mut self.format {
                Format::Pcap(pcap) => Ok(pcap.parse(data)),
                Format::Pcapng(pcapng) => pcapng.parse(data),
            };
            match parsed {
                Ok(Parsed::Packet(record, length)) => {
                    let Record {
                        at,
                        link,
                        wire_bytes,
                        data,
                    } = record;
                    let data = self.window.consume(length).get(data).unwrap_or_default();
                    return Ok(Some(Packet {
                        at,
                        link,
                        wire_bytes,
                        data,
                    }));
                }
                Ok(Parsed::Other(length)) => {
                    self.window.consume(length);
                }
                Ok(Parsed::Cut(Some(length))) if length > LARGEST_RECORD => {
                    return Err(self.window.fault(Cause::TooLarge { length }));
                }
                Ok(Parsed::Cut(length)) => {
                    if self.window.fill()? == 0 {
                        let there = self.window.data().len();
                        if there == 0 {
                            return Ok(None);
                        }
                        return Err(self.window.fault(Cause::CutOff { there, length }));
                    }
                }
                Err(cause) => return Err(self.window.fault(cause)),
            }
        }
    }

    /// Bytes read so far, of the decompressed input.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.window.offset()
    }
}

impl<R> fmt::Debug for CaptureReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptureReader")
            .field("format", &self.format)
            .field("offset", &self.window.offset())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads to the end or the first fault; counts packets.
    fn drain(input: &[u8]) -> Result<usize, Fault> {
        let mut reader = CaptureReader::open(input)?;
        let mut packets = 0;
        while reader.next_packet()?.is_some() {
            packets += 1;
        }
        Ok(packets)
    }

    fn block(kind: u32, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 12).unwrap().to_le_bytes();
        [&kind.to_le_bytes()[..], &length, body, &length].concat()
    }

    fn pcapng(blocks: &[Vec<u8>]) -> Vec<u8> {
        let section = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
        let mut file = block(0x0a0d_0d0a, &section);
        blocks.iter().for_each(|b| file.extend(b));
        file
    }

    fn interface() -> Vec<u8> {
        block(1, &[101, 0, 0, 0, 0, 0, 4, 0])
    }

    fn enhanced(interface: u32, captured: u32) -> Vec<u8> {
        let fields = [interface, 0, 0, captured, 60].map(u32::to_le_bytes).concat();
        block(6, &[&fields[..], &[7; 8]].concat())
    }

    #[test]
    fn a_packet_of_an_interface_never_described_is_a_fault() {
        let file = pcapng(&[interface(), enhanced(0, 8), enhanced(1, 8)]);
        let fault = drain(&file).unwrap_err();
        assert_eq!(fault.offset, 28 + 20 + 40);
        assert!(fault.to_string().contains("interface 1"), "{fault}");
    }

    #[test]
    fn a_packet_longer_than_its_block_is_a_fault_and_no_wait_for_more() {
        let file = pcapng(&[interface(), enhanced(0, 4000), vec![0; 9000]]);
        let fault = drain(&file).unwrap_err();
        assert_eq!(fault.offset, 28 + 20);
        assert!(matches!(fault.cause, Cause::Malformed(_)), "{fault}");
    }

    #[test]
    fn a_record_of_gigabytes_is_refused_before_it_is_read() {
        let huge = [&6_u32.to_le_bytes()[..], &0x7000_0000_u32.to_le_bytes()].concat();
        let fault = drain(&pcapng(&[interface(), huge])).unwrap_err();
        assert!(
            matches!(fault.cause, Cause::TooLarge { length: 0x7000_0000 }),
            "{fault}"
        );
    }

    #[test]
    fn simple_and_obsolete_packet_blocks_are_packets() {
        let simple = block(3, &[&60_u32.to_le_bytes()[..], &[7; 8]].concat());
        let old = block(
            2,
            &[
                &[0; 4][..],
                &[0, 0, 0, 1].map(u32::to_le_bytes).concat()[..8],
                &[8, 0, 0, 0, 60, 0, 0, 0],
                &[7; 8],
            ]
            .concat(),
        );
        let file = pcapng(&[interface(), simple, old]);
        let mut reader = CaptureReader::open(&file[..]).unwrap();
        let first = reader.next_packet().unwrap().unwrap();
        assert_eq!((first.at, first.wire_bytes, first.data), (None, 60, &[7; 8][..]));
        let second = reader.next_packet().unwrap().unwrap();
        assert_eq!(
            (second.at, second.wire_bytes, second.data),
            (Some(Duration::ZERO), 60, &[7; 8][..])
        );
        assert!(reader.next_packet().unwrap().is_none());
    }

    #[test]
    fn a_new_section_forgets_the_interfaces_of_the_last() {
        let mut file = pcapng(&[interface(), enhanced(0, 8)]);
        file.extend(pcapng(&[enhanced(0, 8)]));
        let fault = drain(&file).unwrap_err();
        assert_eq!(fault.offset, 28 + 20 + 40 + 28);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            head in prop::sample::select(vec![
                vec![], pcapng(&[]), pcapng(&[interface()]), pcapng(&[interface(), enhanced(0, 8)]),
                vec![0xa1, 0xb2, 0xc3, 0xd4, 0, 2, 0, 4], vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0],
                vec![0x34, 0xcd, 0xb2, 0xa1, 2, 0, 4, 0], vec![0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0],
            ]),
            tail in prop::collection::vec(prop_oneof![Just(0_u8), Just(6), Just(32), any::<u8>()], 0..300),
        ) {
            let _ = drain(&[head, tail].concat());
        }

        #[test]
        fn one_damaged_byte_never_panics(at in 0_usize..88, value: u8) {
            let mut file = pcapng(&[interface(), enhanced(0, 8)]);
            file[at] = value;
            let _ = drain(&file);
        }
    }
}
