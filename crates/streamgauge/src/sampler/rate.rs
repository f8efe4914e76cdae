//! From the bytes of a window to a bitrate, and from one tick's top to the next.

use super::timeline::{Timeline, bitrate};

/// Bytes of a window to bitrates.
pub(super) struct Rate<'a> {
    timeline: &'a Timeline,
    /// Sessions from before divide by the whole window.
    start: u64,
    /// Bit/s for each byte of the whole window.
    whole: f64,
}

impl<'a> Rate<'a> {
    pub(super) fn new(timeline: &'a Timeline) -> Self {
        Self {
            timeline,
            start: timeline.start(),
            whole: bitrate(1, timeline.seconds_for(0)),
        }
    }

    /// Whether a session registered then divides by the whole window.
    #[inline]
    pub(super) fn is_whole(&self, created: u64) -> bool {
        created <= self.start
    }

    #[inline]
    pub(super) fn of(&self, bytes: u64, created: u64) -> f64 {
        if self.is_whole(created) {
            number(bytes) * self.whole
        } else {
            bitrate(bytes, self.timeline.seconds_for(created))
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a rate is shown to 24 bits")]
pub(super) fn rounded(bitrate: f64) -> f32 {
    bitrate as f32
}

/// A top times what it decays by, cut to whole bit/s.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "a top is no more than 2^43, and a factor between 0 and 1"
)]
pub(super) fn decayed(top: u64, factor: f64) -> u64 {
    // By way of i64, for which there is an instruction.
    ((number(top) * factor) as i64).cast_unsigned()
}

/// Bytes of a window or a top, both below 2^63, as a number to compute with; exact up to 2^53.
#[inline]
#[expect(
    clippy::cast_precision_loss,
    reason = "a rate; exact below 2^53 bytes in the window"
)]
fn number(whole: u64) -> f64 {
    // By way of i64, for which there is an instruction.
    whole.cast_signed() as f64
}

#[cfg(test)]
mod tests {
    use super::decayed;

    #[test]
    fn a_top_decays_to_nothing() {
        assert_eq!(decayed(1_000, 0.95), 950);
        assert_eq!(decayed(1, 0.95), 0);
        assert_eq!(decayed(0, 0.95), 0);
    }
}
