//! The few values that operations draw from: ordinary ones first, since a failing case is shrunk towards them.
//!
//! The pools are small so that operations meet: the same id twice, a label that another session has, a step that is
//! exactly a timeout.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

const X_40: &[u8] = &[b'x'; 40];
const X_41: &[u8] = &[b'x'; 41];
const Y_1025: &[u8] = &[b'y'; 1025];

/// Ids: text, none at all, the longest that is kept inline and one byte more, what is no text, what is too long.
pub const IDS: [&[u8]; 10] = [
    b"a",
    b"b",
    b"c",
    b"d",
    b"",
    X_40,
    X_41,
    &[0xff, 0x00, 0xfe],
    b"a\n\\",
    Y_1025,
];

/// References, locations, peers and extras; peers may be one of [`ADDRESSED`] as well. Two of them are names of the history's own rows.
pub const TEXTS: [&str; 9] = [
    "l",
    "m",
    "",
    "unknown",
    "(other)",
    "(late)",
    "l:m",
    "a\u{f1}b\u{65e5}\u{672c}",
    "a label of thirty-two characters",
];

/// Peers that are addresses or networks, or nearly: the text, and which address it is, with how many bits of it.
pub const ADDRESSED: [(&str, Option<(IpAddr, u32)>); 16] = [
    ("198.51.100.7", V4_7),
    ("198.51.100.7:4711", V4_7),
    ("198.51.100.200:4711", v4([198, 51, 100, 200], 32)),
    ("::ffff:198.51.100.7", V4_7),
    ("[::ffff:198.51.100.7]:443", V4_7),
    ("198.51.100.0/24", v4([198, 51, 100, 0], 24)),
    ("198.51.100.7/16", v4([198, 51, 100, 7], 16)),
    ("255.255.255.255", v4([255; 4], 32)),
    ("2001:db8::7", V6_7),
    ("[2001:db8::7]:443", V6_7),
    (
        "2001:DB8:0:0:8000::7%eth0",
        v6([0x2001, 0xdb8, 0, 0, 0x8000, 0, 0, 7], 128),
    ),
    ("2001:db8::/64", v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 64)),
    ("[fe80::1%25eth0]", v6([0xfe80, 0, 0, 0, 0, 0, 0, 1], 128)),
    ("user@198.51.100.7", None),
    ("198.51.100.7.example:80", None),
    ("198.51.100", None),
];

const V4_7: Option<(IpAddr, u32)> = v4([198, 51, 100, 7], 32);
const V6_7: Option<(IpAddr, u32)> = v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7], 128);

const fn v4([a, b, c, d]: [u8; 4], bits: u32) -> Option<(IpAddr, u32)> {
    Some((IpAddr::V4(Ipv4Addr::new(a, b, c, d)), bits))
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], bits: u32) -> Option<(IpAddr, u32)> {
    Some((IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h)), bits))
}

/// Bytes of one call.
pub const AMOUNTS: [u64; 14] = [
    1,
    1_500,
    0,
    7,
    65_536,
    1_000_000,
    (1 << 32) - 1,
    1 << 32,
    (1 << 40) + 3,
    1 << 47,
    1 << 48,
    (1 << 48) + 1,
    1 << 63,
    u64::MAX,
];

/// How many calls of 2^48 bytes follow one another: to 2^61 bytes, to 2^62, and to just below and above.
pub const FILLS: [u32; 6] = [3, 8_191, 8_192, 8_193, 16_384, 16_385];

/// Tops to set, in bit/s, also such as are none.
pub const BITRATES: [f64; 16] = [
    1_000.0,
    0.0,
    1.5,
    0.25,
    2.5,
    123_456.5,
    1e6,
    8e12,
    8_796_093_022_208.0,
    1e300,
    f64::INFINITY,
    f64::NAN,
    -1.0,
    -0.0,
    f64::NEG_INFINITY,
    f64::MIN_POSITIVE,
];

/// Bitrates that an admission expects, in bit/s.
pub const EXPECTED: [u64; 7] = [1_000, 0, 1, 1_000_000, 1 << 43, (1 << 43) + 1, u64::MAX];

/// What tops are multiplied by before they are compared with a limit.
pub const HEADROOMS: [f64; 8] = [1.0, 0.0, 1.2, 0.5, 3.0, f64::INFINITY, f64::NAN, -1.0];

/// By how much the clock is moved, in nanoseconds: the intervals, windows and timeouts of the setups, and a little less
/// and more.
pub const STEPS: [u64; 20] = [
    1_000_000_000,
    0,
    1,
    999_999,
    1_000_000,
    100_000_000,
    500_000_000,
    999_999_999,
    1_000_000_001,
    1_500_000_000,
    2_000_000_000,
    2_500_000_000,
    3_000_000_000,
    4_999_999_999,
    5_000_000_000,
    7_000_000_000,
    10_000_000_000,
    30_000_000_000,
    3_600_000_000_000,
    31_536_000_000_000_000,
];

/// What the calendar is set to, in seconds since 1970.
pub const CALENDAR: [u64; 4] = [0, 86_400, 1_700_000_000, 4_000_000_000];

/// What is asked of a limiter, and whether the text is an address at all is for it to say.
pub const ADDRESSES: [&str; 12] = [
    "10.0.0.1",
    "10.1.2.3",
    "192.0.2.7",
    "::ffff:10.1.2.3",
    "::ffff:192.0.2.7",
    "2001:db8::1",
    "2001:db9::1",
    "::",
    "",
    "localhost",
    "10.0.0.1:80",
    "01.2.3.4",
];

/// What collectors are asked for under, in a registry, that is no id or none of theirs.
pub const STRANGERS: [&str; 5] = ["", "a b", "c", "\u{e9}", "zz"];

/// An id of [`IDS`], shown as its bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Id(pub usize);

impl Id {
    /// The bytes.
    #[must_use]
    pub fn bytes(self) -> &'static [u8] {
        IDS[self.0 % IDS.len()]
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bytes() {
            bytes if bytes.len() > 8 => write!(f, "{} x {:?}", bytes.len(), char::from(bytes[0])),
            bytes => write!(f, "\"{}\"", bytes.escape_ascii()),
        }
    }
}

/// A step of the clock.
#[must_use]
pub fn step(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}
