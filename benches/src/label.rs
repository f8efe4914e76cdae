//! Labels of sessions, made in place: one of 500 references, and a peer of its own for each session.

/// How many references there are.
pub const REFERENCES: u64 = 500;

/// A buffer that holds the labels of one session at a time.
#[derive(Clone, Debug)]
pub struct LabelBuffer {
    reference: [u8; 10],
    peer: [u8; 20],
}

impl Default for LabelBuffer {
    fn default() -> Self {
        Self {
            reference: *b"stream-000",
            peer: *b"10.000.000.000:40000",
        }
    }
}

impl LabelBuffer {
    /// The reference and the peer of session `number`: `stream-042` and `10.001.002.003:40000`.
    pub fn format(&mut self, number: u64) -> (&str, &str) {
        digits(&mut self.reference[7..10], number % REFERENCES);
        digits(&mut self.peer[3..6], number >> 16 & 0xFF);
        digits(&mut self.peer[7..10], number >> 8 & 0xFF);
        digits(&mut self.peer[11..14], number & 0xFF);
        digits(&mut self.peer[15..20], 40_000 + (number >> 24 & 0x3FFF));
        let text = |bytes| str::from_utf8(bytes).unwrap_or_default();
        (text(&self.reference), text(&self.peer))
    }
}

/// Writes `number` into all of `place`, with leading zeros.
pub(crate) fn digits(place: &mut [u8], number: u64) {
    let mut rest = number;
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::LabelBuffer;

    #[test]
    fn labels_are_formatted_in_place() {
        let mut label = LabelBuffer::default();
        assert_eq!(label.format(0x1_0203), ("stream-051", "10.001.002.003:40000"));
        assert_eq!(label.format(1), ("stream-001", "10.000.000.001:40000"));
    }
}
