//! The two directions of traffic, as the model names them: it shares no code with the core, its pairs included.

/// A direction of traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Ingress: what is received.
    In,
    /// Egress: what is sent.
    Out,
}

impl Way {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::In, Self::Out];
}

/// One value for each direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pair<T> {
    /// Received.
    pub rx: T,
    /// Sent.
    pub tx: T,
}

impl<T> Pair<T> {
    /// The value of a direction.
    pub fn of(&self, way: Way) -> &T {
        match way {
            Way::In => &self.rx,
            Way::Out => &self.tx,
        }
    }

    /// The value of a direction, to be changed.
    pub fn of_mut(&mut self, way: Way) -> &mut T {
        match way {
            Way::In => &mut self.rx,
            Way::Out => &mut self.tx,
        }
    }
}

impl<T> Pair<T> {
    /// A pair of what `value` says of each direction.
    pub fn each(value: impl Fn(Way) -> T) -> Self {
        Self {
            rx: value(Way::In),
            tx: value(Way::Out),
        }
    }
}
