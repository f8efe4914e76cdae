//! Where captured time begins: with the first packet that has a timestamp, whatever its file.
//!
//! From then on a packet's time is a number of nanoseconds since that packet. A packet captured before it counts as
//! captured with it, and one captured more than a century after it as captured at the end of that century, so that a
//! damaged timestamp overflows nothing.
//!
//! Cost: a subtraction.

use std::time::Duration;

/// The clock stands still here: far beyond any capture, far below what clocks overflow at.
pub(crate) const END: Duration = Duration::from_secs(100 * 365 * 86_400);

/// The time of the first packet, and that of the last one seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epoch {
    start: Option<Duration>,
    last_nanos: u64,
}

impl Epoch {
    /// The first timestamp, as time since 1970.
    #[must_use]
    pub fn start(&self) -> Option<Duration> {
        self.start
    }

    /// Nanoseconds from the first timestamp to this one, which is a time since 1970. A packet without a timestamp was
    /// captured when the one before it was.
    pub fn nanos_at(&mut self, at: Option<Duration>) -> u64 {
        let Some(at) = at else {
            return self.last_nanos;
        };
        let start = *self.start.get_or_insert(at);
        let since = at.saturating_sub(start).min(END);
        // A century fits.
        self.last_nanos = since.as_secs() * 1_000_000_000 + u64::from(since.subsec_nanos());
        self.last_nanos
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_counted_from_the_first_timestamp() {
        let mut epoch = Epoch::default();
        assert_eq!((epoch.nanos_at(None), epoch.start()), (0, None));
        let at = Duration::from_millis(1_700_000_000_500);
        assert_eq!((epoch.nanos_at(Some(at)), epoch.start()), (0, Some(at)));
        let later = at + Duration::from_nanos(2_000_000_007);
        assert_eq!(epoch.nanos_at(Some(later)), 2_000_000_007);
        assert_eq!(epoch.nanos_at(None), 2_000_000_007);
        assert_eq!(epoch.nanos_at(Some(Duration::ZERO)), 0);
    }

    #[test]
    fn time_ends_after_a_century() {
        let mut epoch = Epoch::default();
        epoch.nanos_at(Some(Duration::ZERO));
        let end = u64::try_from(END.as_nanos()).unwrap();
        for at in [END, END + Duration::from_nanos(1), Duration::MAX] {
            assert_eq!(epoch.nanos_at(Some(at)), end);
        }
    }
}
