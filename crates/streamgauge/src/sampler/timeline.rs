//! The window over which bitrates are averaged.
//!
//! A bitrate is the bytes of the window x 8 / the time of the window. The window is a row of samples, one for each tick
//! that rolls, each as long as the real time between two such ticks; a sample leaves when it ended a whole window ago. So
//! the window reaches back by the configured span and at most one tick spacing more, and a byte belongs to the tick that
//! saw it: the error of a bitrate is at most what passed within one spacing at the window's far end.
//!
//! The times are the same for all sessions and are kept here, once. Each row keeps what it had counted at the end of each
//! sample, in the slots that are handed out here, in turn: the slot where the window began is written anew only when the
//! window has moved on, or is full and read first. A roll costs one step for each sample that leaves, however long the
//! gap was.

use std::collections::VecDeque;

use crate::clock::seconds;
use crate::direction::PerDirection;

#[derive(Debug, Clone, Copy)]
struct Sample {
    slot: usize,
    end: u64,
    /// The collector's totals at the end of it.
    totals: PerDirection<u64>,
}

/// The times of the samples in the window.
#[derive(Debug)]
pub(crate) struct Timeline {
    interval: u64,
    window: u64,
    slots: usize,
    next_slot: usize,
    samples: VecDeque<Sample>,
    /// Where the oldest sample begins, and the collector's totals there.
    start: u64,
    start_slot: usize,
    start_totals: PerDirection<u64>,
    last_roll: u64,
}

/// One step of the window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Roll {
    /// Where rows put what they have counted at the end of the new sample.
    pub(crate) slot: usize,
    /// Where they have what they had counted when the window began. Can be the same slot: read first.
    pub(crate) start: usize,
    /// The time since the last roll, in seconds.
    pub(crate) seconds: f64,
}

impl Timeline {
    /// A window that begins now. `window` and `interval` in nanoseconds, both above 0.
    pub(crate) fn new(window: u64, interval: u64, now: u64, totals: PerDirection<u64>) -> Self {
        let window = window.max(interval);
        // Samples end at least an interval apart and within (now - window, now].
        let slots = usize::try_from(window.div_ceil(interval)).unwrap_or(usize::MAX);
        Self {
            interval,
            window,
            slots,
            next_slot: 0,
            samples: VecDeque::new(),
            start: now,
            start_slot: slots - 1,
            start_totals: totals,
            last_roll: now,
        }
    }

    /// How many slots a row needs.
    pub(crate) fn slots(&self) -> usize {
        self.slots
    }

    /// Whether a tick at `now` rolls the window.
    pub(crate) fn is_due(&self, now: u64) -> bool {
        now.saturating_sub(self.last_roll) >= self.interval
    }

    /// The slot of the oldest moment that a roll may still ask for.
    pub(crate) fn oldest(&self) -> usize {
        match self.samples.front() {
            Some(oldest) if self.samples.len() == self.slots => oldest.slot,
            _ => self.start_slot,
        }
    }

    /// Begins a sample that ends at `now`; [`finish`](Self::finish) follows with the totals.
    pub(crate) fn roll(&mut self, now: u64) -> Roll {
        while let Some(oldest) = self.samples.front().copied() {
            if oldest.end.saturating_add(self.window) > now {
                break;
            }
            self.start = oldest.end;
            self.start_slot = oldest.slot;
            self.start_totals = oldest.totals;
            self.samples.pop_front();
        }
        let slot = self.next_slot;
        self.next_slot = (self.next_slot + 1) % self.slots;
        self.samples.push_back(Sample {
            slot,
            end: now,
            totals: self.start_totals,
        });
        let spacing = now - self.last_roll;
        self.last_roll = now;
        Roll {
            slot,
            start: self.start_slot,
            seconds: seconds(spacing),
        }
    }

    /// Ends a roll: the collector's totals at its moment.
    pub(crate) fn finish(&mut self, totals: PerDirection<u64>) {
        if let Some(newest) = self.samples.back_mut() {
            newest.totals = totals;
        }
    }

