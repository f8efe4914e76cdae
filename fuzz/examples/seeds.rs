//! Writes the seeds of every target into `seeds/`, in place of those that are there.
//!
//! `cargo run --example seeds`

use std::fs;
use std::io;

use streamgauge_fuzz::TARGETS;

fn main() -> io::Result<()> {
    for target in TARGETS {
        let directory = target.seeds_directory();
        if directory.exists() {
            fs::remove_dir_all(&directory)?;
        }
        fs::create_dir_all(&directory)?;
        for seed in (target.seeds)() {
            fs::write(directory.join(&seed.name), &seed.bytes)?;
        }
    }
    Ok(())
}
