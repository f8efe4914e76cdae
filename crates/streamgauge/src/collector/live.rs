//! The active sessions, as they are now.

use std::collections::HashSet;

use super::core::CollectorCore;
use crate::clock::Stamp;
use crate::direction::PerDirection;
use crate::session::Session;
use crate::session::core::{Reading, SessionRef};
use crate::summary::active::live_session;

/// Reads the active sessions: counts and tops of this moment, bitrates as of the last tick, in order of registration.
///
/// The sessions are those of the last summary, then those that came since, which the intake lists until a summary that has
/// them is published. It is read first: a session that leaves the list meanwhile is in the summary loaded after it, and
/// one that is in both is left out of the second part.
pub(super) fn active(core: &CollectorCore) -> Vec<Session> {
    if core.roster.is_forked() {
        return Vec::new();
    }
    let batches = core.roster.intake.open().batches();
    let opened = || batches.iter().flat_map(|batch| batch.iter());
    let summary = core.summary();
    let mut listed: HashSet<usize> = opened().map(|(session, _)| session.address()).collect();
    let mut sessions = Vec::with_capacity(summary.active.len() + listed.len());
    for row in summary.active.rows() {
        listed.remove(&row.session.address());
        sessions.extend(read(row.session, row.registered, row.numbers.bitrates));
    }
    for (session, registered) in opened().filter(|(session, _)| listed.contains(&session.address())) {
        sessions.extend(read(session, registered, PerDirection::default()));
    }
    sessions
}

fn read(session: &SessionRef, registered: Stamp, bitrates: PerDirection<f32>) -> Option<Session> {
    match session.read() {
        Reading::Open {
            counts,
            is_active: true,
        } => Some(live_session(session, registered, counts, bitrates)),
        Reading::Open { .. } | Reading::Closed => None,
    }
}
