//! Who is registered: the table, the intake and the population, and the cold verbs that work on them.
//!
//! Shared by a collector and its handles. It outlives the collector for as long as a handle is held, empty and shut.
//!
//! Locks, in the order in which one thread may take them: a table entry's, the intake's, a session's list of writers.

use std::borrow::Cow;
use std::sync::Arc;

use super::config::{Activation, CollectorConfig};
use super::intake::Intake;
use super::population::Population;
use crate::clock::Clock;
use crate::label::interner::Interner;
use crate::peer::PeerTruncation;
use crate::session::SessionHandle;
use crate::session::core::{SessionCore, SessionRef};
use crate::session::labels::{Labels, truncated};
use crate::session::waiters::Wakers;
use crate::table::{Claim, Lookup, Table};
use crate::verdict::{CloseReason, RefuseReason};

/// What a session is registered under, as the caller gave it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Application<'a> {
    pub(crate) id: &'a [u8],
    pub(crate) reference: &'a str,
    pub(crate) location: &'a str,
    pub(crate) peer: &'a str,
}

/// What became of a registration.
pub(crate) enum Registration {
    /// The session is new.
    New(SessionRef),
    /// A session with this id is open.
    Known(SessionRef),
    /// There is none.
    Refused(RefuseReason),
}

/// The sessions of a collector.
#[derive(Debug)]
pub(crate) struct Roster {
    pub(crate) table: Table,
    pub(crate) intake: Intake,
    pub(crate) population: Population,
    labels: Arc<Interner>,
    clock: Clock,
    activation: Activation,
    count_packets: bool,
    max_tracked_sessions: u64,
    max_writers: u64,
    max_id_bytes: usize,
    max_label_bytes: usize,
    peer_truncation: Option<PeerTruncation>,
    /// The process that started the collector. In a fork of it nothing is registered or closed.
    process: u32,
}

impl Roster {
    /// Nobody is registered. Sessions have serials from `next_serial` on.
    pub(crate) fn new(
        config: &CollectorConfig,
        clock: Clock,
        labels: Arc<Interner>,
        next_serial: u64,
    ) -> Self {
        Self {
            table: Table::with_room_for(config.expected_sessions),
            intake: Intake::from_serial(next_serial),
            population: Population::new(),
            labels,
            clock,
            activation: config.activation,
            count_packets: config.count_packets,
            max_tracked_sessions: config.max_tracked_sessions,
            max_writers: config.max_writers,
            max_id_bytes: config.max_id_bytes,
            max_label_bytes: config.max_label_bytes,
            peer_truncation: config.peer_truncation,
            process: std::process::id(),
        }
    }

    /// Whether this process is a fork of the one that started the collector. Its threads are not here, and locks that
    /// they held stay locked.
    pub(crate) fn is_forked(&self) -> bool {
        std::process::id() != self.process
    }

    /// The open session of an id.
    pub(crate) fn find(&self, id: &[u8]) -> Option<SessionRef> {
        self.table
            .with(id, |session| session.is_open().then(|| session.clone()))
            .flatten()
    }

    /// Registers a session, unless its id is known. `prepare` runs before anybody can see a new one.
    pub(crate) fn register(
        &self,
        application: &Application<'_>,
        prepare: impl FnOnce(&SessionCore),
    ) -> Registration {
        let refuse = |reason| {
            self.population.count_refused(reason);
            Registration::Refused(reason)
        };
        let id = application.id;
        if id.is_empty() {
            return refuse(RefuseReason::EmptyId);
        }
        if id.len() > self.max_id_bytes {
            return refuse(RefuseReason::IdTooLong);
        }
        if self.is_forked() {
            return Registration::Refused(RefuseReason::Stopped);
        }
        if let Some(known) = self.find(id) {
            return Registration::Known(known);
        }
        // Before anything is made for it; the claim asks again.
        if self.intake.open().is_shut() {
            return refuse(RefuseReason::Stopped);
        }
        if !self.population.enter_tracked(self.max_tracked_sessions) {
            return refuse(RefuseReason::TooManySessions);
        }
        let (core, cut) = self.new_session(application);
        let session = SessionRef::new(id, core);
        prepare(&session);
        let now = self.clock.now();
        let claimed = loop {
            match self.table.claim(&session, || {
                self.intake.open().announce(&self.population, &session, now)
            }) {
                Claim::Inserted => {
                    self.population.count_labels_cut(cut);
                    return Registration::New(session);
                }
                Claim::Taken(other) if other.is_open() => break Registration::Known(other),
                Claim::Taken(closed) => self.table.remove(&closed),
                Claim::Declined(_) => break refuse(RefuseReason::Stopped),
            }
        };
        self.population.leave_tracked();
        session.forgo(&self.population);
        self.labels.session_ended();
        claimed
    }

    /// A session, and how many of its labels were cut. The one place that takes a peer from its application.
    fn new_session(&self, application: &Application<'_>) -> (SessionCore, u64) {
        let Application {
            reference,
            location,
            peer,
            ..
        } = *application;
        // Before anything else sees it, and before it is cut: what a cut leaves of an address may be no address.
        let peer = match &self.peer_truncation {
            Some(truncation) => truncation.truncate(peer),
            None => Cow::Borrowed(peer),
        };
        let (labels, cut) = Labels::new(reference, location, &peer, self.max_label_bytes, |text| {
            self.labels.label(text)
        });
        let core = SessionCore::new(labels, self.activation, self.count_packets);
        (core, cut)
    }

