//! Something that takes any bytes at all.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::seed::Seed;

/// A fuzz target: a body, and what a fuzzer starts from.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: that of its file in `fuzz_targets/`, and of its directories in `seeds/` and `crashes/`.
    pub name: &'static str,
    /// Panics where a promise is broken.
    pub run: fn(&[u8]),
    /// The seeds, always the same.
    pub seeds: fn() -> Vec<Seed>,
}

impl Target {
    /// Where its seeds are.
    #[must_use]
    pub fn seeds_directory(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("seeds")
            .join(self.name)
    }

    /// Where inputs are that once broke something, in the product or in a product that was broken on purpose.
    #[must_use]
    pub fn crashes_directory(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("crashes")
            .join(self.name)
    }

    /// Runs the files that are named on the command line: what a target does that is not built for a fuzzer.
    ///
    /// # Panics
    ///
    /// When a file cannot be read, or breaks a promise.
    pub fn run_files(&self) {
        for path in env::args_os().skip(1) {
            let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (self.run)(&bytes);
        }
    }
}
