//! README.md shows code that compiles and runs: its example is `examples/embed.rs`, line by line.
//!
//! The readme is copied into the packaged crate, so the test stands in a checkout and in the package alike.

use std::fs;
use std::path::Path;

use streamgauge_testkit::page::programs;

#[test]
fn the_example_in_the_readme_is_the_one_that_is_compiled() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(package.join("README.md"))
        .or_else(|_| fs::read_to_string(package.join("../../README.md")))
        .unwrap();
    let compiled = include_str!("../examples/embed.rs");
    assert_eq!(programs(&readme).next(), Some(compiled));
}
