//! A hash by which keys collide.

use std::hash::{BuildHasher, Hasher};

/// Hashes well, and keeps few of the bits.
#[derive(Clone, Copy)]
pub(crate) struct Collider {
    /// The bits that are kept.
    pub(crate) few: u64,
}

impl BuildHasher for Collider {
    type Hasher = Collided;

    fn build_hasher(&self) -> Collided {
        Collided {
            few: self.few,
            hash: 0,
        }
    }
}

/// The hash of one key.
pub(crate) struct Collided {
    few: u64,
    hash: u64,
}

impl Hasher for Collided {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            self.hash ^= self.hash >> 29;
        }
    }

    fn finish(&self) -> u64 {
        self.hash & self.few
    }
}
