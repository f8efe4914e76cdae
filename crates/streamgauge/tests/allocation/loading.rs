//! What a history file can make its loader allocate.

use streamgauge::{FileStore, HistoryStore, Loaded};
use streamgauge_testkit::count;

/// A file whose frame checks out around any payload.
fn framed(payload: &[u8]) -> Vec<u8> {
    let mut checked = 1_u32.to_le_bytes().to_vec();
    checked.extend((payload.len() as u64).to_le_bytes());
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&checked);
    hasher.update(payload);
    let checksum = hasher.finalize().to_le_bytes();
    [b"SGHISTRY", &checked[..], &checksum, payload].concat()
}

#[test]
fn p6_a_payload_that_claims_more_than_it_has_allocates_next_to_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = FileStore::open(directory.path()).unwrap();
    // Taken at 0, nothing discarded; then 30 million rows, or a label of 4 GiB less one, and no more.
    let rows = [&[0; 7][..], &[252], &30_000_000_u32.to_le_bytes()].concat();
    let label = [&[0; 7][..], &[1, 252], &(u32::MAX - 1).to_le_bytes()].concat();
    for payload in [rows, label] {
        std::fs::write(directory.path().join("hls.history"), framed(&payload)).unwrap();
        let (loaded, counts) = count(|| store.load("hls").unwrap());
        assert!(
            matches!(&loaded, Loaded::SetAside(aside) if aside.cause.starts_with("after byte")),
            "{loaded:?}"
        );
        assert!(counts.largest_allocation < 1 << 16, "{counts:?}");
    }
}
