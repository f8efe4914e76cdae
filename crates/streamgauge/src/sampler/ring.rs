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

use super::timeline::Roll;
use crate::direction::{Direction, PerDirection};

/// The samples of some rows.
#[derive(Debug)]
pub(super) struct Rings {
    /// By direction, slot and row: columns of `stride` values.
    samples: Vec<u32>,
    /// By row; empty until the first is not 0, and then one for each.
    shifts: Vec<PerDirection<u8>>,
    /// How many of them are not 0.
    scaled: usize,
    rows: usize,
    stride: usize,
    slots: usize,
}

impl Rings {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            samples: Vec::new(),
            shifts: Vec::new(),
            scaled: 0,
            rows: 0,
            stride: 0,
            slots,
        }
    }

    /// Adds rows that have counted nothing yet, up to `rows` in all; `most` is what the rings will ever hold.
    pub(super) fn extend_to(&mut self, rows: usize, most: usize) {
        if rows > self.stride {
            self.widen(rows.next_power_of_two().clamp(16, most));
        }
        self.rows = rows;
        if !self.shifts.is_empty() {
            self.shifts.resize(rows, PerDirection::default());
        }
    }

    fn shift(&self, row: usize, direction: Direction) -> u8 {
        self.shifts.get(row).map_or(0, |shifts| *shifts.get(direction))
    }

    fn set_shift(&mut self, row: usize, direction: Direction, shift: u8) {
        let before = self.shift(row, direction);
        if shift == before {
            return;
        }
        if self.shifts.is_empty() {
            self.shifts.resize(self.rows, PerDirection::default());
        }
        self.scaled = self.scaled + usize::from(shift != 0) - usize::from(before != 0);
        *self.shifts[row].get_mut(direction) = shift;
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
        let to = self.rows;
        self.extend_to(to + 1, most);
        for direction in Direction::BOTH {
            self.set_shift(to, direction, from.shift(row, direction));
        }
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

    fn column(&self, direction: Direction, slot: usize) -> std::ops::Range<usize> {
        let start = (self.first_column(direction) + slot) * self.stride;
        start..start + self.rows
    }

    /// Widens the units of a row that has counted `now` and had counted `before` when this was last asked, if its window
    /// from `oldest` on will not fit otherwise. Need not be asked for a row that has counted less than 4 GiB in all.
    pub(super) fn make_room(
        &mut self,
        row: usize,
        before: PerDirection<u64>,
        now: PerDirection<u64>,
        oldest: usize,
    ) {
        for direction in Direction::BOTH {
            let (before, now) = (*before.get(direction), *now.get(direction));
            let shift = self.shift(row, direction);
            let sample = self.samples[(self.first_column(direction) + oldest) * self.stride + row];
            let window = low(before, shift).wrapping_sub(sample);
            // One unit more for what the shift cut off.
            let units = u64::from(window) + ((now - before) >> shift) + 1;
            if units > u64::from(u32::MAX) {
                self.rescale(row, direction, before, units);
            }
        }
    }

    #[cold]
    fn rescale(&mut self, row: usize, direction: Direction, before: u64, units: u64) {
        let shift = self.shift(row, direction);
        // The window then has 31 bits at most, and room to grow.
        let more = units.ilog2() - 30;
        for slot in 0..self.slots {
            let index = (self.first_column(direction) + slot) * self.stride + row;
            let ago = low(before, shift).wrapping_sub(self.samples[index]);
            let counted = (before >> shift).wrapping_sub(u64::from(ago));
            self.samples[index] = cut(counted >> more);
        }
        self.set_shift(row, direction, shift + u8::try_from(more).unwrap_or(63));
    }

    /// Ends a sample of one direction: what every row has counted goes into the new slot. What the windows hold that begin
    /// at `roll.start` goes into `windows`, in bytes.
    pub(super) fn roll<T>(
        &mut self,
        rows: &[T],
        counted: impl Fn(&T) -> u64,
        direction: Direction,
        roll: Roll,
        windows: &mut Vec<u64>,
    ) {
        windows.resize(self.rows, 0);
        let began = &self.samples[self.column(direction, roll.start)];
        if self.scaled == 0 {
            for ((window, began), row) in windows.iter_mut().zip(began).zip(rows) {
                *window = u64::from(cut(counted(row)).wrapping_sub(*began));
            }
            let newest = self.column(direction, roll.slot);
            for (newest, row) in self.samples[newest].iter_mut().zip(rows) {
                *newest = cut(counted(row));
            }
            return;
        }
        for (((window, began), row), shifts) in windows.iter_mut().zip(began).zip(rows).zip(&self.shifts) {
            let shift = *shifts.get(direction);
            *window = u64::from(low(counted(row), shift).wrapping_sub(*began)) << shift;
        }
        let newest = self.column(direction, roll.slot);
        for ((newest, row), shifts) in self.samples[newest].iter_mut().zip(rows).zip(&self.shifts) {
            *newest = low(counted(row), *shifts.get(direction));
        }
        for (index, row) in rows.iter().enumerate() {
            if windows[index] == 0 && self.shift(index, direction) != 0 {
                self.reset(index, direction, counted(row));
            }
        }
    }

    /// Whole bytes again, for a row whose window is empty: it had counted the same at each sample.
    #[cold]
    fn reset(&mut self, row: usize, direction: Direction, counted: u64) {
        self.set_shift(row, direction, 0);
        for slot in 0..self.slots {
            let column = self.column(direction, slot);
            self.samples[column][row] = cut(counted);
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
    use super::{PerDirection, Rings, Roll};
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
            let one = |bytes| match direction {
                Ingress => PerDirection::new(bytes, 0),
                Egress => PerDirection::new(0, bytes),
            };
            self.rings.make_room(0, one(before), one(self.counted), start);
            let mut windows = Vec::new();
            let counted = self.counted;
            let roll = Roll {
                slot,
                start,
                seconds: 1.0,
            };
            self.rings
                .roll(&[counted], |row| *row, direction, roll, &mut windows);
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
    fn a_window_has_room_for_what_the_units_cut_off() {
        let mut row = Row::new();
        // Units of four bytes from here on.
        row.roll(Ingress, 1 << 32);
        assert_eq!(row.rings.shift(0, Ingress), 2);
        // Three bytes, then as many as fill the window but for one unit, and a byte: with those three it is one unit more.
        row.roll(Ingress, 3);
        let (kept, exact) = row.roll(Ingress, (((1 << 32) - 1) << 2) + 1 - (1 << 32));
        assert_eq!(exact, 1 << 34);
        assert!(kept.abs_diff(exact) <= exact >> 30, "{kept} for {exact}");
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
        let nothing = PerDirection::default();
        rings.make_room(19, nothing, PerDirection::new(0, 1 << 40), SLOTS - 1);
        let rows: Vec<u64> = (0..20).map(|row| row * 100).collect();
        for slot in 0..SLOTS {
            let roll = Roll {
                slot,
                start: SLOTS - 1,
                seconds: 1.0,
            };
            rings.roll(&rows, |row| row + slot as u64, Egress, roll, &mut windows);
        }
        let mut moved = Rings::new(SLOTS);
        for row in [3, 19] {
            moved.append(&rings, row, 1_024);
        }
        let samples = |rings: &Rings, row: usize| -> Vec<u32> {
            (0..SLOTS)
                .map(|slot| rings.samples[rings.column(Egress, slot)][row])
                .collect()
        };
        assert_eq!(samples(&moved, 0), [300, 301, 302, 303]);
        assert_eq!(samples(&moved, 1), samples(&rings, 19));
        assert!(moved.shift(1, Egress) > 0 && moved.scaled == 1);
        assert_eq!(moved.shift(1, Egress), rings.shift(19, Egress));
        // The next row is whole bytes, and has its shift beside the one that is not.
        moved.extend_to(3, 1_024);
        assert_eq!((moved.shift(2, Egress), moved.shifts.len()), (0, 3));
    }

    #[test]
    fn rows_have_no_shifts_until_one_is_rescaled() {
        let mut row = Row::new();
        row.roll(Ingress, u64::from(u32::MAX) - 1);
        assert_eq!(row.rings.shifts.capacity(), 0);
        let mut moved = Rings::new(SLOTS);
        moved.append(&row.rings, 0, 1_024);
        assert_eq!(moved.shifts.capacity(), 0);
        row.roll(Ingress, u64::from(u32::MAX));
        assert_eq!((row.rings.shifts.len(), row.rings.scaled), (1, 1));
    }
}
