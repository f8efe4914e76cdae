//! Bitrates as text: a number of bit/s, or with kbit, Mbit, Gbit of 1,000 each.

const EXPECTED: &str = "expected a number of bit/s, or units as in 500 kbit/s, 20 Mbit/s, 1.5 Gbit/s";

pub(super) fn parse(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no bitrate: {EXPECTED}");
    let trimmed = text.trim();
    let digits = trimmed
        .find(|sign: char| !sign.is_ascii_digit() && sign != '.')
        .unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits);
    let unit = unit.trim();
    let factor: u64 = match unit.strip_suffix("/s").unwrap_or(unit) {
        "" if unit.is_empty() => 1,
        "bit" => 1,
        "kbit" => 1_000,
        "Mbit" => 1_000_000,
        "Gbit" => 1_000_000_000,
        _ => return Err(wrong()),
    };
    // In whole numbers, so that what is written is what is kept to.
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || number.ends_with('.') {
        return Err(wrong());
    }
    let mut bitrate = whole
        .parse::<u64>()
        .ok()
        .and_then(|whole| whole.checked_mul(factor));
    let mut step = factor;
    for digit in part.bytes() {
        if !step.is_multiple_of(10) || !digit.is_ascii_digit() {
            return Err(wrong());
        }
        step /= 10;
        bitrate = bitrate.and_then(|bitrate| bitrate.checked_add(step * u64::from(digit - b'0')));
    }
    bitrate.ok_or_else(wrong)
}

pub(super) fn show(bitrate: u64) -> String {
    match bitrate {
        0 => "0".to_owned(),
        _ if bitrate.is_multiple_of(1_000_000) => format!("{} Mbit/s", bitrate / 1_000_000),
        _ if bitrate.is_multiple_of(1_000) => format!("{} kbit/s", bitrate / 1_000),
        _ => format!("{bitrate} bit/s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bitrates_are_read_and_shown() {
        let cases = [
            ("0", 0),
            ("64", 64),
            ("64 bit/s", 64),
            ("500kbit", 500_000),
            ("20 Mbit/s", 20_000_000),
            ("1.5 Gbit/s", 1_500_000_000),
            ("0.001 kbit", 1),
        ];
        for (text, bitrate) in cases {
            assert_eq!(parse(text), Ok(bitrate), "{text}");
            assert_eq!(parse(&show(bitrate)), Ok(bitrate), "{text}");
        }
    }

    #[test]
    fn what_is_no_bitrate_is_refused() {
        let cases = [
            "",
            "bit",
            "-1",
            "1.",
            ".5",
            "1.2.3 Mbit",
            "0.5",
            "1 Mb",
            "1 MB/s",
            "1 kbit/",
            "1/s",
            "99999999999 Gbit",
        ];
        for text in cases {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
