//! Lookups beside registration and unregistration: each percentile beside that of the best rival.

use crate::effort::Effort;
use crate::latency::{Nothing, PERCENTILES, Seen, seen};
use crate::meter::{Meter, Ours};
use crate::rival::{Dash, Papaya, Scc};
use crate::row::{Row, Unit};
use crate::series::{Series, real};

/// All rounds of one meter.
#[derive(Debug)]
pub struct Column {
    /// The meter's name.
    pub name: &'static str,
    seen: fn(u64) -> Seen,
    /// What it saw, round by round.
    pub rounds: Vec<Seen>,
}

impl Column {
    fn of<M: Meter>() -> Self {
        Self {
            name: M::NAME,
            seen: seen::<M>,
            rounds: Vec::new(),
        }
    }

    /// One percentile, round by round.
    #[must_use]
    pub fn percentile(&self, place: usize) -> Series {
        self.series(|seen| seen.nanos[place])
    }

    /// Something that was counted, round by round.
    pub fn series(&self, of: impl Fn(&Seen) -> u64) -> Series {
        self.rounds.iter().map(|seen| real(of(seen))).collect()
    }
}

/// Every meter in every round, another one first each time. Ours is the first column.
#[must_use]
pub fn columns(effort: &Effort) -> [Column; 5] {
    let sessions = effort.sessions(1_000_000);
    let mut columns = [
        Column::of::<Ours>(),
        Column::of::<Dash>(),
        Column::of::<Papaya>(),
        Column::of::<Scc>(),
        Column::of::<Nothing>(),
    ];
    for round in 0..effort.rounds.count {
        for turn in 0..columns.len() {
            let place = (round + turn) % columns.len();
            let column = &mut columns[place];
            column.rounds.push((column.seen)(sessions));
        }
    }
    columns
}

/// The rows of all percentiles.
#[must_use]
pub fn latency(effort: &Effort) -> Vec<Row> {
    let [ours, rivals @ .., nothing] = columns(effort);
    let mut rows: Vec<_> = PERCENTILES
        .iter()
        .enumerate()
        .filter_map(|(place, (name, _))| {
            let median = |column: &Column| column.percentile(place).median();
            let best = rivals.iter().min_by(|a, b| median(a).total_cmp(&median(b)))?;
            Some(Row::ratio(
                format!("lookup beside churn and growth, {name}"),
                &ours.percentile(place),
                &format!("{}, of all the best", best.name),
                &best.percentile(place),
                Some(1.1),
            ))
        })
        .collect();
    for (place, (name, _)) in PERCENTILES.iter().enumerate() {
        rows.push(Row::figure(
            format!("the same without a lookup (clock and id), {name}"),
            &nothing.percentile(place),
            Unit::Time,
            None,
        ));
    }
    rows.push(Row::figure(
        "frees by the looking thread",
        &ours.series(|seen| seen.counts.frees),
        Unit::Count,
        Some(0.0),
    ));
    rows.push(Row::figure(
        "allocations by the looking thread",
        &ours.series(|seen| seen.counts.allocations),
        Unit::Count,
        Some(0.0),
    ));
    rows
}
