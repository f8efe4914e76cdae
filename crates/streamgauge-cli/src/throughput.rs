//! The course of the meter's totals, thinned out so that it never needs more than a chart can show.

use std::time::Duration;

use crate::measurement::Sample;

/// Samples kept at most: two for each pixel of a wide chart.
const CAPACITY: usize = 4096;

/// Collects the totals of each summary and keeps the differences.
///
/// At 4096 samples neighbours are merged, so that memory stays the same for a capture of any length; the bytes
/// under the curve stay exact.
#[derive(Debug, Default)]
pub struct Throughput {
    samples: Vec<Sample>,
    /// Time and totals of the last summary.
    last: (Duration, u64, u64),
    /// Samples shorter than this are merged with their neighbour.
    shortest: Duration,
}

impl Throughput {
    /// A course that begins at these totals.
    #[must_use]
    pub fn beginning_at(total_rx_bytes: u64, total_tx_bytes: u64) -> Self {
        Self {
            last: (Duration::ZERO, total_rx_bytes, total_tx_bytes),
            ..Self::default()
        }
    }

    /// Notes the totals that a summary of time `at` shows.
    pub fn note(&mut self, at: Duration, total_rx_bytes: u64, total_tx_bytes: u64) {
        let (before, rx, tx) = self.last;
        let sample = Sample {
            at,
            span: at.saturating_sub(before),
            rx_bytes: total_rx_bytes.saturating_sub(rx),
            tx_bytes: total_tx_bytes.saturating_sub(tx),
        };
        self.last = (at, total_rx_bytes, total_tx_bytes);
        self.push(sample);
        if self.samples.len() >= CAPACITY {
            self.thin_out();
        }
    }

    /// The samples in the order of time.
    #[must_use]
    pub fn into_samples(self) -> Vec<Sample> {
        self.samples
    }

    fn push(&mut self, sample: Sample) {
        match self.samples.last_mut() {
            Some(last) if last.span + sample.span <= self.shortest => {
                last.at = sample.at;
                last.span += sample.span;
                last.rx_bytes += sample.rx_bytes;
                last.tx_bytes += sample.tx_bytes;
            }
            _ => self.samples.push(sample),
        }
    }

    /// Doubles the shortest span until at most half of the samples are left, long gaps aside.
    fn thin_out(&mut self) {
        while self.samples.len() > CAPACITY / 2 {
            let shortest = self
                .samples
                .iter()
                .map(|sample| sample.span)
                .min()
                .unwrap_or_default();
            self.shortest = (self.shortest.max(shortest) * 2).max(Duration::from_millis(1));
            for sample in std::mem::take(&mut self.samples) {
                self.push(sample);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_the_differences_of_totals() {
        let mut throughput = Throughput::default();
        throughput.note(Duration::from_secs(1), 100, 10);
        throughput.note(Duration::from_secs(2), 150, 10);
        let samples = throughput.into_samples();
        assert_eq!(
            samples[1],
            Sample {
                at: Duration::from_secs(2),
                span: Duration::from_secs(1),
                rx_bytes: 50,
                tx_bytes: 0
            }
        );
    }

    #[test]
    fn a_long_capture_keeps_its_bytes_in_few_samples() {
        let mut throughput = Throughput::default();
        let seconds = 100_000_u64;
        for second in 1..=seconds {
            // Now and then an hour without traffic.
            let at = Duration::from_secs(second + second / 1000 * 3600);
            throughput.note(at, second * 7, second * 3);
        }
        let samples = throughput.into_samples();
        assert!(
            samples.len() < CAPACITY && samples.len() > CAPACITY / 8,
            "{}",
            samples.len()
        );
        assert_eq!(samples.iter().map(|s| s.rx_bytes).sum::<u64>(), seconds * 7);
        assert_eq!(samples.iter().map(|s| s.tx_bytes).sum::<u64>(), seconds * 3);
        assert!(samples.is_sorted_by_key(|s| s.at));
    }
}
