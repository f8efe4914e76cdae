//! A mark for each row of a chunk, a bit each, by words of sixty-four rows.

use super::chunk::ROWS;

/// Rows of a word.
pub(super) const WORD: usize = 64;

/// Which rows of a chunk are marked.
#[derive(Debug, Clone, Default)]
pub(super) struct Marks([u64; ROWS.div_ceil(WORD)]);

impl Marks {
    #[inline]
    pub(super) fn set(&mut self, row: usize) {
        if let Some(word) = self.0.get_mut(row / WORD) {
            *word |= 1 << (row % WORD);
        }
    }

    /// The marks of rows `64 * index` and the next, from the lowest bit on.
    #[inline]
    pub(super) fn word(&self, index: usize) -> u64 {
        self.0.get(index).copied().unwrap_or(0)
    }

    #[inline]
    pub(super) fn set_word(&mut self, index: usize, marks: u64) {
        if let Some(word) = self.0.get_mut(index) {
            *word = marks;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }
}

/// The rows of a word, whose number is `index`, that `marks` has a bit for.
pub(super) fn rows_of(index: usize, mut marks: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = marks.trailing_zeros() as usize;
        // Clears the lowest bit; there is none left at 64.
        marks &= marks.wrapping_sub(1);
        (bit < WORD).then_some(index * WORD + bit)
    })
}

/// As many bits as rows, at most a word's.
#[inline]
pub(super) fn all_of(rows: usize) -> u64 {
    match rows {
        0..WORD => (1 << rows) - 1,
        _ => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::{Marks, ROWS, WORD, all_of, rows_of};

    #[test]
    fn marked_rows_come_back_in_order() {
        let mut marks = Marks::default();
        let rows = [0, 1, 63, 64, 700, ROWS - 1];
        rows.iter().for_each(|&row| marks.set(row));
        marks.set(ROWS);
        let words = 0..ROWS.div_ceil(WORD);
        let found: Vec<_> = words
            .flat_map(|index| rows_of(index, marks.word(index)))
            .collect();
        assert_eq!(found, rows);
        assert!(!marks.is_empty() && Marks::default().is_empty());
    }

    #[test]
    fn a_word_has_a_bit_for_each_row() {
        assert_eq!((all_of(0), all_of(1), all_of(63)), (0, 1, u64::MAX >> 1));
        assert_eq!((all_of(64), all_of(900)), (u64::MAX, u64::MAX));
    }
}
