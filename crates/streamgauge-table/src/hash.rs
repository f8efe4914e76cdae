//! A key's hash, and which of its bits decide what.
//!
//! The highest bits choose the segment, as many as the directory has; the lowest choose the bucket where a search begins;
//! eight between them are the tag. The three meet nowhere, since the directory never takes more than [`MAX_DEPTH`] bits.

use std::hash::{BuildHasher, Hasher};

use crate::segment::BUCKETS;

/// More bits than these are not used to tell segments apart.
pub(crate) const MAX_DEPTH: u32 = 40;

const TAG_AT: u32 = 8;

/// A bit that tells segments apart, one that tells buckets apart, one of the tag: eight hashes in all.
#[cfg(streamgauge_colliding_hash)]
const COLLIDING: u64 = 1 << 63 | 1 << TAG_AT | 1;

/// The hash of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hash(u64);

impl Hash {
    /// Hashes the bytes alone: a key stands by itself, so its length needs no separator.
    #[inline]
    pub(crate) fn of<S: BuildHasher>(key: &[u8], state: &S) -> Self {
        let mut hasher = state.build_hasher();
        hasher.write(key);
        let hash = hasher.finish();
        // For stress tests from outside, whose keys cannot be made to collide, since the hash is keyed at random.
        #[cfg(streamgauge_colliding_hash)]
        let hash = hash & COLLIDING;
        Self(hash)
    }

    /// The least hash of a part of the table.
    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits above `shift`, which is at least `64 - MAX_DEPTH` and less than 64.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most 40 bits, and the core is for 64-bit words"
    )]
    pub(crate) fn prefix(self, shift: u32) -> usize {
        (self.0 >> (shift & 63)) as usize
    }

    /// The bit that tells the two halves of a segment of this depth apart.
    pub(crate) fn bit(self, depth: u32) -> bool {
        (self.0 << (depth & 63)) >> 63 == 1
    }

    /// The least hash whose first `depth` bits are the next number after this one's; nothing after the highest.
    pub(crate) fn beyond(self, depth: u32) -> Option<Self> {
        let below = u64::MAX.checked_shr(depth).unwrap_or(0);
        (self.0 | below).checked_add(1).map(Self)
    }

    /// The bucket where the key is looked for first: less than `BUCKETS`.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the lowest bits are what is asked for"
    )]
    pub(crate) fn bucket(self) -> usize {
        self.0 as usize % BUCKETS
    }

    /// What a bucket holds of the hash: never 0, which marks a free slot.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "eight bits are what is asked for")]
    pub(crate) fn tag(self) -> u8 {
        ((self.0 >> TAG_AT) as u8).max(1)
    }
}

#[cfg(all(test, not(any(loom, streamgauge_colliding_hash))))]
mod tests {
    use super::{BUCKETS, Hash};

    #[test]
    fn segment_bucket_and_tag_are_chosen_by_bits_of_their_own() {
        let chosen = |bits| {
            let hash = Hash::from_bits(bits);
            (hash.prefix(24), hash.bucket(), hash.tag())
        };
        assert_eq!(chosen(0), (0, 0, 1));
        for bit in 0..64 {
            let expected = match bit {
                0..6 => (0, 1 << bit, 1),
                8..16 => (0, 0, 1 << (bit - 8)),
                24..64 => (1 << (bit - 24), 0, 1),
                _ => (0, 0, 1),
            };
            assert_eq!(chosen(1 << bit), expected, "bit {bit}");
        }
        assert!(Hash::from_bits(u64::MAX).bucket() < BUCKETS);
    }

    #[test]
    fn parts_follow_each_other_to_the_last() {
        let half = Hash::from_bits(0).beyond(1);
        assert_eq!(half, Some(Hash::from_bits(1 << 63)));
        // From within a part the next one is the same.
        assert_eq!(Hash::from_bits(1).beyond(1), half);
        assert_eq!(half.and_then(|half| half.beyond(1)), None);
        assert_eq!(Hash::from_bits(0).beyond(0), None);
    }
}
