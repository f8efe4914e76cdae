//! Runs every seed and every past crash of every target, on stable, without a fuzzer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, panic};

use streamgauge_fuzz::{TARGETS, Target};

/// The largest seed, in bytes.
const LARGEST_SEED: usize = 10_000;

/// All seeds together, in bytes.
const ALL_SEEDS: usize = 300_000;

/// The files of a directory, by name. None where there is no directory.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let Ok(entries) = fs::read_dir(directory) else {
        return BTreeMap::new();
    };
    entries
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

/// Runs all of a directory and says which files broke something; there has to be one file at least.
fn replay(target: &Target, directory: &Path) {
    let files = files(directory);
    assert!(!files.is_empty(), "{} is empty", directory.display());
    let broken: Vec<_> = files
        .iter()
        .filter(|(_, bytes)| panic::catch_unwind(|| (target.run)(bytes)).is_err())
        .map(|(name, _)| name)
        .collect();
    assert!(broken.is_empty(), "{}: {broken:?}", directory.display());
}

#[test]
fn every_seed_breaks_nothing() {
    for target in TARGETS {
        replay(target, &target.seeds_directory());
    }
}

#[test]
fn every_past_crash_breaks_nothing_any_more() {
    for target in TARGETS {
        replay(target, &target.crashes_directory());
    }
}

#[test]
fn the_seeds_are_those_that_are_made() {
    let mut total = 0;
    for target in TARGETS {
        let made: BTreeMap<_, _> = (target.seeds)()
            .into_iter()
            .map(|seed| (seed.name, seed.bytes))
            .collect();
        for (name, bytes) in &made {
            assert!(bytes.len() < LARGEST_SEED, "{name}: {} bytes", bytes.len());
            total += bytes.len();
        }
        let kept = files(&target.seeds_directory());
        let names = |seeds: &BTreeMap<String, Vec<u8>>| seeds.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(names(&made), names(&kept), "cargo run --example seeds");
        for (name, bytes) in made {
            assert!(kept[&name] == bytes, "{name}: cargo run --example seeds");
        }
    }
    assert!(total < ALL_SEEDS, "{total} bytes");
}

#[test]
fn every_target_that_can_be_built_is_replayed() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_targets");
    let built: BTreeSet<_> = files(&directory)
        .into_keys()
        .map(|name| name.trim_end_matches(".rs").to_owned())
        .collect();
    let replayed: BTreeSet<_> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(built, replayed);
}
