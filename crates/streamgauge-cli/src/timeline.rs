//! Captured time: when the meter's clock moves, and when it ticks.
//!
//! Timestamps are what a file says. They run backwards where interfaces are merged, and jump by centuries where a clock was
//! set or a file is damaged. The clock here never goes back. It starts with the first packet and ends after a century, as
//! [`Epoch`](crate::epoch::Epoch) has it, whose nanoseconds it is moved by.
//!
//! It ticks at each whole second. In a gap it ticks until the meter's window has emptied, then jumps to a window's length
//! before the next packet and ticks on from there, so that rates after the gap are averages over the window and not over
//! the gap: a gap costs twice as many ticks as the window has samples, however long it is.

use std::time::Duration;

/// Spacing of ticks.
pub const TICK: Duration = Duration::from_secs(1);

/// The captured time so far.
#[derive(Clone, Debug)]
pub struct Timeline {
    now_nanos: u64,
    /// The next tick, as a duration and in nanoseconds.
    next_tick: Duration,
    next_tick_nanos: u64,
    /// Ticks that the meter's window spans.
    window: u32,
}

impl Timeline {
    /// A timeline for a meter whose window spans `window` ticks.
    #[must_use]
    pub fn new(window: u32) -> Self {
        Self {
            now_nanos: 0,
            next_tick: TICK,
            next_tick_nanos: nanos(TICK),
            window,
        }
    }

    /// Captured time since the first packet.
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.now_nanos)
    }

    /// Moves on to a packet's time, calling `tick` with each time that is due before it.
    ///
    /// Cost: two comparisons for packets of the same second; at most twice the window's ticks and two more for any gap.
    #[inline]
    pub fn advance(&mut self, to_nanos: u64, tick: impl FnMut(Duration)) {
        if to_nanos >= self.next_tick_nanos {
            self.tick_until(to_nanos, tick);
        }
        self.now_nanos = self.now_nanos.max(to_nanos);
    }

    #[cold]
    fn tick_until(&mut self, to_nanos: u64, mut tick: impl FnMut(Duration)) {
        let target = Duration::from_nanos(to_nanos);
        let emptied = self.next_tick + TICK * self.window;
        let resume = Duration::from_secs(target.as_secs()).saturating_sub(TICK * self.window);
        while self.next_tick <= target {
            tick(self.next_tick);
            self.next_tick += TICK;
            if self.next_tick > emptied {
                self.next_tick = self.next_tick.max(resume);
            }
        }
        self.next_tick_nanos = nanos(self.next_tick);
    }

    /// Ends the last second, so that its packets too are in a tick.
    pub fn finish(&self, mut tick: impl FnMut(Duration)) {
        tick(self.next_tick);
    }
}

/// In nanoseconds; what does not fit, which is no captured time, never comes.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch::{END, Epoch};

    fn ticks(window: u32, packets: &[f64]) -> (Vec<f64>, Timeline) {
        let mut epoch = Epoch::default();
        let mut timeline = Timeline::new(window);
        let mut seen = Vec::new();
        for at in packets {
            let nanos = epoch.nanos_at(Some(Duration::from_secs_f64(*at)));
            timeline.advance(nanos, |t| seen.push(t.as_secs_f64()));
        }
        (seen, timeline)
    }

    #[test]
    fn each_whole_second_after_the_first_packet_ticks_once() {
        let (seen, timeline) = ticks(10, &[100.5, 100.75, 101.25, 101.5, 103.75]);
        assert_eq!(seen, [1.0, 2.0, 3.0]);
        assert_eq!(timeline.now(), Duration::from_millis(3250));
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
    fn the_last_second_is_ended() {
        let (mut seen, timeline) = ticks(1, &[7.0, 8.5]);
        timeline.finish(|t| seen.push(t.as_secs_f64()));
        assert_eq!(seen, [1.0, 2.0]);
    }
}
