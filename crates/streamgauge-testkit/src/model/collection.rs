//! What a tick, a refresh and a stop of the model do.

use std::time::Duration;

use streamgauge::CloseReason;

use super::published::Published;
use super::session::NEARLY_FULL;
use super::tally::Tally;
use super::told::{Ended, Identity, Told};
use super::window::number;
use super::{MOST_OF_A_TOP, Model, Now, whole};
use crate::way::{Pair, Way};

/// What a collection is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Tick,
    Refresh,
    Stop,
}

impl Model {
    /// Ticks, unless it has stopped.
    pub(crate) fn tick(&mut self, now: Now) {
        if !self.is_stopped {
            self.collect(Purpose::Tick, now);
            self.bitrates = self.window.bitrates;
            self.last_tick = Some(now.wall);
            self.call_for_save_if_due(now);
        }
    }

    pub(crate) fn refresh(&mut self, now: Now) {
        self.collect(Purpose::Refresh, now);
    }

    /// Stops, once; after that, for as long as it is registered, a stop tries a save again that failed.
    pub(crate) fn stop(&mut self, now: Now) {
        if !self.is_stopped {
            self.is_stopped = true;
            self.collect(Purpose::Stop, now);
            self.bitrates = Pair::default();
            self.call_for_save(now);
        } else if !self.is_gone {
            self.call_for_save_again();
        }
    }

    /// Lets observers know what a queue has for them.
    pub(crate) fn deliver(&mut self) {
        self.is_delivered = true;
    }

    /// What observers were told since the last call.
    pub(crate) fn take_told(&mut self) -> Vec<Told> {
        if !self.is_delivered {
            return Vec::new();
        }
        std::mem::take(&mut self.told)
    }

    fn collect(&mut self, purpose: Purpose, now: Now) {
        for session in std::mem::take(&mut self.unannounced) {
            let identity = Identity::of(&self.sessions[session]);
            self.told.push(Told::Registered(identity));
        }
        self.give_writers_back();
        for number in 0..self.sessions.len() {
            if !self.sessions[number].is_folded {
                self.look_at(number, purpose, now);
            }
        }
        if purpose == Purpose::Tick && self.window.is_due(now.monotonic) {
            self.roll(now);
        }
        self.publish(now);
    }

    /// The places of writers that were dropped are free again. A session that had been closed is corrected with its last.
    fn give_writers_back(&mut self) {
        for session in &mut self.sessions {
            self.writers -= session.dropped.len() as u64;
            let had_some = !session.dropped.is_empty();
            session.dropped.clear();
            if had_some
                && session.is_folded
                && session.held.is_empty()
                && let Some(mut ended) = session.ended.take()
            {
                ended.is_final = true;
                self.told.push(Told::Corrected(ended));
            }
        }
    }

    /// Notices what a session did since, closes it if that is due, and enters it if it has closed.
    fn look_at(&mut self, number: usize, purpose: Purpose, now: Now) {
        let session = &mut self.sessions[number];
        if session.is_open() {
            let bytes = session.bytes();
            self.window.look_at(number, bytes);
            if bytes != session.seen.bytes {
                session.seen.bytes = bytes;
                session.seen.at = now.monotonic;
            }
            if session.is_active() && !session.seen.is_active {
                session.seen.is_active = true;
                session.seen.at = now.monotonic;
                self.told.push(Told::Activated(Identity::of(session)));
            }
        }
        if let Some(reason) = self.due(number, purpose, now) {
            self.close(number, reason, now);
        }
        if !self.sessions[number].is_open() {
            self.fold(number);
        }
    }

    /// Why an open session is to be closed now, if it is.
    fn due(&self, number: usize, purpose: Purpose, now: Now) -> Option<CloseReason> {
        let session = &self.sessions[number];
        if !session.is_open() {
            return None;
        }
        let bytes = session.bytes();
        if bytes.rx >= NEARLY_FULL || bytes.tx >= NEARLY_FULL {
            return Some(CloseReason::CounterFull);
        }
        if purpose != Purpose::Tick {
            return (purpose == Purpose::Stop).then_some(CloseReason::Stopped);
        }
        let or = |timeout: Duration, other: Duration| if timeout.is_zero() { other } else { timeout };
        let session_timeout = or(self.setup.session_timeout, Duration::from_secs(5));
        let pending_timeout = or(self.setup.inactive_timeout, session_timeout).min(session_timeout);
        let is_untouched = !session.is_active() && bytes == Pair::default();
        let timeout = if is_untouched {
            pending_timeout
        } else {
            session_timeout
        };
        let silent = Duration::from_nanos(now.monotonic - session.seen.at);
        (silent >= timeout).then_some(if session.is_active() {
            CloseReason::TimedOut
        } else {
            CloseReason::Inactive
        })
    }

