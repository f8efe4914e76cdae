//! The part of a collection that accounts closed sessions and says what happened.

use std::collections::HashMap;
use std::sync::Arc;

use super::chunk::{Clerk, Past};
use super::lingering::{Lingering, LingeringSession};
use crate::clock::{Moment, Stamp};
use crate::collector::intake::Ended;
use crate::collector::roster::Roster;
use crate::direction::PerDirection;
use crate::event::{ClosedSession, SessionEvent, SessionIdentity};
use crate::history::HistoryKey;
use crate::history::ledger::{Account, Ledger};
use crate::session::core::SessionRef;
use crate::session::waiters::Wakers;
use crate::stats::Stats;
use crate::summary::active::as_bitrate;
use crate::verdict::CloseReason;

/// The books, and what goes into them.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) roster: Arc<Roster>,
    pub(super) ledger: Ledger,
    pub(super) events: Vec<SessionEvent>,
    /// Who waited for what the collection closed.
    pub(super) waiters: Wakers,
    /// Whether anybody wants events.
    pub(super) is_observed: bool,
    /// When the collection under way began.
    pub(super) now: Moment,
    name: Arc<str>,
    /// Finals whose rows were not met yet, by the session's address; the final keeps the session there.
    ended: HashMap<usize, Ended, ahash::RandomState>,
    lingering: Lingering,
}

impl Books {
    pub(super) fn new(roster: Arc<Roster>, name: Arc<str>, ledger: Ledger, now: Moment) -> Self {
        Self {
            roster,
            ledger,
            events: Vec::new(),
            waiters: Wakers::default(),
            is_observed: false,
            now,
            name,
            ended: HashMap::default(),
            lingering: Lingering::default(),
        }
    }

    /// Takes over finals that closers recorded.
    pub(super) fn keep(&mut self, ended: Vec<Ended>) {
        self.ended
            .extend(ended.into_iter().map(|ended| (ended.session.address(), ended)));
    }

    /// Enters what came in without a row: late packets, and gains of writers whose sessions have closed.
    pub(super) fn enter_stragglers(&mut self) {
        let population = &self.roster.population;
        self.ledger.credit_late(population.late_packets());
        self.lingering
            .harvest(&mut self.ledger, population, &mut self.events);
    }

    pub(super) fn registered(&mut self, session: &SessionRef, registered: Stamp) {
        if self.is_observed {
            self.events.push(SessionEvent::Registered(SessionIdentity::of(
                &self.name, session, registered,
            )));
        }
    }

    /// Accounts a closed session. Each session comes here once: with its row.
    fn enter(&mut self, past: Past, ended: &Ended) {
        let session = &ended.session;
        let writers = session.take_writers();
        let counts = ended.taken.counts.plus(writers.total);
        // First bytes may have been counted before the close and their activation come after it.
        let was_active = ended.taken.was_active || (session.is_on_traffic() && !counts.bytes.is_zero());
        let key = || HistoryKey::from(session.labels());
        let (account, first_bytes) = match was_active {
            true => (Account::History(key()), None),
            false => (Account::Discarded, session.is_on_traffic().then(key)),
        };
        let totals = Stats::of_session(counts);
        self.ledger.credit(&account, totals);
        self.roster.population.leave_tracked();
        self.roster.population.leave_writers(writers.released);
        let closed = self.is_observed.then(|| {
            if was_active && !past.is_announced {
                self.activated(&ended.session, past.registered);
            }
            let is_final = writers.held.is_empty();
            let mut closed = self.closed(ended, past, was_active, totals, is_final);
            closed.average();
            self.events.push(SessionEvent::Closed(closed.clone()));
            closed
        });
        if !writers.held.is_empty() {
            self.lingering.push(LingeringSession {
                account,
                credited: totals,
                first_bytes,
                cells: writers.held,
                told: closed,
            });
        }
    }

    fn closed(
        &self,
        ended: &Ended,
        past: Past,
        was_active: bool,
        totals: Stats,
        is_final: bool,
    ) -> ClosedSession {
        let PerDirection {
            rx: top_rx,
            tx: top_tx,
        } = ended.taken.tops;
        ClosedSession {
            identity: SessionIdentity::of(&self.name, &ended.session, past.registered),
            reason: ended.reason,
            closed_at: ended.at.wall,
            duration: ended.at.since(past.registered.monotonic),
            was_active,
            totals,
            average_rx_bitrate: 0.0,
            average_tx_bitrate: 0.0,
            top_rx_bitrate: as_bitrate(top_rx),
            top_tx_bitrate: as_bitrate(top_tx),
            peak_rx_bitrate: f64::from(past.peaks.rx),
            peak_tx_bitrate: f64::from(past.peaks.tx),
            is_final,
        }
    }
}

impl Clerk for Books {
    fn fold(&mut self, session: &SessionRef, past: Past) -> bool {
        let key = session.address();
        let mut ended = self.ended.remove(&key);
        if ended.is_none() {
            // Its closer moved the phase under the intake's lock, and records the final before letting go of it.
            let recorded = self.roster.intake.open().take_ended();
            self.keep(recorded);
            ended = self.ended.remove(&key);
        }
        let Some(ended) = ended else {
            debug_assert!(false, "a closed session has a final");
            return false;
        };
        self.enter(past, &ended);
        true
    }

    fn close(&mut self, session: &SessionRef, past: Past, reason: CloseReason) {
        let Some(taken) = session.close(&self.roster.population, reason) else {
            // Somebody else closed it meanwhile.
            self.fold(session, past);
            return;
        };
        self.roster.table.remove(session);
        self.waiters.append(session.take_waiters());
        self.enter(
            past,
            &Ended {
                session: session.clone(),
                taken,
                reason,
                at: self.now,
            },
        );
    }

    fn activated(&mut self, session: &SessionRef, registered: Stamp) {
        if self.is_observed {
            self.events.push(SessionEvent::Activated(SessionIdentity::of(
                &self.name, session, registered,
            )));
        }
    }
}
