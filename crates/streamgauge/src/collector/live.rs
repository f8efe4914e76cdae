//! The active sessions, as they are now.

use std::collections::HashSet;

use super::core::CollectorCore;
use crate::direction::PerDirection;
use crate::session::Session;
use crate::session::core::{Reading, SessionRef};
use crate::summary::active::{Row, live_session};

/// Reads the active sessions: counts and tops of this moment, bitrates as of the last tick, in order of registration.
///
/// The sessions are those of the last summary, then those that came since, which the intake lists until a summary that has
/// them is published. It is read first: a session that leaves the list meanwhile is in the summary loaded after it, and
/// one that is in both is left out of the second part.
pub(super) fn active(core: &CollectorCore) -> Vec<Session> {
    if core.roster.is_forked() {
        return Vec::new();
    }
    let opened: Vec<SessionRef> = core.roster.intake.open().opened().cloned().collect();
    let summary = core.summary();
    let mut listed: HashSet<usize> = opened.iter().map(SessionRef::address).collect();
    let mut sessions = Vec::with_capacity(summary.active.len() + opened.len());
    for (row, numbers) in summary.active.rows() {
        listed.remove(&row.session.address());
        sessions.extend(read(row, numbers.bitrates));
    }
    for session in opened
        .iter()
        .filter(|session| listed.contains(&session.address()))
    {
        sessions.extend(read(&Row::of(session), PerDirection::default()));
    }
    sessions
}

fn read(row: &Row, bitrates: PerDirection<f64>) -> Option<Session> {
    match row.session.read() {
        Reading::Open {
            counts,
            is_active: true,
        } => Some(live_session(row, counts, bitrates)),
        Reading::Open { .. } | Reading::Closed => None,
    }
}
