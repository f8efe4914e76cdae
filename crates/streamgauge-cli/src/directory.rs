//! Which conversation a packet belongs to: conversations by their keys, numbered in the order in which they began.
//!
//! Packets of flows seen a moment ago are told by the flow alone. For others the conversation's key is made, which both
//! directions share, and looked for among all.
//!
//! Cost: a comparison for a flow that is remembered, else a lookup in a hash map; no alloc but for a new conversation.

use std::collections::hash_map::Entry;

use ahash::{HashMap, HashMapExt};

use crate::conversation::{Conversation, ConversationKey};
use crate::decode::{Addresses, Flow, Glimpse};
use crate::endpoints::Endpoints;
use crate::memo::Memo;

/// The conversations so far.
#[derive(Debug)]
pub struct Directory {
    places: Places,
    recent_v4: Memo<u64, Place>,
    recent_v6: Memo<[u128; 2], Place>,
}

/// Where a packet belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The number of its conversation.
    pub number: u32,
    /// Whether the initiator of the conversation sent it.
    pub from_initiator: bool,
}

/// The number of each conversation, and whether its initiator is the lower end.
#[derive(Debug)]
struct Places(HashMap<ConversationKey, (u32, bool)>);

impl Directory {
    /// A directory without conversations.
    #[must_use]
    pub fn new() -> Self {
        Self {
            places: Places(HashMap::new()),
            recent_v4: Memo::new(),
            recent_v6: Memo::new(),
        }
    }

    /// The conversation of a packet between these ends. If it begins with this packet it is added to `opened`.
    pub fn find(&mut self, ends: Option<&Endpoints>, opened: &mut Vec<Conversation>) -> Place {
        self.places.find(ends, opened)
    }

    /// The conversation of an ordinary packet, as [`find`](Self::find) gives it for the packet's ends.
    #[inline]
    pub fn find_glimpsed(&mut self, glimpse: Glimpse, opened: &mut Vec<Conversation>) -> Place {
        match glimpse {
            Glimpse::V4(flow) => self
                .recent_v4
                .recall(flow, || self.places.find_flow(flow, opened)),
            Glimpse::V6(flow) => self
                .recent_v6
                .recall(flow, || self.places.find_flow(flow, opened)),
        }
    }
}

impl Default for Directory {
    fn default() -> Self {
        Self::new()
    }
}

impl Places {
    #[inline(never)]
    fn find_flow<A: Addresses>(&mut self, flow: Flow<A>, opened: &mut Vec<Conversation>) -> Place {
        self.find(Some(&flow.endpoints()), opened)
    }

    fn find(&mut self, ends: Option<&Endpoints>, opened: &mut Vec<Conversation>) -> Place {
        let (key, from_low) = ends.map_or((ConversationKey::NON_IP, true), ConversationKey::of);
        // 2^31 conversations, which is what batches have numbers for, need more memory than machines have: 128 GiB for
        // their keys.
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        match self.0.entry(key) {
            Entry::Occupied(place) => {
                let (number, began_low) = *place.get();
                Place {
                    number,
                    from_initiator: from_low == began_low,
                }
            }
            Entry::Vacant(vacant) => {
                vacant.insert((next, from_low));
                opened.push(Conversation {
                    key,
                    began_low: from_low,
                });
                Place {
                    number: next,
                    from_initiator: true,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Link, decode};

    /// An ordinary frame between two ends, of which each is the last byte of an address and a port.
    fn frame(source: (u8, u8), destination: (u8, u8)) -> Vec<u8> {
        [
            &[0; 12][..],
            &[8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 6, 0, 0],
            &[10, 0, 0, source.0, 10, 0, 0, destination.0],
            &[40, source.1, 40, destination.1],
        ]
        .concat()
    }

    #[test]
    fn conversations_are_numbered_as_they_begin_and_know_who_began_them() {
        let (client, server) = ((9, 1), (1, 80));
        let packets = [
            Some((client, server)),
            Some((server, client)),
            None,
            Some((server, (9, 2))),
            Some((client, server)),
            None,
            Some(((9, 2), server)),
        ];
        // The short way and the long one, the memo warm and cold: all say the same.
        let (mut directory, mut opened) = (Directory::new(), Vec::new());
        for _ in 0..2 {
            for way in ["short", "long"] {
                let seen = packets.map(|packet| {
                    let frame = packet.map(|(source, destination)| frame(source, destination));
                    let frame = frame.unwrap_or_default();
                    match Glimpse::of(Link::ETHERNET, &frame) {
                        Some(glimpse) if way == "short" => directory.find_glimpsed(glimpse, &mut opened),
                        _ => directory.find(decode(Link::ETHERNET, &frame).as_ref(), &mut opened),
                    }
                });
                assert_eq!(seen.map(|place| place.number), [0, 0, 1, 2, 0, 1, 2], "{way}");
                assert_eq!(
                    seen.map(|place| place.from_initiator),
                    [true, false, true, true, true, true, false],
                    "{way}"
                );
            }
        }
        let initiators: Vec<_> = opened
            .iter()
            .map(|conversation| conversation.initiator().and_then(|end| end.port))
            .collect();
        assert_eq!(initiators, [Some(40 << 8 | 1), None, Some(40 << 8 | 80)]);
    }
}
