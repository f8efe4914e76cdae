//! The two directions of traffic, as a server sees them.

/// Which way bytes pass: requests come in, responses go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Ingress,
    Egress,
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