    /// When the window begins: sessions registered before divide their bytes by the whole of it.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    /// The seconds by which the bytes of a session registered at `created` are divided: the window, or its age if that is
    /// less, but no less than one interval.
    pub(crate) fn seconds_for(&self, created: u64) -> f64 {
        let window = self.last_roll - self.start;
        let age = self.last_roll.saturating_sub(created);
        seconds(window.min(age).max(self.interval))
    }

    /// The collector's bitrates as of the last roll.
    pub(crate) fn bitrates(&self) -> PerDirection<f64> {
        let end = self
            .samples
            .back()
            .map_or(self.start_totals, |newest| newest.totals);
        let seconds = seconds((self.last_roll - self.start).max(self.interval));
        end.since(self.start_totals).map(|bytes| bitrate(*bytes, seconds))
    }
}

/// Bytes over seconds, in bit/s.
#[expect(
    clippy::cast_precision_loss,
    reason = "a rate; exact below 2^53 bytes in the window"
)]
pub(crate) fn bitrate(bytes: u64, seconds: f64) -> f64 {
    bytes as f64 * 8.0 / seconds
}

#[cfg(test)]
mod tests {
    use super::Timeline;
    use crate::direction::PerDirection;

    const S: u64 = 1_000_000_000;

    fn totals(rx: u64) -> PerDirection<u64> {
        PerDirection::new(rx, 0)
    }

    fn close_to(a: f64, b: f64) -> bool {
        (a - b).abs() <= b.abs() * 1e-9
    }

    #[test]
    fn a_window_holds_ten_samples_of_a_second() {
        let mut timeline = Timeline::new(10 * S, S, 0, totals(0));
        for second in 1..=30 {
            let roll = timeline.roll(second * S);
            timeline.finish(totals(second * 100));
            // Once full, the window begins where the new sample is written.
            assert_eq!(roll.slot == roll.start, second >= 10);
            assert!(close_to(timeline.bitrates().rx, 800.0), "second {second}");
        }
    }

    #[test]
    fn a_slot_is_not_written_while_the_window_needs_it() {
        for (window, interval, spacings) in [
            (10, 1, &[1][..]),
            (10, 3, &[3]),
            (10, 3, &[4, 3, 3]),
            (1, 5, &[5, 9]),
            (7, 2, &[2, 3, 2, 2, 5]),
            (10, 1, &[1, 1, 2, 1, 3, 20, 1]),
        ] {
            let mut timeline = Timeline::new(window * S, interval * S, 0, totals(0));
            let mut now = 0;
            // The moment that each slot stands for, as rows have it.
            let mut moments = vec![0; timeline.slots()];
            for spacing in spacings.iter().cycle().take(200) {
                let oldest = moments[timeline.oldest()];
                now += spacing * S;
                let roll = timeline.roll(now);
                assert_eq!(
                    moments[roll.start],
                    timeline.start(),
                    "{window}/{interval} at {now}"
                );
                assert!(oldest <= timeline.start());
                moments[roll.slot] = now;
            }
        }
    }

    #[test]
    fn a_gap_is_one_sample_as_long_as_it_was() {
        let mut timeline = Timeline::new(10 * S, S, 0, totals(0));
        for second in 1..=10 {
            timeline.roll(second * S);
            timeline.finish(totals(second * 1_000));
        }
        let roll = timeline.roll(3_610 * S);
        assert!(close_to(roll.seconds, 3_600.0));
        timeline.finish(totals(10_000 + 3_600));
        assert_eq!((roll.slot, roll.start), (0, 9));
        assert!(close_to(timeline.bitrates().rx, 8.0));
    }

    #[test]
    fn the_young_divide_by_their_age_but_no_less_than_an_interval() {
        let mut timeline = Timeline::new(10 * S, S, 0, totals(0));
        for second in 1..=20 {
            timeline.roll(second * S);
        }
        assert!(close_to(timeline.seconds_for(0), 10.0));
        assert!(close_to(timeline.seconds_for(17 * S), 3.0));
        assert!(close_to(timeline.seconds_for(20 * S - 1), 1.0));
    }
}