    /// Closes an open session: it is unknown, and its tops are in the sums no more.
    pub(super) fn close(&mut self, number: usize, reason: CloseReason, now: Now) {
        let session = &mut self.sessions[number];
        self.known.remove(&session.id);
        session.close(reason);
        let tops = std::mem::take(&mut session.tops);
        session.ended = Some(Ended {
            identity: Identity::of(session),
            reason,
            closed_at: now.wall,
            duration: Duration::from_nanos(now.monotonic - session.registered.monotonic),
            was_active: session.was_active,
            tally: session.tally(),
            tops,
            peaks: session.seen.peaks,
            is_final: true,
        });
    }

    /// Enters a closed session, once: in the history if it was active.
    fn fold(&mut self, number: usize) {
        let session = &mut self.sessions[number];
        session.is_folded = true;
        let tally = session.tally();
        if session.was_active {
            self.books.enter(&session.key, tally);
        } else {
            self.books.discard(tally);
        }
        if session.was_active && !session.seen.is_active {
            self.told.push(Told::Activated(Identity::of(session)));
        }
        let is_final = session.held.is_empty();
        if let Some(ended) = &mut session.ended {
            ended.is_final = is_final;
            ended.identity.extra.clone_from(&session.extra);
            self.told.push(Told::Closed(ended.clone()));
        }
    }

    /// Moves the window on, and with it the bitrates and tops.
    fn roll(&mut self, now: Now) {
        let decay = 0.95_f64.powf(self.window.seconds_since_roll(now.monotonic));
        self.window.begin(now.monotonic);
        let open = self
            .sessions
            .iter_mut()
            .enumerate()
            .filter(|(_, session)| session.is_open());
        let mut counted = std::collections::BTreeMap::new();
        for (number, session) in open {
            let bytes = session.bytes();
            counted.insert(number, bytes);
            for way in Way::BOTH {
                let registered = session.registered.monotonic;
                let bitrate = self
                    .window
                    .bitrate(number, registered, now.monotonic, way, *bytes.of(way));
                *session.bitrates.of_mut(way) = bitrate;
                let peak = session.seen.peaks.of_mut(way);
                *peak = peak.max(bitrate);
                let top = session.tops.of_mut(way);
                let decayed = decayed(*top, decay);
                *top = decayed.max(whole(bitrate.least).unwrap_or(0));
                *session.top_slack.of_mut(way) = decayed.max(whole(bitrate.most).unwrap_or(0)) - *top;
            }
        }
        let totals = Tally::sum([
            self.books.entered.totals(),
            self.open_tally(true),
            self.open_tally(false),
        ]);
        self.window.end(now.monotonic, totals.bytes, counted);
    }

    fn open_tally(&self, is_active: bool) -> Tally {
        Tally::sum(
            self.open()
                .filter(|session| session.is_active() == is_active)
                .map(super::session::Session::tally),
        )
    }

    pub(super) fn publish(&mut self, now: Now) {
        self.published = Published {
            taken_at: now.wall,
            bitrates: self.window.bitrates,
            tops: Pair::each(|way| self.top(way)),
            active: self.active(),
            live: self.open_tally(true),
            pending: self.open_tally(false),
            open: self.numbered_open(),
            books: self.books.clone(),
            caps: self.caps,
            collections: self.published.collections + 1,
        };
    }

    /// Takes over the tops that were found, where the model does not know them to the bit.
    pub(crate) fn adopt_top(&mut self, number: usize, way: Way, found: u64) -> bool {
        let session = &mut self.sessions[number];
        let slack = session.top_slack.of_mut(way);
        let top = session.tops.of_mut(way);
        let is_within = found >= *top && found - *top <= *slack;
        if is_within && *slack > 0 {
            *top = found;
        }
        *slack = 0;
        is_within
    }

    /// The open sessions whose tops the last roll left uncertain.
    pub(crate) fn uncertain(&self) -> Vec<usize> {
        let is_uncertain = |session: &super::session::Session| session.top_slack != Pair::default();
        let numbers = 0..self.sessions.len();
        numbers
            .filter(|number| is_uncertain(&self.sessions[*number]))
            .collect()
    }

    /// Publishes again what a roll showed, with the tops that were adopted.
    pub(crate) fn amend_tops(&mut self) {
        self.published.tops = Pair::each(|way| self.top(way));
        self.published.active = self.active();
    }
}

/// What is left of a top, in whole bit/s.
fn decayed(top: u64, factor: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a top is at most 2^43, and the factor between 0 and 1"
    )]
    let cut = (number(top) * factor) as u64;
    cut.min(MOST_OF_A_TOP)
}
