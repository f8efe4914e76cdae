//! Time, read here and nowhere else.

use std::time::{Instant, SystemTime};

/// A clock that never falls.
#[expect(clippy::disallowed_methods, reason = "this is where the crate reads it")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "this is where the crate reads it")]
pub(crate) fn unix_seconds() -> u64 {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since_1970.map_or(0, |since| since.as_secs())
}
