//! The newer format (draft-ietf-opsawg-pcapng): sections of blocks, each section with its own byte order and interfaces.
//!
//! Blocks are read by `pcap-parser`, but for the one that there is for each packet, in its plainest form.

use std::time::Duration;

use pcap_parser::nom::{self, Offset};
use pcap_parser::pcapng::{
    Block, IDB_MAGIC, InterfaceDescriptionBlock, UnknownBlock, parse_block_be, parse_block_le,
};
use pcap_parser::traits::PcapNGPacketBlock;

use super::clock::InterfaceClock;
use super::{Cause, Parsed, Record};
use crate::decode::Link;

/// The first bytes of every pcapng file, in either byte order.
pub(super) const MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// The block type of packets in files from before 2010, which `pcap-parser` hands out as an unknown block.
const OBSOLETE_PACKET: u32 = 2;

/// The block type of packets since then.
const ENHANCED_PACKET: u32 = 6;

/// Length of an enhanced packet block before the packet: type, length, interface, time in two halves, two lengths.
const PACKET_HEADER: usize = 28;

/// More interfaces in one section than this is a damaged or hostile file, not a machine.
const MOST_INTERFACES: usize = 1 << 16;

/// The interfaces of the current section, and its byte order.
#[derive(Debug, Default)]
pub(super) struct Pcapng {
    big_endian: bool,
    interfaces: Vec<Interface>,
}

/// What an interface description says.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: Link,
    clock: InterfaceClock,
    /// Longest captured packet; 0 is no limit.
    snapshot_length: u32,
}

/// The lengths of a packet: captured and on the wire.
struct Lengths(usize, u32);

impl Pcapng {
    /// Reads the block at the start of `data`.
    #[inline]
    pub(super) fn parse(&mut self, data: &[u8]) -> Result<Parsed, Cause> {
        match self.parse_plain_packet(data) {
            Some((record, length)) => Ok(Parsed::Packet(record, length)),
            None => self.parse_any(data),
        }
    }

    /// Reads an enhanced packet block without options, which most blocks of most files are, if all of it is there and
    /// nothing about it is odd.
    #[inline]
    fn parse_plain_packet(&self, data: &[u8]) -> Option<(Record, usize)> {
        let (header, rest) = data.split_first_chunk::<PACKET_HEADER>()?;
        let (fields, _) = header.as_chunks::<4>();
        let [kind, length, interface, high, low, captured, wire_bytes] = *fields.first_chunk::<7>()?;
        let [kind, length, interface, high, low, captured, wire_bytes] =
            [kind, length, interface, high, low, captured, wire_bytes].map(|field| self.number(field));
        let captured = usize::try_from(captured).ok()?;
        let padded = captured.checked_next_multiple_of(4)?;
        let length_again = self.number(*rest.get(padded..)?.first_chunk()?);
        let whole = padded.checked_add(PACKET_HEADER + 4)?;
        if kind != ENHANCED_PACKET || length != length_again || usize::try_from(length) != Ok(whole) {
            return None;
        }
        let units = u64::from(high) << 32 | u64::from(low);
        let lengths = Lengths(captured, wire_bytes);
        let record = self.record(interface, Some(units), PACKET_HEADER, lengths);
        Some((record.ok()?, whole))
    }

    /// Reads a block of any type and in any state.
    fn parse_any(&mut self, data: &[u8]) -> Result<Parsed, Cause> {
        let parse = if self.big_endian {
            parse_block_be
        } else {
            parse_block_le
        };
        let (rest, block) = match parse(data) {
            Ok(parsed) => parsed,
            Err(nom::Err::Incomplete(_)) => return self.cut(data),
            Err(_) => return Err(self.damaged(data)),
        };
        let length = data.offset(rest);
        let record = match &block {
            Block::EnhancedPacket(packet) => {
                let units = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                let captured = packet.packet_data();
                let lengths = Lengths(captured.len(), packet.origlen);
                Some(self.record(packet.if_id, Some(units), data.offset(captured), lengths)?)
            }
            Block::SimplePacket(packet) => {
                let captured = packet.packet_data();
                let limit = self.interface(0)?.snapshot_length;
                let limit = if limit == 0 {
                    usize::MAX
                } else {
                    usize::try_from(limit).unwrap_or(usize::MAX)
                };
                let lengths = Lengths(captured.len().min(limit), packet.origlen);
                Some(self.record(0, None, data.offset(captured), lengths)?)
            }
            Block::Unknown(unknown) if self.block_type(data) == Some(OBSOLETE_PACKET) => {
                Some(self.obsolete(unknown, data)?)
            }
            Block::InterfaceDescription(description) => {
                self.describe_interface(description)?;
                None
            }
            Block::SectionHeader(header) => {
                self.big_endian = header.big_endian();
                self.interfaces.clear();
                None
            }
            _ => None,
        };
        Ok(record.map_or(Parsed::Other(length), |record| Parsed::Packet(record, length)))
    }

