//! The reference model of a collector: plain maps, one thread, slow, and written from what the design and the documents
//! say. It shares no code with the core, and none of its ways: sessions are kept for good, the window keeps every roll
//! whole, and sums are added up anew each time they are asked for.
//!
//! A [`trial`](crate::trial) does everything twice, here and in a collector, and compares all that can be asked.

pub(crate) mod books;
mod collection;
mod peer;
pub(crate) mod published;
pub(crate) mod saved;
pub(crate) mod saving;
pub(crate) mod session;
pub(crate) mod tally;
pub(crate) mod told;
pub(crate) mod window;

use std::collections::BTreeMap;
use std::time::Duration;

use streamgauge::{AdmissionError, CloseReason, RefuseReason, Verdict};

use self::books::{Books, Key};
use self::published::{Caps, Published, Row};
use self::saved::Saved;
use self::saving::Saving;
use self::session::{Place, Session};
use self::tally::Tally;
use self::told::Told;
use self::window::{Window, number};
use crate::operation::{Expectation, Labels};
use crate::setup::Setup;
use crate::way::{Pair, Way};

/// Tops are held at 2^43 bit/s.
const MOST_OF_A_TOP: u64 = 1 << 43;

/// A moment on both clocks: nanoseconds since the trial began, and what the calendar shows since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Now {
    pub(crate) monotonic: u64,
    pub(crate) wall: Duration,
}

/// What became of a registration: the number of the session, which of a refused one is that of a session by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Registered {
    pub(crate) session: usize,
    pub(crate) refused: Option<RefuseReason>,
}

/// A collector.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) setup: Setup,
    pub(crate) is_stopped: bool,
    /// It was dropped: nobody counts it as a companion any more.
    pub(crate) is_gone: bool,
    /// By number, in order of registration; never removed.
    sessions: Vec<Session>,
    known: BTreeMap<Vec<u8>, usize>,
    books: Books,
    window: Window,
    caps: Caps,
    /// Numbers of models.
    pub(crate) companions: Vec<usize>,
    /// The bitrates that the last tick left.
    pub(crate) bitrates: Pair<f64>,
    pub(crate) last_tick: Option<Duration>,
    pub(crate) published: Published,
    pub(crate) saving: Saving,
    /// Writers that have a place.
    writers: u64,
    /// Sessions that the observer was not told of yet.
    unannounced: Vec<usize>,
    told: Vec<Told>,
    /// Whether what was told came out of the queue: what is told at the begin waits there for the first who works it off.
    is_delivered: bool,
    /// What the sessions had moved that were open in what was loaded.
    pub(crate) recovered: Tally,
}

/// What a store had when a collector began.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) saved: Saved,
    pub(crate) saved_at: Duration,
    /// Higher than the serials of all sessions that it was ever given.
    pub(crate) next_serial: u64,
}

impl Model {
    /// Begins with what a store had: rows as they were, and then, one after the other, the sessions that were open, as if
    /// they had ended.
    pub(crate) fn new(setup: Setup, loaded: Loaded, now: Now) -> Self {
        let Loaded {
            saved: Saved { entered, open },
            saved_at,
            next_serial,
        } = loaded;
        let mut books = Books::of(entered, setup.max_history_keys);
        let given = Saved {
            entered: books.entered.clone(),
            open: open.clone(),
        };
        for session in &open {
            if session.is_active {
                books.enter(&session.key, session.tally);
            } else {
                books.discard(session.tally);
            }
        }
        let totals = books.entered.totals();
        let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let mut model = Self {
            window: Window::new(
                nanos(setup.window),
                nanos(setup.interval),
                now.monotonic,
                totals.bytes,
            ),
            saving: Saving::new(given, next_serial, now),
            setup,
            is_stopped: false,
            is_gone: false,
            sessions: Vec::new(),
            known: BTreeMap::new(),
            books,
            caps: Caps::default(),
            companions: Vec::new(),
            bitrates: Pair::default(),
            last_tick: None,
            published: Published::default(),
            writers: 0,
            unannounced: Vec::new(),
            told: open
                .iter()
                .map(|session| Told::Closed(session.recovered(saved_at)))
                .collect(),
            is_delivered: false,
            recovered: Tally::sum(open.iter().map(|session| session.tally)),
        };
        model.publish(now);
        model
    }

