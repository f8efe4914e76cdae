//! The page on this crate shows the program that is compiled and run.

use streamgauge_testkit::page::programs;

#[test]
fn the_program_of_the_page_is_the_example() {
    let page = include_str!("../../../../docs/integrations/tokio.md");
    let compiled = include_str!("../../examples/echo_server.rs");
    assert_eq!(programs(page).next(), Some(compiled));
    assert!(compiled.lines().count() < 40);
}
