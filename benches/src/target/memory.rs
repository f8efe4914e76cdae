//! Resident memory for each session.

use crate::effort::Effort;
use crate::memory::{KINDS, measure};
use crate::row::{Row, Unit};
use crate::series::Series;

/// Every kind, three times: memory hardly changes from one run to the next.
///
/// # Panics
///
/// Panics where a child does not answer.
#[must_use]
pub fn memory(effort: &Effort) -> Vec<Row> {
    let sessions = effort.sessions(1_000_000);
    KINDS
        .iter()
        .map(|kind| {
            let (mut resident, mut heap) = (Series::default(), Series::default());
            for _ in 0..effort.rounds.count.min(3) {
                match measure(kind, sessions) {
                    Ok(bytes) => {
                        resident.push(bytes.resident);
                        heap.push(bytes.heap);
                    }
                    Err(error) => assert!(error.is_empty(), "{error}"),
                }
            }
            Row::figure(
                format!("resident for each of {sessions} sessions, {}", kind.about),
                &resident,
                Unit::Bytes,
                kind.goal,
            )
            .beside(format!("heap: {:.1} B", heap.median()))
        })
        .collect()
}
