//! How much is measured: the full measure, or as little as shows that everything runs.

use std::time::Duration;

use crate::rounds::Rounds;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How contestants take turns.
    pub rounds: Rounds,
    /// Whether this is a smoke run.
    pub is_quick: bool,
}

impl Effort {
    /// The full measure.
    #[must_use]
    pub fn full(rounds: usize) -> Self {
        Self {
            rounds: Rounds {
                count: rounds.max(1),
                span: Duration::from_millis(100),
            },
            is_quick: false,
        }
    }

    /// Two short rounds over few sessions.
    #[must_use]
    pub fn quick() -> Self {
        Self {
            rounds: Rounds {
                count: 2,
                span: Duration::from_millis(2),
            },
            is_quick: true,
        }
    }

    /// As many sessions as asked for, or few in a smoke run.
    #[must_use]
    pub fn sessions(&self, full: u64) -> u64 {
        if self.is_quick { full.min(2_000) } else { full }
    }

    /// The numbers of sessions that calls by id are measured at.
    #[must_use]
    pub fn sizes(&self) -> &'static [u64] {
        if self.is_quick {
            &[100, 2_000]
        } else {
            &[1_000, 10_000, 100_000, 1_000_000]
        }
    }
}
