//! Repeatable choices.

/// A generator of pseudo-random numbers (splitmix64), one for each thread.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(crate) fn pick(&mut self, choices: usize) -> usize {
        usize::try_from(self.below(choices as u64)).unwrap()
    }

    /// True once in `n` times.
    pub(crate) fn is_one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}
