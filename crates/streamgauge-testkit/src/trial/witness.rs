//! An observer that keeps what it is told, and how that compares with what the model says.

use std::sync::{Mutex, PoisonError};

use streamgauge::{ClosedSession, SessionEvent, SessionIdentity, SessionObserver};

use super::check::{is_close, top};
use super::mismatch::{Mismatch, same};
use super::summary::wall;
use crate::model::tally::Tally;
use crate::model::told::{Ended, Identity, Told};
use crate::way::Way;

/// Keeps events.
#[derive(Debug, Default)]
pub(super) struct Witness(Mutex<Vec<SessionEvent>>);

impl SessionObserver for Witness {
    fn on_event(&self, event: &SessionEvent) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.push(event.clone());
    }
}

impl Witness {
    fn take(&self) -> Vec<SessionEvent> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Compares what it was told since the last call.
    pub(super) fn check(&self, name: &str, expected: &[Told]) -> Result<(), Mismatch> {
        let found = self.take();
        same!(
            found.len(),
            expected.len(),
            "the number of events: {found:?}, {expected:?}"
        );
        for (found, expected) in found.iter().zip(expected) {
            match (found, expected) {
                (SessionEvent::Registered(found), Told::Registered(expected))
                | (SessionEvent::Activated(found), Told::Activated(expected)) => {
                    check_identity(name, found, expected)?;
                }
                (SessionEvent::Closed(found), Told::Closed(expected))
                | (SessionEvent::Corrected(found), Told::Corrected(expected)) => {
                    check_ended(name, found, expected)?;
                }
                _ => return Err(Mismatch::of("an event", found, expected)),
            }
        }
        Ok(())
    }
}

fn check_identity(name: &str, found: &SessionIdentity, expected: &Identity) -> Result<(), Mismatch> {
    let id = expected.id.escape_ascii();
    same!(found.id.as_bytes(), &expected.id[..], "the id of an event");
    same!(&*found.collector, name, "the collector of an event of {id}");
    same!(
        &*found.reference,
        &*expected.key.reference,
        "the reference of an event of {id}"
    );
    same!(
        &*found.location,
        &*expected.key.location,
        "the location of an event of {id}"
    );
    same!(&*found.peer, &*expected.key.peer, "the peer of an event of {id}");
    same!(&*found.extra, &*expected.extra, "the extra of an event of {id}");
    same!(
        wall(found.created_at),
        expected.created_at,
        "created_at of an event of {id}"
    );
    Ok(())
}

fn check_ended(name: &str, found: &ClosedSession, expected: &Ended) -> Result<(), Mismatch> {
    check_identity(name, &found.identity, &expected.identity)?;
    let id = expected.identity.id.escape_ascii();
    same!(found.reason, expected.reason, "the reason of the close of {id}");
    same!(
        wall(found.closed_at),
        expected.closed_at,
        "the time of the close of {id}"
    );
    same!(found.duration, expected.duration, "the duration of {id}");
    same!(found.was_active, expected.was_active, "was_active of {id}");
    same!(
        Tally::from(found.totals),
        expected.tally,
        "the totals of the close of {id}"
    );
    same!(found.is_final, expected.is_final, "is_final of {id}");
    for way in Way::BOTH {
        let (average, top_bitrate, peak) = match way {
            Way::In => (
                found.average_rx_bitrate,
                found.top_rx_bitrate,
                found.peak_rx_bitrate,
            ),
            Way::Out => (
                found.average_tx_bitrate,
                found.top_tx_bitrate,
                found.peak_tx_bitrate,
            ),
        };
        let averages = expected.averages();
        if !is_close(average, *averages.of(way)) {
            return Err(Mismatch::of(
                format_args!("the average {way:?} of {id}"),
                average,
                averages,
            ));
        }
        same!(
            top_bitrate,
            top(*expected.tops.of(way)),
            "the top {way:?} at the close of {id}"
        );
        if !expected.peaks.of(way).is_shown_as(peak) {
            return Err(Mismatch::of(
                format_args!("the peak {way:?} of {id}"),
                peak,
                expected.peaks,
            ));
        }
    }
    Ok(())
}