    pub(crate) fn session(&self, number: usize) -> &Session {
        &self.sessions[number]
    }

    pub(crate) fn find(&self, id: &[u8]) -> Option<usize> {
        self.known.get(id).copied()
    }

    fn open(&self) -> impl Iterator<Item = &Session> {
        self.sessions.iter().filter(|session| session.is_open())
    }

    /// Pending and active.
    pub(crate) fn registered(&self) -> u64 {
        self.open().count() as u64
    }

    pub(crate) fn active_sessions(&self) -> u64 {
        self.open().filter(|session| session.is_active()).count() as u64
    }

    /// What `active()` answers.
    pub(crate) fn active(&self) -> Vec<Row> {
        let active = self.open().filter(|session| session.is_active());
        active.map(Row::of).collect()
    }

    /// The sum of all tops, exactly.
    pub(crate) fn top(&self, way: Way) -> u64 {
        self.open().map(|session| session.tops.of(way)).sum()
    }

    /// What takes memory: open, or closed since the last collection.
    fn tracked(&self) -> u64 {
        self.sessions.iter().filter(|session| !session.is_folded).count() as u64
    }

    fn is_sessions_reached(&self) -> bool {
        self.setup.max_sessions != 0 && self.registered() >= self.setup.max_sessions
    }

    pub(crate) fn is_sessions_exceeded(&self) -> bool {
        self.is_sessions_reached()
    }

    fn limit(&self, way: Way) -> u64 {
        match way {
            Way::In => self.setup.max_bitrates[0],
            Way::Out => self.setup.max_bitrates[1],
        }
    }

    pub(crate) fn max_bitrate(&self, way: Way) -> f64 {
        number(self.limit(way))
    }

    pub(crate) fn is_bitrate_exceeded(&self, way: Way) -> bool {
        self.limit(way) != 0 && *self.bitrates.of(way) > self.max_bitrate(way)
    }

    fn refuse(&mut self, id: &[u8], reason: RefuseReason, now: Now) -> Registered {
        *self.caps.refused(reason) += 1;
        self.sessions.push(Session::refused(id, reason, now));
        Registered {
            session: self.sessions.len() - 1,
            refused: Some(reason),
        }
    }

    pub(crate) fn register(&mut self, id: &[u8], labels: Labels, tops: Pair<u64>, now: Now) -> Registered {
        if id.is_empty() {
            return self.refuse(id, RefuseReason::EmptyId, now);
        }
        if id.len() > self.setup.max_id_bytes {
            return self.refuse(id, RefuseReason::IdTooLong, now);
        }
        if let Some(session) = self.find(id) {
            return Registered {
                session,
                refused: None,
            };
        }
        if self.is_stopped {
            return self.refuse(id, RefuseReason::Stopped, now);
        }
        if self.tracked() >= self.setup.max_tracked {
            return self.refuse(id, RefuseReason::TooManySessions, now);
        }
        let key = self.key(labels);
        let mut session = Session::new(id, key, now);
        session.tops = Pair::each(|way| (*tops.of(way)).min(MOST_OF_A_TOP));
        let number = self.sessions.len();
        self.sessions.push(session);
        self.known.insert(id.to_vec(), number);
        self.unannounced.push(number);
        Registered {
            session: number,
            refused: None,
        }
    }

    fn key(&mut self, Labels([reference, location, peer]): Labels) -> Key {
        let peer = match self.setup.peer_truncation {
            Some(prefixes) => peer::truncated(peer, prefixes.map(u32::from)),
            None => peer.to_owned(),
        };
        let named = |text: String| {
            if text.is_empty() {
                "unknown".to_owned()
            } else {
                text
            }
        };
        Key {
            reference: self.cut(reference),
            location: named(self.cut(location)),
            peer: named(self.cut(&peer)),
        }
    }

    /// As many characters as fit, and counted if not all do.
    fn cut(&mut self, text: &str) -> String {
        let mut kept = String::new();
        for character in text.chars() {
            if kept.len() + character.len_utf8() > self.setup.max_label_bytes {
                self.caps.cut_labels += 1;
                break;
            }
            kept.push(character);
        }
        kept
    }

