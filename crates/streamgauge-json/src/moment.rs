//! A moment as RFC 3339 writes it. The one file that names jiff.

use std::fmt;
use std::time::SystemTime;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// A moment in UTC, to the millisecond, as RFC 3339 writes it. Beyond the years that it can write, the nearest one.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use streamgauge_json::Moment;
///
/// let moment = Moment::from(SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_250));
/// assert_eq!(moment.to_string(), "2023-11-14T22:13:20.250Z");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(Timestamp);

impl From<SystemTime> for Moment {
    fn from(time: SystemTime) -> Self {
        let nearest = if time < SystemTime::UNIX_EPOCH {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        };
        Self(Timestamp::try_from(time).unwrap_or(nearest))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::Moment;

    #[test]
    fn moments_have_three_decimals_and_none_is_beyond_writing() {
        let at = |seconds| Moment::from(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).to_string();
        assert_eq!(at(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(1 << 40), "9999-12-30T22:00:00.999Z");
    }
}