    fn describe_interface(&mut self, description: &InterfaceDescriptionBlock<'_>) -> Result<(), Cause> {
        if self.interfaces.len() >= MOST_INTERFACES {
            return Err(Cause::Malformed(format!(
                "a section describes more than {MOST_INTERFACES} interfaces"
            )));
        }
        // pcap-parser reads the offset as little-endian in either byte order.
        let little_endian = description.block_type == IDB_MAGIC;
        let offset = if little_endian {
            description.if_tsoffset
        } else {
            description.if_tsoffset.swap_bytes()
        };
        self.interfaces.push(Interface {
            link: Link(description.linktype.0.cast_unsigned()),
            clock: InterfaceClock::new(description.if_tsresol, offset),
            snapshot_length: description.snaplen,
        });
        Ok(())
    }

    fn interface(&self, id: u32) -> Result<&Interface, Cause> {
        let interface = usize::try_from(id).ok().and_then(|id| self.interfaces.get(id));
        interface.ok_or_else(|| {
            let described = self.interfaces.len();
            Cause::Malformed(format!(
                "a packet of interface {id}, but {described} are described before it"
            ))
        })
    }

    fn record(
        &self,
        interface: u32,
        units: Option<u64>,
        start: usize,
        Lengths(captured, wire_bytes): Lengths,
    ) -> Result<Record, Cause> {
        let interface = self.interface(interface)?;
        let at: Option<Duration> = units.map(|units| interface.clock.time(units));
        Ok(Record {
            at,
            link: interface.link,
            wire_bytes,
            data: start..start + captured,
        })
    }

    /// The packet in an obsolete packet block (draft-ietf-opsawg-pcapng, appendix on obsolete blocks): interface and drops
    /// of 16 bits each, then timestamp and lengths as in an enhanced packet block.
    fn obsolete(&self, block: &UnknownBlock<'_>, data: &[u8]) -> Result<Record, Cause> {
        let field = |index: usize| {
            block
                .data
                .get(index * 4..)?
                .first_chunk()
                .map(|bytes| self.number(*bytes))
        };
        let fields = || Some((field(0)?, field(1)?, field(2)?, field(3)?, field(4)?));
        let malformed = || Cause::Malformed("an obsolete packet block cannot be understood".to_owned());
        let (ends, high, low, captured, wire_bytes) = fields().ok_or_else(malformed)?;
        let interface = if self.big_endian {
            ends >> 16
        } else {
            ends & 0xffff
        };
        let units = u64::from(high) << 32 | u64::from(low);
        let captured = usize::try_from(captured)
            .ok()
            .and_then(|length| block.data.get(20..)?.get(..length));
        let captured = captured.ok_or_else(malformed)?;
        self.record(
            interface,
            Some(units),
            data.offset(captured),
            Lengths(captured.len(), wire_bytes),
        )
    }

    /// What it means that the parser asks for more: that the window ends within the block, or, where the block is all
    /// there, that something in it is longer than the block.
    fn cut(&self, data: &[u8]) -> Result<Parsed, Cause> {
        match self.block_length(data) {
            // More would not help: a block has its type and its length, twice.
            Some(length) if length < 12 => Err(self.damaged(data)),
            Some(length) if length <= data.len() && data.len() >= 12 => Err(Cause::Malformed(format!(
                "{} is shorter than what it holds",
                self.describe(data)
            ))),
            length => Ok(Parsed::Cut(length.filter(|&length| length > data.len()))),
        }
    }

