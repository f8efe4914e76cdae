//! Numbers as the re-created system writes them: whole ones without decimals, others with three.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Writes JSON as serde_json does, but for fractions.
#[derive(Debug, Clone, Copy)]
struct ThreeDecimals;

impl Formatter for ThreeDecimals {
    fn write_f64<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        if value.fract() == 0.0 {
            write!(writer, "{value:.0}")
        } else {
            write!(writer, "{value:.3}")
        }
    }
}

/// Adds a value to a text that is JSON so far.
pub(super) fn write(text: &mut Vec<u8>, value: &impl Serialize) {
    // Into memory, and of text and numbers alone: neither half can fail. Were it to, the text would be no JSON, which its
    // reader tells.
    let _written = value.serialize(&mut Serializer::with_formatter(text, ThreeDecimals));
}

#[cfg(test)]
mod tests {
    use super::write;

    #[test]
    fn whole_numbers_have_no_decimals_and_others_three() {
        for (number, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (1.5, "1.500"),
            (1.0004, "1.000"),
            (1.9996, "2.000"),
            (0.0001, "0.000"),
            (1_234_567_890_123.25, "1234567890123.250"),
            (1e18, "1000000000000000000"),
            (f64::NAN, "null"),
        ] {
            let mut written = Vec::new();
            write(&mut written, &number);
            assert_eq!(String::from_utf8(written).unwrap(), text);
        }
    }
}
