//! A file on which a child writes what its parent has to know once it is killed. What the kernel took is there.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use streamgauge::Stats;

/// What stands on the board, in words of 8 bytes.
pub(crate) const OFFERED: u64 = 0;
pub(crate) const ACKNOWLEDGED: u64 = 8;
pub(crate) const SAVES: u64 = 16;
pub(crate) const BEGUN: u64 = 24;

/// The most threads that count.
pub(crate) const THREADS: usize = 2;

/// The board.
#[derive(Debug)]
pub(crate) struct Board(File);

impl Board {
    pub(crate) fn open(path: &Path) -> Self {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        Self(options.open(path).unwrap())
    }

    /// Writes words one behind the other, in one call to the system.
    pub(crate) fn write(&self, word: u64, values: &[u64]) {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.0.write_all_at(&bytes, word * 8).unwrap();
    }

    pub(crate) fn read(&self, word: u64) -> u64 {
        let mut bytes = [0; 8];
        // What was never written is zero.
        match self.0.read_exact_at(&mut bytes, word * 8) {
            Ok(()) => u64::from_le_bytes(bytes),
            Err(_) => 0,
        }
    }

    pub(crate) fn write_stats(&self, word: u64, stats: Stats) {
        let values = [stats.total_sessions, stats.total_rx_bytes, stats.total_tx_bytes];
        self.write(word, &values);
    }

    pub(crate) fn read_stats(&self, word: u64) -> Stats {
        Stats {
            total_sessions: self.read(word),
            total_rx_bytes: self.read(word + 1),
            total_tx_bytes: self.read(word + 2),
            ..Stats::default()
        }
    }
}
