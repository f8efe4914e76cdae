//! The numbers of a stretch of rows, in columns: what a tick writes for each session, and a summary shows.
//!
//! 36 bytes a row, and 16 more where packets are counted. A tick writes every column from front to back. Bitrates are
//! `f32`, off by at most one part in 2^24; tops are whole bit/s of at most 2^43, both in three words, with where the
//! session stands in what is left of them.

use crate::direction::PerDirection;
use crate::session::top::MAX_TOP;
use crate::session::writer::Counts;

/// Where the session of a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It closed and is accounted; the row waits to be removed.
    Vacant,
    Pending,
    Active,
}

/// What one row shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RowNumbers {
    pub(crate) counts: Counts,
    pub(crate) bitrates: PerDirection<f32>,
    pub(crate) tops: PerDirection<u64>,
    pub(crate) standing: Standing,
}

impl RowNumbers {
    /// Those of a session of which nothing is known yet.
    pub(crate) const NEW: Self = Self {
        counts: Counts {
            bytes: PerDirection::new(0, 0),
            packets: PerDirection::new(0, 0),
        },
        bitrates: PerDirection::new(0.0, 0.0),
        tops: PerDirection::new(0, 0),
        standing: Standing::Pending,
    };
}

/// Both tops and the standing of a row, in twelve bytes.
#[derive(Debug, Clone, Copy)]
struct Packed {
    rx: u32,
    tx: u32,
    /// The upper halves of the tops, `HIGH` bits each, and the standing above them.
    upper: u32,
}

const HIGH: u32 = 12;
const _: () = assert!(MAX_TOP >> 32 < 1 << HIGH);

#[expect(
    clippy::cast_possible_truncation,
    reason = "halves of a top, which is at most 2^43; the assertion above holds the constants together"
)]
impl Packed {
    #[inline]
    fn new(tops: PerDirection<u64>, standing: Standing) -> Self {
        Self {
            rx: tops.rx as u32,
            tx: tops.tx as u32,
            upper: (tops.rx >> 32) as u32
                | (((tops.tx >> 32) as u32) << HIGH)
                | ((standing as u32) << (2 * HIGH)),
        }
    }

    #[inline]
    fn tops(self) -> PerDirection<u64> {
        let half = |shift| u64::from((self.upper >> shift) & ((1 << HIGH) - 1)) << 32;
        PerDirection::new(half(0) | u64::from(self.rx), half(HIGH) | u64::from(self.tx))
    }

    #[inline]
    fn standing(self) -> Standing {
        match self.upper >> (2 * HIGH) {
            0 => Standing::Vacant,
            1 => Standing::Pending,
            _ => Standing::Active,
        }
    }
}

/// The columns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Numbers {
    bytes: Vec<PerDirection<u64>>,
    /// Empty where packets are not counted.
    packets: Vec<PerDirection<u64>>,
    bitrates: Vec<PerDirection<f32>>,
    packed: Vec<Packed>,
}

/// A row that is to be written.
#[derive(Debug)]
pub(crate) struct RowMut<'a> {
    bytes: &'a mut PerDirection<u64>,
    packets: Option<&'a mut PerDirection<u64>>,
    bitrates: &'a mut PerDirection<f32>,
    packed: &'a mut Packed,
}

impl RowMut<'_> {
    #[inline]
    pub(crate) fn set_counts(&mut self, counts: &Counts) {
        *self.bytes = counts.bytes;
        if let Some(packets) = &mut self.packets {
            **packets = counts.packets;
        }
    }

    #[inline]
    pub(crate) fn set(&mut self, bitrates: PerDirection<f32>, tops: PerDirection<u64>, standing: Standing) {
        *self.bitrates = bitrates;
        *self.packed = Packed::new(tops, standing);
    }
}