    /// The handle of a registration.
    pub(crate) fn handle(self: &Arc<Self>, id: &[u8], registration: Registration) -> SessionHandle {
        let session = match registration {
            Registration::New(session) | Registration::Known(session) => session,
            Registration::Refused(reason) => {
                let id = &id[..id.len().min(self.max_id_bytes)];
                SessionRef::new(id, SessionCore::refused(reason))
            }
        };
        SessionHandle::new(session, Arc::clone(self))
    }

    /// Closes a session and takes it out of the table; `false` if it was closed already.
    pub(crate) fn unregister(&self, session: &SessionRef) -> bool {
        if !session.is_open() || self.is_forked() {
            return false;
        }
        let now = self.clock.now();
        let was_open = self
            .intake
            .open()
            .close(&self.population, session, CloseReason::Unregistered, now);
        if was_open {
            self.table.remove(session);
            session.take_waiters().wake();
        }
        was_open
    }

    /// Closes every session, for a stop that cannot collect: their bytes are in no history. Answers who waited for that.
    pub(crate) fn close_all(&self, reason: CloseReason) -> Wakers {
        let mut waiters = Wakers::default();
        for session in self.table.sessions() {
            self.intake
                .open()
                .close(&self.population, &session, reason, self.clock.now());
            self.table.remove(&session);
            waiters.append(session.take_waiters());
        }
        waiters
    }

    pub(crate) fn set_extra(&self, session: &SessionRef, extra: &str) {
        let kept = truncated(extra, self.max_label_bytes);
        if !session.is_open() || self.is_forked() {
            return;
        }
        self.population
            .count_labels_cut(u64::from(kept.len() < extra.len()));
        session.set_extra(kept);
        self.intake.open().relabel(session);
    }

    pub(crate) fn enter_writers(&self) -> bool {
        let entered = self.population.enter_writers(self.max_writers);
        if !entered {
            self.population.count_refused(RefuseReason::TooManyWriters);
        }
        entered
    }

    pub(crate) fn leave_writers(&self, cells: u64) {
        self.population.leave_writers(cells);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;

    use super::{Application, CollectorConfig, Interner, Registration, Roster};
    use crate::clock::{Clock, ManualClock};
    use crate::direction::Direction;
    use crate::session::core::SessionRef;
    use crate::verdict::CloseReason;

    #[test]
    fn p5_registrations_after_the_stop_leave_no_labels() {
        let labels = Arc::new(Interner::new());
        let clock = Clock::Manual(ManualClock::default());
        let roster = Roster::new(&CollectorConfig::default(), clock, Arc::clone(&labels), 0);
        roster.intake.open().shut();
        for n in 0..1_000 {
            let text = n.to_string();
            let application = Application {
                id: text.as_bytes(),
                reference: "",
                location: "",
                peer: &text,
            };
            let refused = roster.register(&application, |_| {});
            assert!(matches!(refused, Registration::Refused(_)));
        }
        for _ in 0..100 {
            labels.sweep();
        }
        assert!(labels.len() < 10, "{} labels that nobody holds", labels.len());
    }

    #[test]
    fn a_registration_that_another_overtakes_answers_that_ones_session_while_it_is_open() {
        for closes in [false, true] {
            let clock = Clock::Manual(ManualClock::default());
            let roster = Roster::new(&CollectorConfig::default(), clock, Arc::new(Interner::new()), 0);
            let application = Application {
                id: b"a",
                reference: "",
                location: "",
                peer: "",
            };
            let mut first = None;
            let second = roster.register(&application, |_| {
                let Registration::New(session) = roster.register(&application, |_| {}) else {
                    panic!("not new");
                };
                if closes {
                    // As where its closer has not come to the table yet.
                    let (at, reason) = (roster.clock.now(), CloseReason::Unregistered);
                    assert!(
                        roster
                            .intake
                            .open()
                            .close(&roster.population, &session, reason, at)
                    );
                }
                first = Some(session);
            });
            let first = first.unwrap();
            match second {
                Registration::Known(session) => {
                    assert!(!closes && SessionRef::is_same(&session, &first));
                }
                Registration::New(session) => assert!(closes && session.is_open()),
                Registration::Refused(reason) => panic!("{reason:?}"),
            }
            assert!(roster.find(b"a").is_some());
        }
    }

    #[test]
    fn a_registration_that_the_stop_overtakes_gives_back_the_tops_that_it_reserved() {
        let clock = Clock::Manual(ManualClock::default());
        let roster = Roster::new(&CollectorConfig::default(), clock, Arc::new(Interner::new()), 0);
        let application = Application {
            id: b"a",
            reference: "",
            location: "",
            peer: "",
        };
        let reserved = |direction| roster.population.tops().read(direction);
        let refused = roster.register(&application, |session| {
            session.set_top(&roster.population, Direction::Ingress, 500);
            session.set_top(&roster.population, Direction::Egress, 700);
            roster.intake.open().shut();
        });
        assert!(matches!(refused, Registration::Refused(_)));
        assert_eq!(
            (reserved(Direction::Ingress), reserved(Direction::Egress)),
            (0, 0)
        );
    }
}
