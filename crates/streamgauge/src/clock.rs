//! Time, monotonic and wall, read here and nowhere else (P7).
//!
//! The collector never asks what time it is on a packet path. A tick is handed a [`Moment`]; so is a registration and a
//! close. With a [`ManualClock`] every answer of the crate is a function of the calls made.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use crate::sync::{Mutex, lock};

/// One reading of both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Nanoseconds of a clock that never falls, from an origin of its own.
    pub(crate) monotonic: u64,
    /// What a calendar shows; it may jump.
    pub(crate) wall: SystemTime,
}

impl Moment {
    /// The time that passed since an earlier reading of the monotonic clock; zero if it was not earlier.
    pub(crate) fn since(self, earlier_monotonic: u64) -> Duration {
        Duration::from_nanos(self.monotonic.saturating_sub(earlier_monotonic))
    }
}

/// A duration in nanoseconds, held at `u64::MAX`, which stands for never.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A moment in sixteen bytes, to be kept for each session. A calendar before 1970 counts as 1970, and after 2554 as then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// As [`Moment::monotonic`].
    pub(crate) monotonic: u64,
    /// In nanoseconds since 1970.
    wall: u64,
}

impl Stamp {
    pub(crate) fn wall(self) -> SystemTime {
        SystemTime::UNIX_EPOCH
            .checked_add(Duration::from_nanos(self.wall))
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

impl From<Moment> for Stamp {
    fn from(moment: Moment) -> Self {
        let since_1970 = moment.wall.duration_since(SystemTime::UNIX_EPOCH);
        Self {
            monotonic: moment.monotonic,
            wall: since_1970.map_or(0, nanos),
        }
    }
}

/// Nanoseconds as seconds. Exact to a microsecond for a century.
#[expect(
    clippy::cast_precision_loss,
    reason = "a span of time is only ever a divisor of a rate"
)]
pub(crate) fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

/// Where a collector reads the time.
#[derive(Debug, Clone)]
pub(crate) enum Clock {
    System,
    Manual(ManualClock),
}

impl Clock {
    pub(crate) fn now(&self) -> Moment {
        match self {
            Self::System => system_now(),
            Self::Manual(clock) => *lock(&clock.now),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the module that reads time")]
fn system_now() -> Moment {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let now = Instant::now();
    let origin = *ORIGIN.get_or_init(|| now);
    Moment {
        monotonic: nanos(now.saturating_duration_since(origin)),
        wall: SystemTime::now(),
    }
}

/// A clock that stands still until it is moved, for tests and for programs that bring a time of their own, such as that
/// of a packet capture.
///
/// Clones are the same clock.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use streamgauge::{Collector, CollectorConfig, ManualClock};
///
/// let clock = ManualClock::new(SystemTime::UNIX_EPOCH);
/// let collector = Collector::manual(CollectorConfig::default(), clock.clone());
/// collector.register_and_activate("client", "stream", "here", "there");
/// collector.ingress("client", 1_000);
/// clock.advance(Duration::from_secs(1));
/// collector.tick();
/// assert_eq!(collector.ingress_bitrate(), 8_000.0);
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock {
    now: Arc<Mutex<Moment>>,
}

impl ManualClock {
    /// A clock whose calendar shows `wall`.
    #[must_use]
    pub fn new(wall: SystemTime) -> Self {
        Self {
            now: Arc::new(Mutex::new(Moment { monotonic: 0, wall })),
        }
    }

    /// Moves both the monotonic clock and the calendar on by `step`.
    ///
    /// Either one stays where it is if it cannot show a time that late.
    pub fn advance(&self, step: Duration) {
        let mut now = lock(&self.now);
        now.monotonic = now.monotonic.saturating_add(nanos(step));
        now.wall = now.wall.checked_add(step).unwrap_or(now.wall);
    }

    /// Sets the calendar alone, forwards or back, as an administrator or NTP does. The monotonic clock does not move.
    pub fn set_wall(&self, wall: SystemTime) {
        lock(&self.now).wall = wall;
    }

    /// What the calendar shows.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        lock(&self.now).wall
    }

    /// How far the monotonic clock has moved since the clock was made.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(lock(&self.now).monotonic)
    }
}

impl Default for ManualClock {
    /// A clock whose calendar shows the start of 1970.
    fn default() -> Self {
        Self::new(SystemTime::UNIX_EPOCH)
    }
}
