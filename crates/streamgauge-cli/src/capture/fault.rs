//! What can be wrong with a capture, in words that name the place, the cause and, where there is one, the remedy.

use std::io;

/// A fault and where in the (decompressed) input it is.
#[derive(Debug, thiserror::Error)]
#[error("at byte {offset}: {cause}")]
pub struct Fault {
    /// Offset of the record that is at fault, or of the byte that could not be read.
    pub offset: u64,
    /// What is wrong with it.
    pub cause: Cause,
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The operating system or the decompressor gave an error.
    #[error("cannot read on: {0}")]
    Unreadable(io::Error),
    /// There is nothing in the input.
    #[error("the input is empty, a capture has at least a header")]
    Empty,
    /// The input is something else.
    #[error("{0}")]
    Foreign(String),
    /// The input ends within a record.
    #[error(
        "the capture is cut off: {there} bytes are left of a record{}; it was probably copied or stopped while being written",
        length.map_or_else(String::new, |length| format!(" of {length}"))
    )]
    CutOff {
        /// Bytes left.
        there: usize,
        /// Bytes that the record has, where its header is there to tell.
        length: Option<usize>,
    },
    /// A record is larger than records are.
    #[error(
        "a record claims {length} bytes, which no capture program writes: the file is damaged from here on"
    )]
    TooLarge {
        /// The claimed length.
        length: usize,
    },
    /// A record contradicts itself or the format.
    #[error("{0}: the file is damaged from here on")]
    Malformed(String),
}

/// First bytes of what is taken for captures by mistake, what it is, and what makes a capture of it.
const FOREIGN: &[(&[u8], &str)] = &[
    (
        b"\x28\xb5\x2f\xfd",
        "zstd-compressed: replay the output of `zstd -dc FILE`",
    ),
    (b"\xfd7zXZ", "xz-compressed: replay the output of `xz -dc FILE`"),
    (b"BZh", "bzip2-compressed: replay the output of `bzip2 -dc FILE`"),
    (
        b"\x04\x22\x4d\x18",
        "lz4-compressed: replay the output of `lz4 -dc FILE`",
    ),
    (b"PK\x03\x04", "a zip archive: unpack it first"),
    (b"\x1f\x8b", "gzip within gzip: decompress it once more"),
    (
        b"snoop\0\0\0",
        "a snoop capture: convert it with `editcap -F pcapng FILE NEW`",
    ),
    (
        b"GMBU",
        "a Network Monitor capture: convert it with `editcap -F pcapng FILE NEW`",
    ),
    (
        b"RTSS",
        "a Network Monitor capture: convert it with `editcap -F pcapng FILE NEW`",
    ),
    (
        b"\xa1\xb2\xcd\x34",
        "a modified pcap in big-endian byte order: convert it with `editcap -F pcapng FILE NEW`",
    ),
];

/// The cause where an input ends before a header is complete.
pub(super) fn no_header(data: &[u8]) -> Cause {
    match data {
        [] => Cause::Empty,
        _ if data.len() >= 4 => Cause::CutOff {
            there: data.len(),
            length: Some(super::pcap::HEADER_LENGTH),
        },
        _ => foreign(data),
    }
}

/// The cause where an input starts like no capture.
pub(super) fn foreign(data: &[u8]) -> Cause {
    if let Some((_, what)) = FOREIGN.iter().find(|(magic, _)| data.starts_with(magic)) {
        return Cause::Foreign(format!("the input is {what}"));
    }
    let start: Vec<_> = data.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    Cause::Foreign(format!(
        "the input is neither pcap nor pcapng (it starts with {}); `editcap -F pcapng FILE NEW` converts other captures",
        start.join(" "),
    ))
}
