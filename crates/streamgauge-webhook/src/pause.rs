//! How long to wait before a request is sent again.

use std::time::Duration;

/// Pauses that double up to a longest one, of which half is random: receivers that come back are not met by all who
/// waited for them at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pauses {
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
}

impl Pauses {
    /// The pause after so many attempts; `share` is what is random, from 0 to 1. A receiver that asks for more is given
    /// that, up to the longest pause.
    pub(crate) fn after(&self, attempts: u32, asked_for: Option<Duration>, share: f64) -> Duration {
        let doubled = 2_u32.saturating_pow(attempts.saturating_sub(1));
        let whole = self.first.saturating_mul(doubled).min(self.longest);
        let pause = whole.mul_f64(0.5 + share.clamp(0.0, 1.0) / 2.0);
        pause.max(asked_for.unwrap_or_default().min(self.longest))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Pauses;

    const PAUSES: Pauses = Pauses {
        first: Duration::from_millis(500),
        longest: Duration::from_secs(30),
    };

    fn ms(attempts: u32, asked_for: Option<u64>, share: f64) -> u128 {
        let asked_for = asked_for.map(Duration::from_secs);
        PAUSES.after(attempts, asked_for, share).as_millis()
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_half_of_them_is_random() {
        let least = [1, 2, 3, 7, 8, 9, u32::MAX].map(|attempts| ms(attempts, None, 0.0));
        assert_eq!(least, [250, 500, 1_000, 15_000, 15_000, 15_000, 15_000]);
        let most = [1, 2, 3, 7, 8].map(|attempts| ms(attempts, None, 1.0));
        assert_eq!(most, [500, 1_000, 2_000, 30_000, 30_000]);
        assert_eq!(ms(1, None, 0.5), 375);
    }

    #[test]
    fn a_receiver_may_ask_for_more_up_to_the_longest() {
        assert_eq!(ms(1, Some(7), 0.0), 7_000);
        assert_eq!(ms(1, Some(0), 0.0), 250);
        assert_eq!(ms(1, Some(86_400), 0.0), 30_000);
    }
}
