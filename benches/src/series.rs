//! One figure for each round, and what is said of them: the median, the least and the most.

use std::time::Duration;

/// Figures of one contestant, a figure for each round. Times are nanoseconds for one call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series(Vec<f64>);

impl Series {
    /// The figures themselves, in the order of the rounds.
    #[must_use]
    pub fn figures(&self) -> &[f64] {
        &self.0
    }

    /// Notes the figure of one more round.
    pub fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// Notes how long a round took for each of its calls.
    pub fn push_time(&mut self, time: Duration, calls: u64) {
        self.push(nanos(time) / real(calls.max(1)));
    }

    /// What is left, round by round, without what `other` took in the same round.
    ///
    /// A measurement of less than nothing is noise; it is held at a tenth of a nanosecond, so that ratios stay ratios.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.with(other, |own, other| (own - other).max(0.1))
    }

    /// The ratio to `other`, round by round.
    #[must_use]
    pub fn over(&self, other: &Self) -> Self {
        self.with(other, |own, other| own / other)
    }

    /// The smaller of both, round by round.
    #[must_use]
    pub fn least(&self, other: &Self) -> Self {
        self.with(other, f64::min)
    }

    /// Each figure divided by `divisor`.
    #[must_use]
    pub fn divided(&self, divisor: f64) -> Self {
        self.0.iter().map(|figure| figure / divisor).collect()
    }

    fn with(&self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Self {
        debug_assert_eq!(self.0.len(), other.0.len(), "both were in every round");
        Self(
            self.0
                .iter()
                .zip(&other.0)
                .map(|(&own, &other)| f(own, other))
                .collect(),
        )
    }

    /// The figure in the middle; between two, their mean. 0 without figures.
    #[must_use]
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match sorted.len() {
            0 => 0.0,
            length if length % 2 == 1 => sorted[middle],
            _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
        }
    }

    /// The smallest figure.
    #[must_use]
    pub fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The largest figure.
    #[must_use]
    pub fn max(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

impl FromIterator<f64> for Series {
    fn from_iter<I: IntoIterator<Item = f64>>(figures: I) -> Self {
        Self(figures.into_iter().collect())
    }
}

/// A time in nanoseconds.
#[must_use]
pub fn nanos(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

/// A count as a number to divide by.
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
#[must_use]
pub fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::Series;

    fn series(figures: &[f64]) -> Series {
        figures.iter().copied().collect()
    }

    #[test]
    fn median_is_in_the_middle() {
        assert!((series(&[9.0, 1.0, 5.0]).median() - 5.0).abs() < 1e-9);
        assert!((series(&[9.0, 1.0, 5.0, 6.0]).median() - 5.5).abs() < 1e-9);
        assert!(series(&[]).median().abs() < 1e-9);
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // One slow round slows both, and no ratio shows it.
        let ratios = series(&[30.0, 300.0, 31.0]).minus(&series(&[10.0, 100.0, 10.0]));
        let ratios = ratios.over(&series(&[40.0, 400.0, 42.0]));
        assert_eq!(ratios, series(&[0.5, 0.5, 0.5]));
    }

    #[test]
    fn less_than_nothing_is_held_above_nothing() {
        assert_eq!(series(&[1.0]).minus(&series(&[2.0])), series(&[0.1]));
    }

    #[test]
    fn spread_is_from_least_to_most() {
        let spread = series(&[3.0, 1.0, 2.0]);
        assert!((spread.min() - 1.0).abs() < 1e-9 && (spread.max() - 3.0).abs() < 1e-9);
        assert_eq!(spread.least(&series(&[2.0, 2.0, 2.0])), series(&[2.0, 1.0, 2.0]));
    }
}
