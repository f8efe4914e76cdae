//! The two directions of traffic, and pairs of values, one for each.

/// Which way bytes pass.
///
/// Calls say ingress and egress; data says rx and tx. Ingress is what the embedding program receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    pub(crate) const BOTH: [Self; 2] = [Self::Ingress, Self::Egress];
}

/// One value for each direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PerDirection<T> {
    pub(crate) rx: T,
    pub(crate) tx: T,
}

impl<T> PerDirection<T> {
    pub(crate) const fn new(rx: T, tx: T) -> Self {
        Self { rx, tx }
    }

    #[inline]
    pub(crate) fn get(&self, direction: Direction) -> &T {
        match direction {
            Direction::Ingress => &self.rx,
            Direction::Egress => &self.tx,
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::Ingress => &mut self.rx,
            Direction::Egress => &mut self.tx,
        }
    }

    pub(crate) fn map<U>(&self, mut value: impl FnMut(&T) -> U) -> PerDirection<U> {
        PerDirection {
            rx: value(&self.rx),
            tx: value(&self.tx),
        }
    }
}

impl PerDirection<u64> {
    /// The two sums, each held at `u64::MAX` where it would wrap.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            rx: self.rx.saturating_add(other.rx),
            tx: self.tx.saturating_add(other.tx),
        }
    }

    /// What `self` is above `earlier`, in each direction.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            rx: self.rx.saturating_sub(earlier.rx),
            tx: self.tx.saturating_sub(earlier.tx),
        }
    }

    pub(crate) fn is_zero(self) -> bool {
        self.rx == 0 && self.tx == 0
    }
}
