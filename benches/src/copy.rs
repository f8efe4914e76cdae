//! Copying memory in a tight loop: 128 bytes for each session, the floor that a tick is compared with.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// How often it is copied in one turn.
const TIMES: u32 = 4;

/// Two arrays.
#[derive(Debug)]
pub struct Copy {
    from: Vec<u64>,
    to: Vec<u64>,
}

impl Copy {
    /// Arrays of 128 bytes for each session.
    #[must_use]
    pub fn of(sessions: u64) -> Self {
        let words = usize::try_from(sessions * 16).unwrap_or_default();
        Self {
            from: vec![1; words],
            to: vec![0; words],
        }
    }

    /// The mean time of one copy.
    pub fn run(&mut self) -> Duration {
        let start = Instant::now();
        for _ in 0..TIMES {
            black_box(&mut self.to).copy_from_slice(black_box(&self.from));
        }
        start.elapsed() / TIMES
    }
}
