//! Admission: the check of the limits and the taking of a place, in one step.
//!
//! Admissions are serialized per collector by a mutex. One that has companions takes theirs too, in the order of their
//! addresses, since its check reads what theirs change; so two admissions that could see each other's
//! reservation never run at once, and two that could not do not wait. A reservation is the session's top bitrate: it is in
//! the sums before the lock is let go, and decays from there like any top.

use std::sync::Arc;

use super::core::CollectorCore;
use super::roster::{Application, Registration};
use crate::direction::Direction;
use crate::error::AdmissionError;
use crate::session::SessionHandle;
use crate::summary::active::as_bitrate;
use crate::sync::{Mutex, MutexGuard, lock};
use crate::verdict::RefuseReason;

/// What a new session is expected to take, and how cautious to be.
///
/// ```
/// use streamgauge::Admission;
///
/// let admission = Admission { expected_egress: 4_000_000, ..Admission::default() };
/// assert_eq!(admission.headroom, 1.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Admission {
    /// The ingress bitrate it is expected to take, in bit/s.
    pub expected_ingress: u64,
    /// The egress bitrate it is expected to take, in bit/s.
    pub expected_egress: u64,
    /// What the top bitrates of the sessions there are is multiplied by before it is compared with a limit. Above 1 leaves
    /// room.
    pub headroom: f64,
}

impl Default for Admission {
    /// Nothing expected, no headroom.
    fn default() -> Self {
        Self {
            expected_ingress: 0,
            expected_egress: 0,
            headroom: 1.0,
        }
    }
}

impl Admission {
    fn expected(&self, direction: Direction) -> u64 {
        match direction {
            Direction::Ingress => self.expected_ingress,
            Direction::Egress => self.expected_egress,
        }
    }
}

/// What one admission at a time holds.
#[derive(Debug, Default)]
pub(crate) struct Turnstile(Mutex<()>);

pub(crate) fn try_register(
    core: &Arc<CollectorCore>,
    application: &Application<'_>,
    admission: &Admission,
) -> Result<SessionHandle, AdmissionError> {
    if admission.headroom.is_nan() || admission.headroom < 0.0 {
        return Err(AdmissionError::Headroom);
    }
    if core.roster.is_forked() {
        return Err(AdmissionError::Refused(RefuseReason::Stopped));
    }
    let mut party = core.companions.all();
    party.push(Arc::clone(core));
    party.sort_unstable_by_key(Arc::as_ptr);
    let _turn: Vec<MutexGuard<'_, ()>> = party.iter().map(|member| lock(&member.turnstile.0)).collect();

    let id = application.id;
    let roster = &core.roster;
    if let Some(known) = roster.find(id) {
        return Ok(roster.handle(id, Registration::Known(known)));
    }
    check_sessions(core)?;
    for direction in Direction::BOTH {
        check_bitrate(core, direction, admission)?;
    }
    let registration = roster.register(application, |session| {
        for direction in Direction::BOTH {
            session.set_top(&roster.population, direction, admission.expected(direction));
        }
    });
    match registration {
        Registration::Refused(reason) => Err(AdmissionError::Refused(reason)),
        registered => Ok(roster.handle(id, registered)),
    }
}

fn check_sessions(core: &CollectorCore) -> Result<(), AdmissionError> {
    let (open, max) = (core.roster.population.open(), core.limits.max_sessions());
    if max != 0 && open >= max {
        return Err(AdmissionError::Sessions { open, max });
    }
    Ok(())
}

fn check_bitrate(
    core: &CollectorCore,
    direction: Direction,
    admission: &Admission,
) -> Result<(), AdmissionError> {
    let max = core.limits.max_bitrate(direction);
    let expected = admission.expected(direction);
    let top = match core.companion_top_bitrate(direction) {
        // Also times infinity, where a product would be no number.
        0.0 => 0.0,
        top => top * admission.headroom,
    };
    if max == 0 || top + as_bitrate(expected) < as_bitrate(max) {
        return Ok(());
    }
    Err(match direction {
        Direction::Ingress => AdmissionError::IngressBitrate { top, expected, max },
        Direction::Egress => AdmissionError::EgressBitrate { top, expected, max },
    })
}
