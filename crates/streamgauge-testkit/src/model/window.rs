//! The window of the model: every roll is kept, with what each session had counted by then.
//!
//! The window begins at the latest roll that is a whole window ago, or at the collector's birth. A bitrate is what was
//! counted since, x 8, by the time since; of a session that is younger by its age, at least one interval. The documents
//! allow a session's bitrate an error where much passes: in a window of 4 GiB and more, bytes are cut to units of less
//! than one part in 2^30 of the largest window since the last that was empty. The model keeps the exact value and how far
//! off the answer may be.

use std::collections::BTreeMap;

use crate::way::{Pair, Way};

/// What a session's bitrate may be shown as, before it is rounded to 24 bits.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Bitrate {
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Bitrate {
    /// Whether a bitrate that was rounded to 24 bits is this one.
    pub(crate) fn is_shown_as(self, shown: f64) -> bool {
        let rounding = 1.0 / f64::from(1 << 24);
        shown >= self.least * (1.0 - rounding) && shown <= self.most * (1.0 + rounding)
    }

    pub(super) fn max(self, other: Self) -> Self {
        Self {
            least: self.least.max(other.least),
            most: self.most.max(other.most),
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Roll {
    at: u64,
    totals: Pair<u64>,
    counted: BTreeMap<usize, Pair<u64>>,
}

/// The rolls that the window may still begin at.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    span: u64,
    interval: u64,
    rolls: Vec<Roll>,
    /// The largest windows of sessions since their last empty one, where they need units.
    largest: BTreeMap<(usize, bool), u64>,
    /// The collector's bitrates as of the last roll.
    pub(crate) bitrates: Pair<f64>,
}

impl Window {
    pub(super) fn new(span: u64, interval: u64, now: u64, totals: Pair<u64>) -> Self {
        Self {
            span,
            interval,
            rolls: vec![Roll {
                at: now,
                totals,
                counted: BTreeMap::new(),
            }],
            largest: BTreeMap::new(),
            bitrates: Pair::default(),
        }
    }

    pub(super) fn is_due(&self, now: u64) -> bool {
        self.rolls
            .last()
            .is_some_and(|last| now - last.at >= self.interval)
    }

    fn counted(roll: &Roll, session: usize, way: Way) -> u64 {
        roll.counted.get(&session).map_or(0, |counted| *counted.of(way))
    }

    /// Notes what a session has counted at a collection.
    pub(super) fn look_at(&mut self, session: usize, bytes: Pair<u64>) {
        for way in Way::BOTH {
            let span = bytes.of(way)
                - self
                    .rolls
                    .first()
                    .map_or(0, |roll| Self::counted(roll, session, way));
            // From here on 32 bits do not hold it.
            if span >= (1 << 32) - 2 {
                let largest = self.largest.entry((session, way == Way::In)).or_default();
                *largest = span.max(*largest);
            }
        }
    }

    /// Begins the window anew for a roll at `now`.
    pub(super) fn begin(&mut self, now: u64) {
        let began = self
            .rolls
            .iter()
            .rposition(|roll| roll.at.saturating_add(self.span) <= now);
        self.rolls.drain(..began.unwrap_or(0));
    }

    /// The bitrate of a session that has counted so much in all.
    pub(super) fn bitrate(
        &mut self,
        session: usize,
        registered: u64,
        now: u64,
        way: Way,
        bytes: u64,
    ) -> Bitrate {
        let Some(start) = self.rolls.first() else {
            return Bitrate::default();
        };
        let window = bytes - Self::counted(start, session, way);
        let time = (now - start.at).min(now - registered).max(self.interval);
        if window == 0 {
            self.largest.remove(&(session, way == Way::In));
            return Bitrate::default();
        }
        let largest = self.largest.get(&(session, way == Way::In));
        let unit = largest.map_or(0.0, |largest| number(*largest) / f64::from(1 << 30));
        let exact = number(window);
        // A few roundings on the way to it.
        let rounding = 4.0 * f64::EPSILON;
        Bitrate {
            least: (rate(exact - unit, time) * (1.0 - rounding)).max(0.0),
            most: rate(exact + unit, time) * (1.0 + rounding),
        }
    }

    /// Ends a roll: what everybody has counted at `now`.
    pub(super) fn end(&mut self, now: u64, totals: Pair<u64>, counted: BTreeMap<usize, Pair<u64>>) {
        if let Some(start) = self.rolls.first() {
            let time = (now - start.at).max(self.interval);
            self.bitrates = Pair::each(|way| {
                let window = totals.of(way).saturating_sub(*start.totals.of(way));
                rate(number(window), time)
            });
        }
        self.rolls.push(Roll {
            at: now,
            totals,
            counted,
        });
    }

    pub(super) fn seconds_since_roll(&self, now: u64) -> f64 {
        self.rolls.last().map_or(0.0, |last| number(now - last.at) / 1e9)
    }
}

fn rate(bytes: f64, nanos: u64) -> f64 {
    bytes * 8.0 / (number(nanos) / 1e9)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "what is compared has a bound that is wider"
)]
pub(crate) fn number(whole: u64) -> f64 {
    whole as f64
}