    fn damaged(&self, data: &[u8]) -> Cause {
        Cause::Malformed(format!("{} cannot be understood", self.describe(data)))
    }

    fn describe(&self, data: &[u8]) -> String {
        let kind = self.block_type(data).unwrap_or_default();
        let length = self.block_length(data).unwrap_or_default();
        format!("a block of type {kind:#x} and {length} bytes")
    }

    fn block_type(&self, data: &[u8]) -> Option<u32> {
        data.first_chunk().map(|bytes| self.number(*bytes))
    }

    /// The length in the header of the block at the start of `data`; a section header tells its own byte order.
    fn block_length(&self, data: &[u8]) -> Option<usize> {
        let length = *data.get(4..)?.first_chunk()?;
        let length = if data.starts_with(&MAGIC) {
            match *data.get(8..)?.first_chunk()? {
                [0x1a, 0x2b, 0x3c, 0x4d] => u32::from_be_bytes(length),
                _ => u32::from_le_bytes(length),
            }
        } else {
            self.number(length)
        };
        usize::try_from(length).ok()
    }

    fn number(&self, bytes: [u8; 4]) -> u32 {
        if self.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A section with two interfaces of different clocks.
    fn section(big_endian: bool) -> Pcapng {
        let interface = |resolution| Interface {
            link: Link::ETHERNET,
            clock: InterfaceClock::new(resolution, 0),
            snapshot_length: 0,
        };
        Pcapng {
            big_endian,
            interfaces: vec![interface(6), interface(9)],
        }
    }

    /// A plain packet block of interface 1, its packet of this length.
    fn plain(big_endian: bool, captured: u32) -> Vec<u8> {
        let padded = captured.next_multiple_of(4);
        let length = padded + 32;
        let number = |field: u32| {
            if big_endian {
                field.to_be_bytes()
            } else {
                field.to_le_bytes()
            }
        };
        let mut block = [ENHANCED_PACKET, length, 1, 5, 7, captured, captured + 9]
            .map(number)
            .concat();
        block.resize(block.len() + padded as usize, 0xab);
        block.extend(number(length));
        block
    }

    #[test]
    fn plain_packet_blocks_are_read_in_place_as_they_are_parsed() {
        for big_endian in [false, true] {
            for captured in [0, 1, 3, 4, 60] {
                let mut section = section(big_endian);
                let block = plain(big_endian, captured);
                let read = section.parse_plain_packet(&block);
                let (record, length) = read.expect("nothing about the block is odd");
                assert_eq!((record.data.len(), length), (captured as usize, block.len()));
                assert_eq!(section.parse_any(&block).unwrap(), Parsed::Packet(record, length));
                assert!(section.parse_plain_packet(&block[..block.len() - 1]).is_none());
            }
        }
    }

    #[test]
    fn a_block_too_short_to_be_one_has_one_cause_however_much_of_it_was_read() {
        for length in [0_u8, 8, 11] {
            let data = [&[1, 0, 0, 0, length, 0, 0, 0][..], &[0; 20]].concat();
            for read in 8..data.len() {
                let found = section(false).parse_any(&data[..read]);
                let Err(Cause::Malformed(cause)) = found else {
                    panic!("{read} bytes of a block of {length}: {found:?}");
                };
                assert!(
                    cause.ends_with("cannot be understood"),
                    "{read}, {length}: {cause}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_read_in_place_is_what_would_be_parsed(
            big_endian: bool,
            captured in 0_u32..20,
            damage in prop::collection::vec((0_usize..60, prop_oneof![Just(0_u8), Just(1), Just(4), any::<u8>()]), 0..3),
            cut in 0_usize..8,
        ) {
            let mut block = plain(big_endian, captured);
            for (at, value) in damage {
                if let Some(byte) = block.get_mut(at) {
                    *byte = value;
                }
            }
            block.extend([0; 4]);
            block.truncate(block.len() - cut);
            let mut section = section(big_endian);
            if let Some((record, length)) = section.parse_plain_packet(&block) {
                let parsed = section.parse_any(&block);
                prop_assert_eq!(parsed.ok(), Some(Parsed::Packet(record, length)));
            }
        }
    }
}
