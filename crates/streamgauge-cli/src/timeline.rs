//! Captured time: when the meter's clock moves, and when it ticks.
//!
//! Timestamps are what a file says. They run backwards where interfaces are merged, and jump by centuries where a clock was
//! set or a file is damaged. The clock here never goes back, starts with the first packet, and ends after a century.
//!
//! It ticks at each whole second. In a gap it ticks until the meter's window has emptied, then jumps to a window's length
//! before the next packet and ticks on from there, so that rates after the gap are averages over the window and not over
//! the gap: a gap costs twice as many ticks as the window has samples, however long it is.

use std::time::Duration;

/// Spacing of ticks.
pub const TICK: Duration = Duration::from_secs(1);

/// The clock stands still here: far beyond any capture, far below what clocks overflow at.
const END: Duration = Duration::from_secs(100 * 365 * 86_400);

/// The captured time so far.
#[derive(Clone, Debug)]
pub struct Timeline {
    start: Option<Duration>,
    /// Time since the first packet.
    now: Duration,
    next_tick: Duration,
    /// Ticks that the meter's window spans.
    window: u32,
}

impl Timeline {
    /// A timeline for a meter whose window spans `window` ticks.
    #[must_use]
    pub fn new(window: u32) -> Self {
        Self {
            start: None,
            now: Duration::ZERO,
            next_tick: TICK,
            window,
        }
    }

    /// When the first packet was captured, since 1970; `None` before it.
    #[must_use]
    pub fn start(&self) -> Option<Duration> {
        self.start
    }

    /// Captured time since the first packet.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Moves on to a packet's time, calling `tick` with each time that is due before it.
    ///
    /// Cost: a comparison for packets of the same second; at most twice the window's ticks and two more for any gap.
    pub fn advance(&mut self, at: Duration, mut tick: impl FnMut(Duration)) {
        let start = *self.start.get_or_insert(at);
        let target = at.saturating_sub(start).min(END);
        if target <= self.now {
            return;
        }
        let emptied = self.next_tick + TICK * self.window;
        let resume = Duration::from_secs(target.as_secs()).saturating_sub(TICK * self.window);
        while self.next_tick <= target {
            tick(self.next_tick);
            self.next_tick += TICK;
            if self.next_tick > emptied {
                self.next_tick = self.next_tick.max(resume);
            }
        }
        self.now = target;
    }

    /// Ends the last second, so that its packets too are in a tick.
    pub fn finish(&mut self, mut tick: impl FnMut(Duration)) {
        if self.start.is_some() {
            tick(self.next_tick);
            self.next_tick += TICK;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(window: u32, packets: &[f64]) -> (Vec<f64>, Timeline) {
        let mut timeline = Timeline::new(window);
        let mut seen = Vec::new();
        for at in packets {
            timeline.advance(Duration::from_secs_f64(*at), |t| seen.push(t.as_secs_f64()));
        }
        (seen, timeline)
    }

    #[test]
    fn each_whole_second_after_the_first_packet_ticks_once() {
        let (seen, timeline) = ticks(10, &[100.5, 100.75, 101.25, 101.5, 103.75]);
        assert_eq!(seen, [1.0, 2.0, 3.0]);
        assert_eq!(timeline.now(), Duration::from_millis(3250));
        assert_eq!(timeline.start(), Some(Duration::from_millis(100_500)));
    }

    #[test]
    fn a_gap_costs_the_window_however_long_it_is() {
        let (seen, _) = ticks(3, &[0.0, 1_000_000.5, 1_000_001.5]);
        assert_eq!(
            seen,
            [
                1.0,
                2.0,
                3.0,
                4.0,
                999_997.0,
                999_998.0,
                999_999.0,
                1e6,
                1_000_001.0
            ]
        );
    }

    #[test]
    fn a_gap_of_less_than_two_windows_is_not_jumped() {
        let (seen, _) = ticks(3, &[0.0, 8.0]);
        assert_eq!(seen, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        let (seen, _) = ticks(3, &[0.0, 9.0]);
        assert_eq!(seen, [1.0, 2.0, 3.0, 4.0, 6.0, 7.0, 8.0, 9.0]);
    }

    #[test]
    fn time_never_goes_back_and_ends_after_a_century() {
        let (seen, timeline) = ticks(1, &[50.0, 20.0, 51.5, 1e15, 60.0, 1e16]);
        assert_eq!(seen, [1.0, 2.0, 3.0, END.as_secs_f64() - 1.0, END.as_secs_f64()]);
        assert_eq!(timeline.now(), END);
    }

    #[test]
    fn the_last_second_is_ended_once_there_was_a_packet() {
        let (mut seen, mut timeline) = ticks(1, &[]);
        timeline.finish(|t| seen.push(t.as_secs_f64()));
        assert!(seen.is_empty());
        let (mut seen, mut timeline) = ticks(1, &[7.0, 8.5]);
        timeline.finish(|t| seen.push(t.as_secs_f64()));
        assert_eq!(seen, [1.0, 2.0]);
    }
}
