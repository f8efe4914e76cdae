//! The id of a session as a segment of a path.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde::{Serialize, Serializer};

/// What stands for itself in every part of an address: RFC 3986 calls it unreserved.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The bytes of an id, percent-encoded: one path segment, whatever bytes they are. Reading it back gives the same bytes,
/// where the text that an id is shown as is for people.
///
/// ```
/// use streamgauge_json::EncodedId;
///
/// assert_eq!(EncodedId::new(b"a/b \xff").to_string(), "a%2Fb%20%FF");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodedId<'a>(&'a [u8]);

impl<'a> EncodedId<'a> {
    /// The id of these bytes.
    #[must_use]
    pub fn new(id: &'a [u8]) -> Self {
        Self(id)
    }
}

impl fmt::Display for EncodedId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&percent_encode(self.0, ENCODED), f)
    }
}

impl Serialize for EncodedId<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;

    use super::EncodedId;

    #[test]
    fn every_byte_comes_back_and_none_ends_the_segment() {
        let all: Vec<u8> = (0..=255).collect();
        let encoded = EncodedId::new(&all).to_string();
        assert_eq!(percent_decode_str(&encoded).collect::<Vec<u8>>(), all);
        assert!(!encoded.contains(['/', '?', '#', ' ']) && encoded.is_ascii());
    }
}
