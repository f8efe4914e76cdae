//! The classic format (draft-ietf-opsawg-pcap): a header of 24 bytes, then records.
//!
//! The header is read by `pcap-parser`. Records, four numbers and the packet, are read here: there is one for each packet,
//! and the crate's functions, called by pointer, took longer than all that is done with the result.

use std::time::Duration;

use pcap_parser::nom::{self, Offset};
use pcap_parser::{PcapHeader, parse_pcap_header};

use super::{Cause, Parsed, Record, fault};
use crate::decode::Link;

/// Length of the file's header.
pub(super) const HEADER_LENGTH: usize = 24;

/// Length of a record's header: seconds, fraction, captured and original length.
const RECORD_HEADER: usize = 16;

/// Length of a record's header in the "modified" format, which adds the interface, the protocol and the packet's type.
const MODIFIED_RECORD_HEADER: usize = 24;

/// What the header of a pcap file says.
#[derive(Debug)]
pub(super) struct Pcap {
    big_endian: bool,
    record_header: usize,
    link: Link,
    /// Nanoseconds in the unit of a timestamp's second half.
    fraction_nanoseconds: u32,
}

impl Pcap {
    /// Reads the header at the start of `data`, and gives its length; `None` where more has to be read.
    pub(super) fn open(data: &[u8]) -> Result<Option<(Self, usize)>, Cause> {
        match parse_pcap_header(data) {
            Ok((rest, header)) => Ok(Some((Self::new(&header)?, data.offset(rest)))),
            Err(nom::Err::Incomplete(_)) => Ok(None),
            Err(_) => Err(fault::foreign(data)),
        }
    }

    fn new(header: &PcapHeader) -> Result<Self, Cause> {
        if header.version_major != 2 {
            let version = format!("pcap version {}.{}", header.version_major, header.version_minor);
            return Err(Cause::Foreign(format!(
                "{version} is not known, all programs of today write 2.4"
            )));
        }
        let record_header = if header.is_modified_format() {
            MODIFIED_RECORD_HEADER
        } else {
            RECORD_HEADER
        };
        let fraction_nanoseconds = if header.is_nanosecond_precision() { 1 } else { 1000 };
        Ok(Self {
            big_endian: header.is_bigendian(),
            record_header,
            link: Link::of_pcap(header.network.0),
            fraction_nanoseconds,
        })
    }

    /// Reads the record at the start of `data`.
    #[inline]
    pub(super) fn parse(&self, data: &[u8]) -> Parsed {
        let Some([seconds, fraction, captured, wire_bytes]) = self.numbers(data) else {
            return Parsed::Cut(None);
        };
        let Some(end) = usize::try_from(captured)
            .ok()
            .and_then(|captured| self.record_header.checked_add(captured))
        else {
            return Parsed::Cut(Some(usize::MAX));
        };
        if data.len() < self.record_header {
            return Parsed::Cut(Some(self.record_header));
        }
        if data.len() < end {
            return Parsed::Cut(Some(end));
        }
        // A fraction of more than a second carries over: some programs wrote such, and the sum is what they meant.
        let fraction = u64::from(fraction) * u64::from(self.fraction_nanoseconds);
        let record = Record {
            at: Some(Duration::from_secs(seconds.into()) + Duration::from_nanos(fraction)),
            link: self.link,
            wire_bytes,
            data: self.record_header..end,
        };
        Parsed::Packet(record, end)
    }

    /// The four numbers that every record starts with.
    #[inline]
    fn numbers(&self, data: &[u8]) -> Option<[u32; 4]> {
        let (seconds, rest) = data.split_first_chunk()?;
        let (fraction, rest) = rest.split_first_chunk()?;
        let (captured, rest) = rest.split_first_chunk()?;
        let numbers = [seconds, fraction, captured, rest.first_chunk()?];
        Some(if self.big_endian {
            numbers.map(|number| u32::from_be_bytes(*number))
        } else {
            numbers.map(|number| u32::from_le_bytes(*number))
        })
    }
}
