//! The classic format (draft-ietf-opsawg-pcap): a header of 24 bytes, then records.

use std::time::Duration;

use pcap_parser::nom::{self, IResult, Needed, Offset};
use pcap_parser::{
    LegacyPcapBlock, PcapError, PcapHeader, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified,
    parse_pcap_header,
};

use super::{Cause, Parsed, Record, fault};
use crate::decode::Link;

/// Length of the file's header.
pub(super) const HEADER_LENGTH: usize = 24;

type ParseRecord = fn(&[u8]) -> IResult<&[u8], LegacyPcapBlock<'_>, PcapError<&[u8]>>;

/// What the header of a pcap file says.
#[derive(Debug)]
pub(super) struct Pcap {
    parse: ParseRecord,
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
        let parse: ParseRecord = if header.is_modified_format() {
            parse_pcap_frame_modified
        } else if header.is_bigendian() {
            parse_pcap_frame_be
        } else {
            parse_pcap_frame
        };
        let fraction_nanoseconds = if header.is_nanosecond_precision() { 1 } else { 1000 };
        Ok(Self {
            parse,
            link: Link::of_pcap(header.network.0),
            fraction_nanoseconds,
        })
    }

    /// Reads the record at the start of `data`.
    pub(super) fn parse(&self, data: &[u8]) -> Result<Parsed, Cause> {
        match (self.parse)(data) {
            Ok((rest, block)) => {
                let start = data.offset(block.data);
                // A fraction of more than a second carries over: some programs wrote such, and the sum is what they meant.
                let fraction = u64::from(block.ts_usec) * u64::from(self.fraction_nanoseconds);
                let record = Record {
                    at: Some(Duration::from_secs(block.ts_sec.into()) + Duration::from_nanos(fraction)),
                    link: self.link,
                    wire_bytes: block.origlen,
                    data: start..start + block.data.len(),
                };
                Ok(Parsed::Packet(record, data.offset(rest)))
            }
            Err(nom::Err::Incomplete(Needed::Size(missing))) => Ok(Parsed::Cut(
                (data.len() >= 16).then(|| data.len().saturating_add(missing.get())),
            )),
            Err(nom::Err::Incomplete(Needed::Unknown)) => Ok(Parsed::Cut(None)),
            Err(_) => Err(Cause::Malformed("a record cannot be understood".to_owned())),
        }
    }
}
