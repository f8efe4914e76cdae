//! The page on this crate shows the program that is compiled and run.

#[test]
fn the_program_of_the_page_is_the_example() {
    let page = include_str!("../../../../docs/integrations/tokio.md");
    let shown = page
        .split_once("```rust\n")
        .and_then(|(_, rest)| rest.split_once("```"))
        .map(|(shown, _)| shown);
    let compiled = include_str!("../../examples/echo_server.rs");
    assert_eq!(shown, Some(compiled));
    assert!(compiled.lines().count() < 40);
}
