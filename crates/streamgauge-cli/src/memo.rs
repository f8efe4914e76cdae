//! The flows seen last, so that most packets need no look into the directory of all.
//!
//! A table in which each flow has one place, shared with others: whichever was seen last has it. Small enough to stay in
//! the processor's nearer caches; a flow that is not in it costs one look more than without it.
//!
//! Cost: one multiplication and one cache line; no alloc.

use crate::decode::{Addresses, Flow};

/// Places: a power of two.
const PLACES: usize = 1 << BITS;
const BITS: u32 = 11;

/// Flows of one IP version, and what is known of each.
#[derive(Debug)]
pub(crate) struct Memo<A, T> {
    places: Box<[(Flow<A>, T)]>,
}

impl<A: Addresses, T: Copy + Default> Memo<A, T> {
    /// A memo of no flows.
    pub(crate) fn new() -> Self {
        // The default flow is none that a packet has.
        Self {
            places: vec![Default::default(); PLACES].into_boxed_slice(),
        }
    }

    /// What is known of a flow; where it is not remembered, what `find` says, which is.
    #[inline]
    pub(crate) fn recall(&mut self, flow: Flow<A>, find: impl FnOnce() -> T) -> T {
        let place = usize::try_from(flow.hash() >> (u64::BITS - BITS))
            .ok()
            .and_then(|place| self.places.get_mut(place));
        match place {
            Some((remembered, known)) if *remembered == flow => *known,
            Some(place) => {
                *place = (flow, find());
                place.1
            }
            None => find(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Glimpse, Link};

    fn flow(port: u16) -> Flow<u64> {
        let [high, low] = port.to_be_bytes();
        let frame = [
            &[0; 12][..],
            &[
                8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
            ],
            &[high, low, 0, 53],
        ]
        .concat();
        match Glimpse::of(Link::ETHERNET, &frame) {
            Some(Glimpse::V4(flow)) => flow,
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn a_flow_is_looked_up_once_and_never_taken_for_another() {
        let mut memo = Memo::<u64, u16>::new();
        let mut asked = 0;
        for round in 0..2 {
            for port in 1..=20_000 {
                // Twice in a row: the second time it has its place.
                for _ in 0..2 {
                    let known = memo.recall(flow(port), || {
                        asked += 1;
                        port
                    });
                    assert_eq!(known, port, "round {round}");
                }
            }
        }
        assert!(asked <= 40_000, "{asked}");
        assert!(asked >= 20_000, "{asked}");
    }
}
