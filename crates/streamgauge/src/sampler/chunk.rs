//! A stretch of the sampler's rows: what it remembers of each session.
//!
//! Rows stand in order of registration. Who they are is one shared vector, which summaries hold too: it is copied when a
//! row is added or changes its extra while a summary shares it. The row of a closed session becomes *vacant* and stays
//! until an eighth of the chunk is, or a quarter where many chunks are so at once, so that sessions that come and go do not
//! have every chunk copied at every tick.
//!
//! What was published last is what the sampler knows of the moment before: it has the numbers of every row. Two
//! buffers of numbers take turns; one that a reader still holds is left to it. A chunk in which nothing changed is
//! published again as it is. In one where something did, a row that was *quiet* at this tick and at the two before it, with
//! no bytes in the window, no top and nothing new, stands in the buffer as it is to be published, and is not written again.

mod publishing;
mod reading;

use std::sync::Arc;

pub(super) use self::reading::{Clerk, Past};

use super::expiry::Expiry;
use super::marks::Marks;
use super::ring::Rings;
use super::tally::Tally;
use super::timeline::{Roll, Timeline};
use crate::clock::Moment;
use crate::collector::intake::{BATCH, Relabelled};
use crate::collector::population::Population;
use crate::direction::PerDirection;
use crate::session::writer::Counts;
use crate::summary::active::{PublishedChunk, Rows};
use crate::summary::numbers::{Numbers, RowNumbers, Standing};

/// The most rows of a chunk: a batch of the intake fits one.
pub(super) const ROWS: usize = BATCH;

/// What a collection does to every chunk.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    pub(super) population: &'a Population,
    pub(super) now: Moment,
    pub(super) expiry: Expiry,
    pub(super) timeline: &'a Timeline,
    /// The oldest sample that rows needed until this collection.
    pub(super) oldest: usize,
    /// The step of the windows, and what it multiplies tops by.
    pub(super) roll: Option<(Roll, f64)>,
    pub(super) counts_packets: bool,
    /// Whether anybody will be told of peaks.
    pub(super) is_observed: bool,
}

/// Room for what is read of one chunk, used for one after the other.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    read: Vec<Counts>,
    windows: PerDirection<Vec<u64>>,
    /// Rows that counted since they were read before, or changed where they stand.
    stirred: Marks,
}

/// A stretch of rows.
#[derive(Debug)]
pub(super) struct Chunk {
    rows: Arc<Rows>,
    /// As far as it was published; rows beyond it are new. Also the buffer that a summary shows.
    published: Arc<PublishedChunk>,
    spare: Option<Arc<PublishedChunk>>,
    /// Rows that were quiet when `published` was filled, and when `spare` was.
    quiet: [Marks; 2],
    rings: Rings,
    standing: Vec<Standing>,
    /// When traffic, or the activation, was last noticed.
    noticed: Vec<u64>,
    /// Empty until somebody observes.
    peaks: Vec<PerDirection<f32>>,
    vacant: usize,
    /// The latest moment that any row was registered at, vacant and removed ones included. Not the last row's: who registers
    /// reads the clock, and then waits for its turn.
    youngest: u64,
    tally: Tally,
    /// Whether the collection under way found anything that differs from what was published.
    is_touched: bool,
    /// Whether nothing will move from what was published on unless something is counted or set.
    is_at_rest: bool,
    /// How often tops had been set when they were last looked at.
    sets_seen: u64,
}

impl Chunk {
    /// Rows for sessions that were registered one after the other.
    pub(super) fn new(rows: Arc<Rows>, slots: usize) -> Self {
        let mut chunk = Self {
            rows,
            published: Arc::default(),
            spare: None,
            quiet: Default::default(),
            rings: Rings::new(slots),
            standing: Vec::new(),
            noticed: Vec::new(),
            peaks: Vec::new(),
            vacant: 0,
            youngest: 0,
            tally: Tally::default(),
            is_touched: false,
            is_at_rest: false,
            sets_seen: 0,
        };
        chunk.enter_new_rows();
        chunk
    }

    fn enter_new_rows(&mut self) {
        let (known, rows) = (self.standing.len(), self.rows.len());
        self.standing.resize(rows, Standing::Pending);
        let new = &self.rows.registered[known..];
        self.noticed.extend(new.iter().map(|stamp| stamp.monotonic));
        let latest = new.iter().map(|stamp| stamp.monotonic).max();
        self.youngest = self.youngest.max(latest.unwrap_or(0));
        self.rings.extend_to(rows, ROWS);
        if !self.peaks.is_empty() {
            self.peaks.resize(rows, PerDirection::default());
        }
    }

    /// Takes in rows of sessions registered after those here; `false` if there is no room for them.
    pub(super) fn add(&mut self, new: &Rows) -> bool {
        if self.rows.len() + new.len() > ROWS {
            return false;
        }
        let rows = Arc::make_mut(&mut self.rows);
        for row in 0..new.len() {
            rows.append(new, row);
        }
        self.enter_new_rows();
        true
    }

    /// How many rows stand for a session.
    fn occupied(&self) -> usize {
        self.standing.len() - self.vacant
    }

    pub(super) fn is_empty(&self) -> bool {
        self.occupied() == 0
    }

    /// Whether it is worth removing the vacant rows: more than an eighth.
    pub(super) fn is_sparse(&self) -> bool {
        self.vacant * 8 > self.standing.len()
    }

    /// Whether the vacant rows are to be removed now: more than a quarter.
    pub(super) fn is_very_sparse(&self) -> bool {
        self.vacant * 4 > self.standing.len()
    }

    /// Whether both have room in one chunk, and some to spare.
    pub(super) fn fits_with(&self, next: &Self) -> bool {
        self.occupied() + next.occupied() <= ROWS / 2
    }

    /// One chunk of the rows of some that still stand for a session, in their order.
    pub(super) fn join(chunks: &[&Self], counts_packets: bool, slots: usize) -> Self {
        let mut joined = Self::new(Arc::default(), slots);
        let occupied = chunks.iter().map(|chunk| chunk.occupied()).sum();
        let mut rows = Rows::with_capacity(occupied);
        let mut numbers = Numbers::with_capacity(occupied, counts_packets);
        let has_peaks = chunks.iter().any(|chunk| !chunk.peaks.is_empty());
        for chunk in chunks {
            for (row, standing) in chunk.standing.iter().enumerate() {
                if *standing == Standing::Vacant {
                    continue;
                }
                rows.append(&chunk.rows, row);
                joined.standing.push(*standing);
                joined.noticed.push(chunk.noticed[row]);
                joined.rings.append(&chunk.rings, row, ROWS);
                if has_peaks {
                    joined.peaks.push(chunk.peak(row));
                }
                let last = chunk.published.numbers.get(row).unwrap_or(RowNumbers::NEW);
                numbers.push(&last, counts_packets);
            }
        }
        joined.youngest = chunks.iter().map(|chunk| chunk.youngest).max().unwrap_or(0);
        joined.rows = Arc::new(rows);
        // Not the rows of the published ones: the buffer is no summary's, and is not to be published as it is.
        joined.published = Arc::new(PublishedChunk {
            rows: Arc::default(),
            numbers,
        });
        joined
    }

    fn peak(&self, row: usize) -> PerDirection<f32> {
        self.peaks.get(row).copied().unwrap_or_default()
    }

    /// Takes over the extras of sessions whose extra changed.
    pub(super) fn relabel(&mut self, changed: &Relabelled) {
        for row in 0..self.rows.len() {
            if changed.contains(&self.rows.sessions[row]) {
                Arc::make_mut(&mut self.rows).refresh_extra(row);
            }
        }
    }
}
