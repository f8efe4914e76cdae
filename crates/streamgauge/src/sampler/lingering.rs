//! Closed sessions whose writers are still held.
//!
//! A writer learns of the close at its next call, and one addition may be under way meanwhile. Until it is dropped, every
//! collection credits what its cell gained to where the session was accounted.

use std::sync::Arc;

use crate::collector::population::Population;
use crate::event::{ClosedSession, SessionEvent};
use crate::history::ledger::{Account, Ledger};
use crate::session::writer::{Counts, HeldCell};
use crate::stats::Stats;

/// The closed sessions whose writers are still held. The collection alone uses it.
#[derive(Debug, Default)]
pub(super) struct Lingering {
    sessions: Vec<LingeringSession>,
}

#[derive(Debug)]
pub(super) struct LingeringSession {
    pub(super) account: Account,
    pub(super) cells: Vec<HeldCell>,
    /// What observers were told last, where there are any.
    pub(super) told: Option<ClosedSession>,
}

impl Lingering {
    pub(super) fn push(&mut self, session: LingeringSession) {
        self.sessions.push(session);
    }

    /// Credits what the cells gained, and lets go of those whose writers are gone.
    pub(super) fn harvest(
        &mut self,
        ledger: &mut Ledger,
        population: &Arc<Population>,
        events: &mut Vec<SessionEvent>,
    ) {
        self.sessions.retain_mut(|session| {
            let gain = session
                .cells
                .iter_mut()
                .map(HeldCell::gain)
                .fold(Counts::default(), Counts::plus);
            if !gain.is_zero() {
                ledger.credit(&session.account, Stats::of_gain(gain));
            }
            let before = session.cells.len();
            session.cells.retain(|cell| !cell.is_last());
            population.leave_writers((before - session.cells.len()) as u64);
            let is_final = session.cells.is_empty();
            if let Some(told) = &mut session.told
                && (is_final || !gain.is_zero())
            {
                told.totals.add(Stats::of_gain(gain));
                told.is_final = is_final;
                told.average();
                events.push(SessionEvent::Corrected(told.clone()));
            }
            !is_final
        });
    }
}
