//! What the rows of a chunk had counted at the ends of the window's samples: the low 32 bits of it.
//!
//! The bytes of a window are what a session has counted now less what it had counted where the window begins. As long as
//! that difference is below 2^32, the low 32 bits of both are enough to know it exactly. A row that moves more in its
//! window (above 3.4 Gbit/s for ten seconds) keeps the bits from a higher one on, in *units* of 2^shift bytes: each of
//! its windows is then off by at most one unit, which is less than one part in 2^30 of the window that raised the shift.
//! A window in which nothing passed brings the shift back to 0.
//!
//! Columns, one for each direction and slot of the [`Timeline`](super::timeline::Timeline), so that a tick writes one
//! column from front to back and reads another. The sampler alone reads and writes.

use crate::direction::{Direction, PerDirection};

/// The samples of some rows.
#[derive(Debug)]
pub(super) struct Rings {
    /// By direction, slot and row: columns of `stride` values.
    samples: Vec<u32>,
    shifts: Vec<PerDirection<u8>>,
    stride: usize,
    slots: usize,
}

impl Rings {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            samples: Vec::new(),
            shifts: Vec::new(),
            stride: 0,
            slots,
        }
    }

    /// Adds rows that have counted nothing yet, up to `rows` in all; `most` is what the rings will ever hold.
    pub(super) fn extend_to(&mut self, rows: usize, most: usize) {
        if rows > self.stride {
            self.widen(rows.next_power_of_two().clamp(16, most));
        }
        self.shifts.resize(rows, PerDirection::default());
    }

    fn widen(&mut self, stride: usize) {
        let mut samples = vec![0; stride * self.slots * 2];
        if self.stride > 0 {
            let columns = samples
                .chunks_exact_mut(stride)
                .zip(self.samples.chunks_exact(self.stride));
            for (wide, narrow) in columns {
                wide[..self.stride].copy_from_slice(narrow);
            }
        }
        self.samples = samples;
        self.stride = stride;
    }

    /// Appends a row of another chunk's.
    pub(super) fn append(&mut self, from: &Self, row: usize, most: usize) {
        let to = self.shifts.len();
        self.extend_to(to + 1, most);
        self.shifts[to] = from.shifts[row];
        let columns = self
            .samples
            .chunks_exact_mut(self.stride)
            .zip(from.samples.chunks_exact(from.stride));
        for (column, old) in columns {
            column[to] = old[row];
        }
    }

    fn first_column(&self, direction: Direction) -> usize {
        match direction {
            Direction::Ingress => 0,
            Direction::Egress => self.slots,
        }
    }

    fn column(&self, direction: Direction, slot: usize) -> &[u32] {
        let start = (self.first_column(direction) + slot) * self.stride;
        &self.samples[start..start + self.shifts.len()]
    }

    fn column_mut(&mut self, direction: Direction, slot: usize) -> &mut [u32] {
        let start = (self.first_column(direction) + slot) * self.stride;
        &mut self.samples[start..start + self.shifts.len()]
    }

    /// Widens the units of a row that has counted `now` and had counted `before` when this was last asked, if its window
    /// from `oldest` on will not fit otherwise.
    #[inline]
    pub(super) fn make_room(
        &mut self,
        row: usize,
        direction: Direction,
        before: u64,
        now: u64,
        oldest: usize,
    ) {
        let shift = *self.shifts[row].get(direction);
        let sample = self.samples[(self.first_column(direction) + oldest) * self.stride + row];
        let window = low(before, shift).wrapping_sub(sample);
        // One unit more for what the shift cut off.
        let units = u64::from(window) + ((now - before) >> shift) + 1;
        if units > u64::from(u32::MAX) {
            self.rescale(row, direction, before, units);
        }
    }

    #[cold]
    fn rescale(&mut self, row: usize, direction: Direction, before: u64, units: u64) {
        let shift = *self.shifts[row].get(direction);
        // The window then has 31 bits at most, and room to grow.
        let more = units.ilog2() - 30;
        for slot in 0..self.slots {
            let index = (self.first_column(direction) + slot) * self.stride + row;
            let ago = low(before, shift).wrapping_sub(self.samples[index]);
            let counted = (before >> shift).wrapping_sub(u64::from(ago));
            self.samples[index] = cut(counted >> more);
        }
        *self.shifts[row].get_mut(direction) = shift + u8::try_from(more).unwrap_or(63);
    }

    /// Ends a sample: what every row has counted goes into `slot`. What the windows that begin at `start` hold goes into
    /// `windows`, in bytes.
    pub(super) fn roll(
        &mut self,
        direction: Direction,
        counted: impl Fn(usize) -> u64,
        slot: usize,
        start: usize,
        windows: &mut Vec<u64>,
    ) {
        windows.clear();
        let began = self.column(direction, start);
        windows.extend(
            began
                .iter()
                .zip(&self.shifts)
                .enumerate()
                .map(|(row, (began, shifts))| {
                    let shift = *shifts.get(direction);
                    u64::from(low(counted(row), shift).wrapping_sub(*began)) << shift
                }),
        );
        let first = (self.first_column(direction) + slot) * self.stride;
        let newest = &mut self.samples[first..first + self.shifts.len()];
        for (row, (newest, shifts)) in newest.iter_mut().zip(&self.shifts).enumerate() {
            *newest = low(counted(row), *shifts.get(direction));
        }
        for (row, window) in windows.iter().enumerate() {
            if *window == 0 && *self.shifts[row].get(direction) != 0 {
                self.reset(row, direction, counted(row));
            }
        }
    }

    /// Whole bytes again, for a row whose window is empty: it had counted the same at each sample.
    #[cold]
    fn reset(&mut self, row: usize, direction: Direction, counted: u64) {
        *self.shifts[row].get_mut(direction) = 0;
        for slot in 0..self.slots {
            self.column_mut(direction, slot)[row] = low(counted, 0);
        }
    }
}

