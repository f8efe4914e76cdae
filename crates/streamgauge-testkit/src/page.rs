//! Pages of the documentation and the programs that they show.

use std::env;
use std::path::PathBuf;

/// The programs that a page shows, in order: what stands in its blocks of Rust.
pub fn programs(page: &str) -> impl Iterator<Item = &str> {
    page.split("```rust\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```"))
        .map(|(shown, _)| shown)
}

/// An example of the package that is tested, of the same build as the test. `cargo test` builds it; with `--test` alone it does
/// not.
///
/// # Panics
///
/// Panics where the example is not built.
#[expect(clippy::expect_used, reason = "a test that does not get what it needs fails")]
#[must_use]
pub fn example(name: &str) -> PathBuf {
    let test = env::current_exe().expect("a test knows where it is");
    let profile = test
        .ancestors()
        .nth(2)
        .expect("tests lie in a directory of their build's");
    let program = profile
        .join("examples")
        .join(name)
        .with_extension(env::consts::EXE_EXTENSION);
    assert!(
        program.exists(),
        "{} is not built: cargo build --examples",
        program.display()
    );
    program
}

#[cfg(test)]
mod tests {
    use super::programs;

    #[test]
    fn programs_are_what_stands_in_blocks_of_rust() {
        let page = "# A\n\n```rust\none\n```\n\n```toml\nno\n```\n\n```rust\ntwo\n```\n";
        assert_eq!(programs(page).collect::<Vec<_>>(), ["one\n", "two\n"]);
        assert_eq!(programs("none").count(), 0);
    }
}
