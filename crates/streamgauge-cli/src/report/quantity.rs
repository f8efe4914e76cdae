//! Numbers as people read them: three digits and a unit prefix of 1000.

use std::fmt;

/// A number of some unit, shown as in `12.3 MB`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantity {
    value: f64,
    unit: &'static str,
}

const PREFIXES: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];

impl Quantity {
    /// A number of bytes.
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    pub(crate) fn bytes(bytes: u64) -> Self {
        Self {
            value: bytes as f64,
            unit: "B",
        }
    }

    /// A bitrate.
    pub(crate) fn bitrate(bits_per_second: f64) -> Self {
        Self {
            value: bits_per_second,
            unit: "bit/s",
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = self.value;
        let mut prefixes = PREFIXES.iter().peekable();
        let mut prefix = "";
        while let Some(next) = prefixes.next() {
            prefix = next;
            // What would be rounded to 1000 takes the next prefix.
            if value < 999.5 || prefixes.peek().is_none() {
                break;
            }
            value /= 1000.0;
        }
        let digits = match value {
            _ if prefix.is_empty() => 0,
            ..9.995 => 2,
            ..99.95 => 1,
            _ => 0,
        };
        f.pad(&format!("{value:.digits$} {prefix}{}", self.unit))
    }
}

/// A count with its thousands apart, as in `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

/// A number of things, in the singular where there is one.
pub(crate) fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", count(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_three_digits_at_least_and_at_most_above_1000() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (9_999, "10.0 kB"),
            (99_949, "99.9 kB"),
            (99_999, "100 kB"),
            (999_499, "999 kB"),
            (999_999, "1.00 MB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(Quantity::bytes(bytes).to_string(), text);
        }
        assert_eq!(Quantity::bitrate(0.4).to_string(), "0 bit/s");
        assert_eq!(Quantity::bitrate(1_234_567.0).to_string(), "1.23 Mbit/s");
        assert_eq!(count(1_234_567), "1,234,567");
    }
}