    /// `companions` is what the companions' tops add up to.
    pub(crate) fn try_register(
        &mut self,
        id: &[u8],
        labels: Labels,
        expectation: Expectation,
        companions: Pair<u64>,
        now: Now,
    ) -> Result<Registered, AdmissionError> {
        let headroom = expectation.headroom;
        if headroom.is_nan() || headroom < 0.0 {
            return Err(AdmissionError::Headroom);
        }
        if let Some(session) = self.find(id) {
            return Ok(Registered {
                session,
                refused: None,
            });
        }
        if self.is_sessions_reached() {
            return Err(AdmissionError::Sessions {
                open: self.registered(),
                max: self.setup.max_sessions,
            });
        }
        let expected = Pair {
            rx: expectation.ingress,
            tx: expectation.egress,
        };
        for way in Way::BOTH {
            let (max, expected) = (self.limit(way), *expected.of(way));
            let sum = self.top(way) + companions.of(way);
            let top = if sum == 0 { 0.0 } else { number(sum) * headroom };
            if max != 0 && top + number(expected) >= number(max) {
                return Err(match way {
                    Way::In => AdmissionError::IngressBitrate { top, expected, max },
                    Way::Out => AdmissionError::EgressBitrate { top, expected, max },
                });
            }
        }
        let registered = self.register(id, labels, expected, now);
        match registered.refused {
            Some(reason) => Err(AdmissionError::Refused(reason)),
            None => Ok(registered),
        }
    }

    pub(crate) fn count(&mut self, session: usize, place: Place, way: Way, bytes: u64) -> Verdict {
        let Setup {
            count_packets,
            is_explicit,
            ..
        } = self.setup;
        self.sessions[session].count(place, way, bytes, count_packets, is_explicit)
    }

    pub(crate) fn count_by_id(&mut self, id: &[u8], way: Way, bytes: u64) -> Verdict {
        match self.find(id) {
            Some(session) => self.count(session, Place::Words, way, bytes),
            None => Verdict::Unknown,
        }
    }

    /// A place for a writer of a session; otherwise what its calls answer.
    pub(crate) fn write(&mut self, session: usize) -> Result<usize, Verdict> {
        if let Some(verdict) = self.sessions[session].verdict_of_closed() {
            return Err(verdict);
        }
        if self.writers >= self.setup.max_writers {
            self.caps.refused_writers += 1;
            return Err(Verdict::Refused(RefuseReason::TooManyWriters));
        }
        self.writers += 1;
        Ok(self.sessions[session].new_cell())
    }

    pub(crate) fn drop_writer(&mut self, session: usize, cell: usize) {
        let session = &mut self.sessions[session];
        session.held.remove(&cell);
        session.dropped.insert(cell);
    }

    pub(crate) fn activate(&mut self, session: usize) -> bool {
        let session = &mut self.sessions[session];
        let is_pending = session.phase == session::Phase::Pending;
        if is_pending {
            session.phase = session::Phase::Active;
        }
        is_pending
    }

    pub(crate) fn unregister(&mut self, session: usize, now: Now) -> bool {
        let was_open = self.sessions[session].is_open();
        if was_open {
            self.close(session, CloseReason::Unregistered, now);
        }
        was_open
    }

    pub(crate) fn extra(&mut self, session: usize, extra: &str) {
        if self.sessions[session].is_open() {
            self.sessions[session].extra = self.cut(extra);
        }
    }

    pub(crate) fn set_top(&mut self, session: usize, way: Way, bitrate: f64) {
        let session = &mut self.sessions[session];
        if session.is_open()
            && let Some(top) = whole(bitrate)
        {
            *session.tops.of_mut(way) = top;
        }
    }
}

/// A bitrate in whole bit/s, if it is one.
fn whole(bitrate: f64) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is not negative, and at most 2^43"
    )]
    let whole = |bitrate: f64| bitrate.min(number(MOST_OF_A_TOP)).round() as u64;
    (bitrate >= 0.0).then(|| whole(bitrate))
}
