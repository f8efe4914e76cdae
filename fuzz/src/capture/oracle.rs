//! What a capture holds, read slowly from the formats' descriptions, sharing nothing with the code that is checked: all of
//! a classic pcap; of a pcapng, how many of its blocks can be packets.

use super::Seen;

/// The largest record that the replay takes for real.
const LARGEST_RECORD: usize = 16 << 20;

/// What the blocks are called that hold a packet: obsolete, simple, enhanced.
const PACKET_BLOCKS: [u32; 3] = [2, 3, 6];

/// That what was read is what is there.
pub(super) fn check(input: &[u8], seen: &Seen) {
    if input.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
        assert!(seen.packets <= packet_blocks(input), "more packets than blocks");
        return;
    }
    let Some((packets, wire_bytes, is_whole)) = classic(input) else {
        assert_eq!(seen.packets, 0, "packets of what is no capture");
        assert!(seen.fault.is_some() && !seen.recognized);
        return;
    };
    assert!(seen.recognized);
    assert_eq!((seen.packets, seen.wire_bytes), (packets, wire_bytes));
    assert_eq!(seen.fault.is_none(), is_whole, "{:?}", seen.fault);
}

/// The packets of a pcap and their bytes on the wire, and whether it ends after the last of them.
fn classic(input: &[u8]) -> Option<(u64, u64, bool)> {
    let magic = number(input, 0, false)?;
    let (big_endian, magic) = match magic {
        0xa1b2_c3d4 | 0xa1b2_3c4d | 0xa1b2_cd34 => (false, magic),
        _ => (true, magic.swap_bytes()),
    };
    let header = match magic {
        0xa1b2_c3d4 | 0xa1b2_3c4d => 16,
        // Those in the other byte order are sent to be converted.
        0xa1b2_cd34 if !big_endian => 24,
        _ => return None,
    };
    let version = number(input, 4, big_endian)?;
    let major = if big_endian {
        version >> 16
    } else {
        version & 0xffff
    };
    if major != 2 || input.len() < 24 {
        return None;
    }
    let (mut at, mut packets, mut wire_bytes) = (24, 0, 0);
    while at < input.len() {
        let Some(captured) = number(input, at + 8, big_endian) else {
            return Some((packets, wire_bytes, false));
        };
        let end = at + header + captured as usize;
        if end > input.len() || end - at > LARGEST_RECORD + input.len() {
            return Some((packets, wire_bytes, false));
        }
        packets += 1;
        wire_bytes += u64::from(number(input, at + 12, big_endian)?);
        at = end;
    }
    Some((packets, wire_bytes, true))
}

/// How many blocks of a pcapng can be packets, as far as their lengths make sense.
fn packet_blocks(input: &[u8]) -> u64 {
    let (mut at, mut big_endian, mut blocks) = (0, false, 0);
    while let Some(kind) = number(input, at, big_endian) {
        if kind == 0x0a0d_0d0a {
            big_endian = number(input, at + 8, true) == Some(0x1a2b_3c4d);
        }
        let Some(length) = number(input, at + 4, big_endian) else {
            break;
        };
        blocks += u64::from(PACKET_BLOCKS.contains(&kind));
        at += (length as usize).next_multiple_of(4).max(12);
    }
    blocks
}

fn number(input: &[u8], at: usize, big_endian: bool) -> Option<u32> {
    let bytes = *input.get(at..)?.first_chunk()?;
    Some(if big_endian {
        u32::from_be_bytes(bytes)
    } else {
        u32::from_le_bytes(bytes)
    })
}
