//! What a history file can make its loader allocate.

use streamgauge::{FileStore, HistoryStore, Loaded};
use streamgauge_testkit::count;

/// A log whose only record checks out around any payload.
fn framed(payload: &[u8]) -> Vec<u8> {
    let place = [&2_u32.to_le_bytes()[..], &0_u64.to_le_bytes()].concat();
    let mut header = [&b"SGHISTRY"[..], &2_u32.to_le_bytes(), &place, &[0; 4]].concat();
    header.extend(crc32fast::hash(&header).to_le_bytes());
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let head = [&b"SGRC\x01\x01\x00\x00"[..], &length.to_le_bytes()].concat();
    let checked = [&place[..], &32_u64.to_le_bytes(), &head, payload].concat();
    let checksum = crc32fast::hash(&checked).to_le_bytes();
    [&header[..], &head, &checksum, payload].concat()
}

#[test]
fn p6_a_payload_that_claims_more_than_it_has_allocates_next_to_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = FileStore::open(directory.path()).unwrap();
    // A row, or an open session of serial 0, whose label or id has 4 GiB less one, and no more.
    let label = [&[0, 252][..], &(u32::MAX - 1).to_le_bytes()].concat();
    let id = [&[2, 0, 252][..], &(u32::MAX - 1).to_le_bytes()].concat();
    for payload in [label, id] {
        std::fs::write(directory.path().join("hls.0.log"), framed(&payload)).unwrap();
        let (loaded, counts) = count(|| store.load("hls").unwrap());
        let Loaded::Damaged { set_aside, .. } = &loaded else {
            panic!("{loaded:?}");
        };
        let damage = &set_aside[0].damage;
        assert!(damage.cause.contains("an entry that cannot be read"), "{damage}");
        assert!(counts.largest_allocation < 1 << 16, "{counts:?}");
    }
}