/// The 32 bits from `shift` on.
#[inline]
fn low(counted: u64, shift: u8) -> u32 {
    cut(counted >> (shift & 63))
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is meant")]
#[inline]
fn cut(bits: u64) -> u32 {
    bits as u32
}

#[cfg(test)]
mod tests {
    use super::Rings;
    use crate::direction::Direction::{self, Egress, Ingress};

    const SLOTS: usize = 4;

    /// One row, and the exact counts that its samples stand for.
    struct Row {
        rings: Rings,
        counted: u64,
        ends: Vec<u64>,
    }

    impl Row {
        fn new() -> Self {
            let mut rings = Rings::new(SLOTS);
            rings.extend_to(1, 1_024);
            Self {
                rings,
                counted: 0,
                ends: vec![0],
            }
        }

        /// Counts, ends a sample, and answers the window as kept and as it is.
        fn roll(&mut self, direction: Direction, bytes: u64) -> (u64, u64) {
            let before = self.counted;
            self.counted += bytes;
            let n = self.ends.len() - 1;
            // As a timeline with full samples has it: the window begins where the slot is that is written now.
            let slot = n % SLOTS;
            let start = if n < SLOTS { SLOTS - 1 } else { slot };
            self.rings.make_room(0, direction, before, self.counted, start);
            let mut windows = Vec::new();
            let counted = self.counted;
            self.rings.roll(direction, |_| counted, slot, start, &mut windows);
            self.ends.push(counted);
            let began = self.ends[self.ends.len().saturating_sub(SLOTS + 1)];
            (windows[0], counted - began)
        }
    }

    #[test]
    fn windows_below_four_gib_are_exact() {
        for direction in [Ingress, Egress] {
            let mut row = Row::new();
            let mut x = 1_u64;
            for _ in 0..1_000 {
                x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // Four of these are just below 2^32; the sum passes it many times.
                let (kept, exact) = row.roll(direction, x >> 34);
                assert_eq!(kept, exact);
            }
        }
    }

    #[test]
    fn larger_windows_are_off_by_less_than_a_part_in_two_to_the_thirty() {
        let mut row = Row::new();
        let mut bytes = 1_u64;
        // From a byte to 2^56 in one sample.
        for n in 0..56 {
            let (kept, exact) = row.roll(Ingress, bytes + n);
            assert!(kept.abs_diff(exact) <= exact >> 30, "{kept} for {exact}");
            bytes *= 2;
        }
    }

    #[test]
    fn an_empty_window_brings_exactness_back() {
        let mut row = Row::new();
        row.roll(Ingress, 1 << 50);
        for _ in 0..SLOTS {
            row.roll(Ingress, 0);
        }
        for bytes in [1, 2, 3, 4, 5] {
            let (kept, exact) = row.roll(Ingress, bytes);
            assert_eq!(kept, exact);
        }
    }

    #[test]
    fn rows_keep_their_samples_when_they_move() {
        let mut rings = Rings::new(SLOTS);
        rings.extend_to(20, 1_024);
        let mut windows = Vec::new();
        rings.make_room(19, Egress, 0, 1 << 40, SLOTS - 1);
        for slot in 0..SLOTS {
            rings.roll(
                Egress,
                |row| row as u64 * 100 + slot as u64,
                slot,
                SLOTS - 1,
                &mut windows,
            );
        }
        let mut moved = Rings::new(SLOTS);
        for row in [3, 19] {
            moved.append(&rings, row, 1_024);
        }
        for slot in 0..SLOTS {
            assert_eq!(moved.column(Egress, slot)[0], 300 + u32::try_from(slot).unwrap());
            assert_eq!(moved.column(Egress, slot)[1], rings.column(Egress, slot)[19]);
        }
        assert_eq!(moved.shifts[1], rings.shifts[19]);
    }
}
