//! Registrations: what the truncation of a peer's address adds to them, which is nothing where it is off.

use std::ops::RangeInclusive;

use streamgauge::{Collector, CollectorConfig, ManualClock, PeerTruncation};
use streamgauge_testkit::count;

use crate::{alone, id};

const SESSIONS: u64 = 1_000;

/// How many allocations that many registrations are.
fn allocations(peer: &str, truncation: Option<PeerTruncation>) -> u64 {
    let mut config = CollectorConfig::default();
    config.peer_truncation = truncation;
    let collector = Collector::manual(config, ManualClock::default());
    // The labels are there already.
    collector.register(id(SESSIONS), "stream", "here", peer);
    let ((), counts) = count(|| {
        for n in 0..SESSIONS {
            collector.register(id(n), "stream", "here", peer);
        }
    });
    assert!(collector.is_known_session(id(0)));
    counts.allocations
}

#[test]
fn truncation_is_an_allocation_for_a_peer_that_is_an_address_and_none_for_any_other() {
    let _alone = alone();
    let (address, name) = ("[2001:db8::7]:443", "viewer.example:443");
    let on = Some(PeerTruncation::default());
    // Sessions come from blocks, of which this thread may have one more or less in hand.
    let about = |count: u64| -> RangeInclusive<u64> { count.saturating_sub(20)..=count + 20 };
    let plain = allocations(name, None);
    for (peer, truncation, more) in [(address, None, 0), (name, on, 0), (address, on, SESSIONS)] {
        let made = allocations(peer, truncation);
        assert!(
            about(plain + more).contains(&made),
            "{made} for {peer}, {plain} without"
        );
    }
}
