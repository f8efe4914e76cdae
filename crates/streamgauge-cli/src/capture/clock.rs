//! How an interface counts time (pcapng's `if_tsresol` and `if_tsoffset`, draft-ietf-opsawg-pcapng, 4.2).
//!
//! `pcap-parser` offers a conversion too, which is not used: it knows no binary resolutions and cuts seconds to 32 bits.

use std::time::Duration;

const NANOSECONDS: u64 = 1_000_000_000;

/// Resolution and offset of an interface's timestamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InterfaceClock {
    resolution: Resolution,
    offset_seconds: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resolution {
    /// Units per second, at most a nanosecond each, and their length in nanoseconds.
    Decimal { per_second: u64, nanoseconds: u64 },
    /// Units of 10^-n s that are shorter than a nanosecond.
    Fine(u32),
    /// Units of 2^-n s.
    Binary(u32),
}

impl InterfaceClock {
    /// The clock that the two options describe.
    pub(super) fn new(if_tsresol: u8, offset_seconds: i64) -> Self {
        let exponent = u32::from(if_tsresol & 0x7f);
        let resolution = match exponent {
            _ if if_tsresol & 0x80 != 0 => Resolution::Binary(exponent),
            0..=9 => {
                let per_second = 10_u64.pow(exponent);
                Resolution::Decimal {
                    per_second,
                    nanoseconds: NANOSECONDS / per_second,
                }
            }
            _ => Resolution::Fine(exponent),
        };
        Self {
            resolution,
            offset_seconds,
        }
    }

    /// Time since 1970 of a timestamp; never before 1970.
    pub(super) fn time(self, units: u64) -> Duration {
        let time = match self.resolution {
            Resolution::Decimal {
                per_second,
                nanoseconds,
            } => {
                Duration::from_secs(units / per_second)
                    + Duration::from_nanos(units % per_second * nanoseconds)
            }
            Resolution::Fine(exponent) => {
                let shorter = 10_u64.checked_pow(exponent - 9);
                Duration::from_nanos(shorter.map_or(0, |shorter| units / shorter))
            }
            Resolution::Binary(exponent) => {
                let units = u128::from(units);
                // An exponent of 127 is the largest; the product below has at most 64 + 30 bits.
                let whole = units >> exponent;
                let rest = units - (whole << exponent);
                let nanoseconds = (rest * u128::from(NANOSECONDS)) >> exponent;
                Duration::from_secs(u64::try_from(whole).unwrap_or(u64::MAX))
                    + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(0))
            }
        };
        let offset = Duration::from_secs(self.offset_seconds.unsigned_abs());
        if self.offset_seconds < 0 {
            time.saturating_sub(offset)
        } else {
            time.saturating_add(offset)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resolution_converts() {
        let cases = [
            (6, 1_500_000, Duration::from_millis(1500)),
            (9, 1_500_000_000, Duration::from_millis(1500)),
            (0, 7, Duration::from_secs(7)),
            (3, 7, Duration::from_millis(7)),
            (12, 1_500_000_000_000, Duration::from_millis(1500)),
            (0x80 | 10, 1024 + 512, Duration::from_millis(1500)),
            (0x80, 7, Duration::from_secs(7)),
            (0x80 | 64, 1 << 63, Duration::from_millis(500)),
        ];
        for (resolution, units, time) in cases {
            assert_eq!(
                InterfaceClock::new(resolution, 0).time(units),
                time,
                "{resolution:#x}"
            );
        }
    }

    #[test]
    fn offsets_add_and_end_at_1970() {
        assert_eq!(InterfaceClock::new(0, 100).time(5), Duration::from_secs(105));
        assert_eq!(InterfaceClock::new(0, -3).time(5), Duration::from_secs(2));
        assert_eq!(InterfaceClock::new(0, -30).time(5), Duration::ZERO);
    }

    #[test]
    fn no_value_overflows() {
        for resolution in 0..=u8::MAX {
            for offset in [i64::MIN, 0, i64::MAX] {
                let clock = InterfaceClock::new(resolution, offset);
                assert!(clock.time(u64::MAX) >= clock.time(0));
            }
        }
    }
}
