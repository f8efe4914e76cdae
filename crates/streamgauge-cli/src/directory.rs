//! Which conversation a packet belongs to: conversations by their keys, numbered in the order in which they began.
//!
//! Cost: a lookup in a hash map; no alloc but for a new conversation.

use std::collections::hash_map::Entry;

use ahash::{HashMap, HashMapExt};

use crate::conversation::{Conversation, ConversationKey};
use crate::endpoints::Endpoints;

/// The conversations so far.
#[derive(Debug)]
pub struct Directory {
    places: HashMap<ConversationKey, Place>,
}

/// What is known of a conversation.
#[derive(Clone, Copy, Debug)]
struct Place {
    number: usize,
    began_low: bool,
}

/// Where a packet belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The number of its conversation.
    pub number: usize,
    /// Whether the initiator of the conversation sent it.
    pub from_initiator: bool,
    /// The conversation, if this packet is its first.
    pub opened: Option<Conversation>,
}

impl Directory {
    /// A directory without conversations.
    #[must_use]
    pub fn new() -> Self {
        Self {
            places: HashMap::new(),
        }
    }

    /// The conversation of a packet between these ends, which begins with it if there is none.
    pub fn find(&mut self, ends: Option<&Endpoints>) -> Found {
        let (key, from_low) = ends.map_or((ConversationKey::NON_IP, true), ConversationKey::of);
        let number = self.places.len();
        match self.places.entry(key) {
            Entry::Occupied(place) => Found {
                number: place.get().number,
                from_initiator: from_low == place.get().began_low,
                opened: None,
            },
            Entry::Vacant(vacant) => {
                vacant.insert(Place {
                    number,
                    began_low: from_low,
                });
                Found {
                    number,
                    from_initiator: true,
                    opened: Some(Conversation {
                        key,
                        began_low: from_low,
                    }),
                }
            }
        }
    }
}

impl Default for Directory {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoints::Endpoint;

    #[test]
    fn conversations_are_numbered_as_they_begin_and_know_who_began_them() {
        let end = |last: u8, port| Endpoint {
            ip: [10, 0, 0, last].into(),
            port: Some(port),
        };
        let ends = |source, destination| Endpoints {
            protocol: 6,
            source,
            destination,
        };
        let (client, server) = (end(9, 4000), end(1, 80));
        let mut directory = Directory::new();
        let seen = [
            Some(ends(client, server)),
            Some(ends(server, client)),
            None,
            Some(ends(server, end(9, 4001))),
            Some(ends(client, server)),
            None,
            Some(ends(end(9, 4001), server)),
        ]
        .map(|ends| directory.find(ends.as_ref()));
        assert_eq!(seen.map(|found| found.number), [0, 0, 1, 2, 0, 1, 2]);
        assert_eq!(
            seen.map(|found| found.from_initiator),
            [true, false, true, true, true, true, false]
        );
        let opened = seen.map(|found| found.opened.and_then(|opened| opened.initiator()));
        assert_eq!(opened[0], Some(client));
        assert_eq!(opened[3], Some(server));
        assert_eq!(seen.iter().filter(|found| found.opened.is_some()).count(), 3);
    }
}
