//! A limit on how often a complaint is logged.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The least time between two lines.
const SPACING: Duration = Duration::from_secs(10);

/// Lets one line through in so long, and says how many it kept back: what clients can cause must not fill the log.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<Spoken>);

#[derive(Debug, Default)]
struct Spoken {
    last: Option<Instant>,
    kept_back: u64,
}

impl Throttle {
    /// How many lines were kept back since the last one, where one may be written now.
    pub(crate) fn pass(&self) -> Option<u64> {
        let now = Instant::now();
        let mut spoken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spoken.last.is_some_and(|last| now.duration_since(last) < SPACING) {
            spoken.kept_back += 1;
            return None;
        }
        spoken.last = Some(now);
        Some(std::mem::take(&mut spoken.kept_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_passes_in_ten_seconds_and_says_how_many_did_not() {
        let throttle = Throttle::default();
        assert_eq!(throttle.pass(), Some(0));
        assert_eq!(throttle.pass(), None);
        assert_eq!(throttle.pass(), None);
        tokio::time::advance(SPACING).await;
        assert_eq!(throttle.pass(), Some(2));
        tokio::time::advance(SPACING).await;
        assert_eq!(throttle.pass(), Some(0));
    }
}
