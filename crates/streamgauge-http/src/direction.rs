//! The two directions of traffic, as a server sees them.

use streamgauge::{SessionHandle, Verdict};

/// Which way bytes pass: requests come in, responses go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    pub(crate) fn count(self, session: &SessionHandle, bytes: u64) -> Verdict {
        match self {
            Self::Ingress => session.ingress(bytes),
            Self::Egress => session.egress(bytes),
        }
    }
}

/// One value for each direction.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PerDirection<T> {
    pub(crate) rx: T,
    pub(crate) tx: T,
}

impl<T> PerDirection<T> {
    pub(crate) fn at(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::Ingress => &mut self.rx,
            Direction::Egress => &mut self.tx,
        }
    }
}
