//! Session ids of twenty bytes, such as `client-0000123456789`, made in place, and the order in which they are asked for.

use crate::label::digits;

/// Bytes of an id.
pub const ID_LEN: usize = 20;

const PREFIX: &[u8; 7] = b"client-";

/// A buffer that holds one id at a time.
#[derive(Clone, Debug)]
pub struct IdBuffer([u8; ID_LEN]);

impl Default for IdBuffer {
    fn default() -> Self {
        let mut bytes = [b'0'; ID_LEN];
        bytes[..PREFIX.len()].copy_from_slice(PREFIX);
        Self(bytes)
    }
}

impl IdBuffer {
    /// Writes the id of session `number` and shows it.
    #[inline]
    pub fn format(&mut self, number: u64) -> &str {
        digits(&mut self.0[PREFIX.len()..], number);
        self.text()
    }

    /// The id that was written last.
    #[inline]
    #[must_use]
    pub fn text(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl AsRef<[u8]> for IdBuffer {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// An id and a number of bytes.
pub type Call = (IdBuffer, u64);

/// The calls of one burst: a byte for each of 32 sessions, whose ids are made in place.
#[derive(Clone, Debug)]
pub struct Batch([Call; 32]);

impl Default for Batch {
    fn default() -> Self {
        Self(std::array::from_fn(|_| (IdBuffer::default(), 1)))
    }
}

impl Batch {
    /// How many calls a burst has.
    pub const CALLS: u64 = 32;

    /// Draws the sessions of the next burst of so many calls, of at most [`CALLS`](Self::CALLS), and shows them.
    #[inline]
    pub fn draw(&mut self, numbers: &mut Numbers, calls: u64) -> &[Call] {
        let calls = usize::try_from(calls).unwrap_or(usize::MAX).min(self.0.len());
        let calls = &mut self.0[..calls];
        for (id, _) in &mut *calls {
            id.format(numbers.draw());
        }
        calls
    }
}

/// Session numbers below a bound, uniform, in an order that a prefetcher cannot guess (xorshift64*).
#[derive(Clone, Debug)]
pub struct Numbers {
    state: u64,
    bound: u64,
}

impl Numbers {
    /// Numbers below `bound`; another `seed` gives another order.
    #[must_use]
    pub fn new(seed: u64, bound: u64) -> Self {
        Self {
            state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            bound,
        }
    }

    /// The next number.
    #[inline]
    pub fn draw(&mut self) -> u64 {
        self.draw_below(self.bound)
    }

    /// The next number, below another bound.
    #[inline]
    pub fn draw_below(&mut self, bound: u64) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        // The upper half of the product is uniform below the bound; below 2^64 it fits.
        let product = u128::from(self.state.wrapping_mul(0x2545_F491_4F6C_DD1D)) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or(0)
    }
}

/// Where a contestant's ids come from: one source for each thread.
pub trait Ids: Send + 'static {
    /// Ids of the sessions below `sessions`, in random order; another `seed` gives another order.
    fn new(seed: u64, sessions: u64) -> Self;

    /// The next id.
    fn next(&mut self) -> &str;
}

/// Ids that are made in place, just before each is asked for.
#[derive(Clone, Debug)]
pub struct MadeIds {
    numbers: Numbers,
    id: IdBuffer,
}

impl Ids for MadeIds {
    fn new(seed: u64, sessions: u64) -> Self {
        Self {
            numbers: Numbers::new(seed, sessions),
            id: IdBuffer::default(),
        }
    }

    #[inline]
    fn next(&mut self) -> &str {
        self.id.format(self.numbers.draw())
    }
}

/// Ids that were made ahead: one after the other in memory, as the keys of packets are.
#[derive(Clone, Debug)]
pub struct ReadyIds {
    ids: String,
    /// Where the next one begins.
    at: usize,
}

/// Ids that are made ahead: so many that walking through them does not help a small cache, and few enough for a large one.
const READY: usize = 1 << 17;

impl Ids for ReadyIds {
    fn new(seed: u64, sessions: u64) -> Self {
        let mut made = MadeIds::new(seed, sessions);
        let mut ids = String::with_capacity(READY * ID_LEN);
        for _ in 0..READY {
            ids.push_str(made.next());
        }
        Self { ids, at: 0 }
    }

    #[inline]
    fn next(&mut self) -> &str {
        let id = self.at..self.at + ID_LEN;
        self.at = if id.end == self.ids.len() { 0 } else { id.end };
        self.ids.get(id).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_formatted_in_place() {
        let mut id = IdBuffer::default();
        assert_eq!(id.format(123_456_789), "client-0000123456789");
        assert_eq!(id.format(0), "client-0000000000000");
    }

    #[test]
    fn ready_ids_are_those_that_are_made_in_their_order_and_then_again() {
        let (mut ready, mut made) = (ReadyIds::new(3, 1_000), MadeIds::new(3, 1_000));
        let first = made.clone().next().to_owned();
        for _ in 0..READY {
            assert_eq!(ready.next(), made.next());
        }
        assert_eq!(ready.next(), first);
    }

    #[test]
    fn numbers_cover_their_range() {
        let mut numbers = Numbers::new(1, 10);
        let mut seen = [0u32; 10];
        for _ in 0..10_000 {
            seen[usize::try_from(numbers.draw()).unwrap()] += 1;
        }
        assert!(seen.iter().all(|&times| (800..1200).contains(&times)), "{seen:?}");
    }
}