impl Numbers {
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Room for exactly as many rows as will follow.
    pub(crate) fn with_capacity(rows: usize, counts_packets: bool) -> Self {
        Self {
            bytes: Vec::with_capacity(rows),
            packets: Vec::with_capacity(if counts_packets { rows } else { 0 }),
            bitrates: Vec::with_capacity(rows),
            packed: Vec::with_capacity(rows),
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, row: &RowNumbers, counts_packets: bool) {
        self.bytes.push(row.counts.bytes);
        if counts_packets {
            self.packets.push(row.counts.packets);
        }
        self.bitrates.push(row.bitrates);
        self.packed.push(Packed::new(row.tops, row.standing));
    }

    /// As many rows; what they say is to be written, of rows that were not there before.
    pub(crate) fn resize(&mut self, rows: usize, counts_packets: bool) {
        fn exactly<T: Clone>(column: &mut Vec<T>, rows: usize, value: T) {
            column.reserve_exact(rows.saturating_sub(column.len()));
            column.resize(rows, value);
        }
        let packets = if counts_packets { rows } else { 0 };
        exactly(&mut self.bytes, rows, PerDirection::default());
        exactly(&mut self.packets, packets, PerDirection::default());
        exactly(&mut self.bitrates, rows, PerDirection::default());
        let vacant = Packed::new(PerDirection::default(), Standing::Vacant);
        exactly(&mut self.packed, rows, vacant);
    }

    /// A row that is there.
    #[inline]
    pub(crate) fn row_mut(&mut self, row: usize) -> RowMut<'_> {
        RowMut {
            bytes: &mut self.bytes[row],
            packets: self.packets.get_mut(row),
            bitrates: &mut self.bitrates[row],
            packed: &mut self.packed[row],
        }
    }

    /// The bytes of the rows from one of them on.
    #[inline]
    pub(crate) fn bytes_from(&self, row: usize) -> &[PerDirection<u64>] {
        self.bytes.get(row..).unwrap_or_default()
    }

    /// The packets of the rows from one of them on; nothing where packets are not counted.
    #[inline]
    pub(crate) fn packets_from(&self, row: usize) -> &[PerDirection<u64>] {
        self.packets.get(row..).unwrap_or_default()
    }

    /// Whether a row is there and has no top.
    #[inline]
    pub(crate) fn has_no_top(&self, row: usize) -> bool {
        let packed = self.packed.get(row);
        packed.is_some_and(|packed| packed.tops().is_zero())
    }

    /// The bitrates of a row; none of one that is not there yet.
    #[inline]
    pub(crate) fn bitrates(&self, row: usize) -> PerDirection<f32> {
        self.bitrates.get(row).copied().unwrap_or_default()
    }

    /// What a row shows; `None` for one that is not there yet.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> Option<RowNumbers> {
        let packed = self.packed.get(row)?;
        Some(RowNumbers {
            counts: Counts {
                bytes: self.bytes.get(row).copied().unwrap_or_default(),
                packets: self.packets.get(row).copied().unwrap_or_default(),
            },
            bitrates: self.bitrates(row),
            tops: packed.tops(),
            standing: packed.standing(),
        })
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = RowNumbers> {
        (0..self.len()).filter_map(|row| self.get(row))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Counts, MAX_TOP, Numbers, Packed, PerDirection, RowNumbers, Standing};

    #[test]
    fn a_row_comes_back_as_it_went_in() {
        for counts_packets in [false, true] {
            let mut numbers = Numbers::with_capacity(3, counts_packets);
            let packets = u64::from(counts_packets);
            let rows: Vec<_> = [Standing::Vacant, Standing::Pending, Standing::Active]
                .into_iter()
                .zip([0, (1 << 32) + 7, MAX_TOP])
                .map(|(standing, top)| RowNumbers {
                    counts: Counts {
                        bytes: PerDirection::new(1 << 60, 2),
                        packets: PerDirection::new(3 * packets, 4 * packets),
                    },
                    bitrates: PerDirection::new(0.5, 6.0),
                    tops: PerDirection::new(top, MAX_TOP - top),
                    standing,
                })
                .collect();
            for row in &rows {
                numbers.push(row, counts_packets);
            }
            assert!(numbers.rows().eq(rows));
            assert_eq!(numbers.get(3), None);
        }
    }

    #[test]
    fn numbers_take_no_more_room_than_they_were_asked_to() {
        for (counts_packets, packets) in [(false, 0), (true, 61)] {
            let mut numbers = Numbers::with_capacity(61, counts_packets);
            for _ in 0..61 {
                numbers.push(&RowNumbers::NEW, counts_packets);
            }
            assert_eq!(
                (numbers.bytes.capacity(), numbers.packets.capacity()),
                (61, packets)
            );
            assert_eq!((numbers.bitrates.capacity(), numbers.packed.capacity()), (61, 61));
        }
    }

    #[test]
    fn a_row_takes_thirty_six_bytes() {
        let bytes = size_of::<PerDirection<u64>>() + size_of::<PerDirection<f32>>() + size_of::<Packed>();
        assert_eq!(bytes, 36);
    }
}
