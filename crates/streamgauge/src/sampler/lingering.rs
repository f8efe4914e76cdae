//! Closed sessions whose writers are still held.
//!
//! A writer learns of the close at its next call, and one addition may be under way meanwhile. Until it is dropped, every
//! collection credits what its cell gained to where the session was accounted.
//!
//! Where first bytes activate, that addition may be a session's first: it was discarded without a byte, and then holds
//! some. It moves to the history with all that was credited to it, as if its close had come after the addition. Totals do
//! not change by that.

use crate::collector::population::Population;
use crate::event::{ClosedSession, SessionEvent};
use crate::history::HistoryKey;
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
    /// What was credited there.
    pub(super) credited: Stats,
    /// Where it belongs once it holds bytes, if it was discarded for having none.
    pub(super) first_bytes: Option<HistoryKey>,
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
        population: &Population,
        events: &mut Vec<SessionEvent>,
    ) {
        self.sessions.retain_mut(|session| {
            let gain = session
                .cells
                .iter_mut()
                .map(HeldCell::gain)
                .fold(Counts::default(), Counts::plus);
            if !gain.is_zero() {
                session.credit(gain, ledger);
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

impl LingeringSession {
    fn credit(&mut self, gain: Counts, ledger: &mut Ledger) {
        if !gain.bytes.is_zero()
            && let Some(key) = self.first_bytes.take()
        {
            ledger.take_from_discarded(self.credited);
            self.account = Account::History(key);
            ledger.credit(&self.account, self.credited);
            if let Some(told) = &mut self.told {
                told.was_active = true;
            }
        }
        let gain = Stats::of_gain(gain);
        ledger.credit(&self.account, gain);
        self.credited.add(gain);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;

    use super::{Lingering, LingeringSession};
    use crate::collector::population::Population;
    use crate::direction::Direction;
    use crate::history::HistoryKey;
    use crate::history::ledger::{Account, Ledger};
    use crate::session::writer::{WriterCell, WriterCells};
    use crate::stats::Stats;

    const ONE: Stats = Stats {
        total_sessions: 1,
        total_rx_bytes: 0,
        total_tx_bytes: 0,
        total_rx_packets: 0,
        total_tx_packets: 0,
    };

    /// The books after a silent session was discarded and its writer's first addition came late: a packet of no bytes, and
    /// then what takes its count to each of `bytes`.
    fn after_late_bytes(first_bytes: Option<HistoryKey>, bytes: [u64; 2]) -> Ledger {
        let population = Arc::new(Population::new());
        assert!(population.enter_writers(1));
        let (cell, cells) = (Arc::new(WriterCell::new(false)), WriterCells::default());
        assert!(cells.admit(&cell, || true));
        let mut ledger = Ledger::new(10);
        ledger.credit(&Account::Discarded, ONE);
        let mut lingering = Lingering::default();
        lingering.push(LingeringSession {
            account: Account::Discarded,
            credited: ONE,
            first_bytes,
            cells: cells.take().held,
            told: None,
        });
        let mut harvest = || lingering.harvest(&mut ledger, &population, &mut Vec::new());
        cell.add_packet(Direction::Ingress);
        harvest();
        cell.set_bytes(Direction::Ingress, bytes[0]);
        harvest();
        cell.set_bytes(Direction::Ingress, bytes[1]);
        cell.release();
        harvest();
        assert!(lingering.sessions.is_empty());
        assert!(population.enter_writers(1), "the place is free again");
        ledger
    }

    #[test]
    fn p1_a_session_whose_first_bytes_came_late_moves_to_the_history() {
        let ledger = after_late_bytes(Some(HistoryKey::new("here", "there", "stream")), [5, 7]);
        let all = Stats {
            total_rx_bytes: 7,
            total_rx_packets: 1,
            ..ONE
        };
        assert_eq!(ledger.history().references.get("stream"), Some(&all));
        assert_eq!((ledger.totals(), ledger.discarded()), (all, Stats::default()));
    }

    #[test]
    fn p1_a_late_packet_of_no_bytes_activates_nothing() {
        let ledger = after_late_bytes(Some(HistoryKey::new("here", "there", "stream")), [0, 0]);
        assert_eq!(
            (
                ledger.discarded().total_sessions,
                ledger.discarded().total_rx_packets
            ),
            (1, 1)
        );
        assert_eq!(ledger.discarded(), ledger.totals());
    }

    #[test]
    fn p1_late_bytes_of_a_session_that_was_to_be_activated_are_discarded() {
        let ledger = after_late_bytes(None, [5, 7]);
        assert_eq!(ledger.discarded().total_rx_bytes, 7);
        assert_eq!(ledger.discarded(), ledger.totals());
    }
}
