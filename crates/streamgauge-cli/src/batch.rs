//! What the thread that reads a capture hands to the thread that meters it: many packets at a time, 16 bytes each.
//!
//! A batch is filled by one thread, sent, emptied by the other and sent back: its memory is used again. Conversations are
//! numbered in the order in which they began, so a batch that has a packet of a new one also has what names it.

use std::time::Duration;

use crate::conversation::Conversation;
use crate::directory::Place;

/// Packets in a batch at most: 64 KiB, so that a batch on its way between two processors stays in their caches.
const CAPACITY: usize = 4096;

/// A packet: whose it is, when it was captured, and how long it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Nanoseconds since captured time began.
    pub nanos: u64,
    /// Bytes on the wire.
    pub wire_bytes: u32,
    /// The conversation's number, and in the lowest bit whether its initiator sent the packet.
    tag: u32,
}

/// Packets of some conversations, in the order of the capture.
#[derive(Debug, Default)]
pub struct Batch {
    /// When captured time began, since 1970, if it did so with this batch.
    pub start: Option<Duration>,
    /// The conversations that began in this batch, in the order of their numbers.
    pub opened: Vec<Conversation>,
    /// The packets.
    pub sightings: Vec<Sighting>,
}

impl Sighting {
    /// A packet that belongs there.
    #[must_use]
    pub fn new(place: Place, nanos: u64, wire_bytes: u32) -> Self {
        Self {
            nanos,
            wire_bytes,
            tag: place.number << 1 | u32::from(place.from_initiator),
        }
    }

    /// The number of its conversation.
    #[must_use]
    pub fn conversation(self) -> usize {
        (self.tag >> 1) as usize
    }

    /// Whether the initiator of its conversation sent it.
    #[must_use]
    pub fn is_from_initiator(self) -> bool {
        self.tag & 1 != 0
    }
}

impl Batch {
    /// Whether it is time to send it.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.sightings.len() >= CAPACITY
    }

    /// Empties it, and keeps its memory.
    pub fn clear(&mut self) {
        self.start = None;
        self.opened.clear();
        self.sightings.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sighting_is_small_and_keeps_what_it_was_given() {
        assert_eq!(size_of::<Sighting>(), 16);
        for (number, from_initiator) in [(0, true), (0, false), (7, true), ((1 << 31) - 1, false)] {
            let place = Place {
                number,
                from_initiator,
            };
            let sighting = Sighting::new(place, 5, u32::MAX);
            assert_eq!(
                (sighting.conversation(), sighting.is_from_initiator()),
                (number as usize, from_initiator)
            );
            assert_eq!((sighting.nanos, sighting.wire_bytes), (5, u32::MAX));
        }
    }
}
