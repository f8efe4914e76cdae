//! The page on this crate shows the programs that are compiled as examples; as tests of the documentation they run.

#[test]
fn the_programs_of_the_page_are_the_examples() {
    let page = include_str!("../../../../docs/integrations/http.md");
    let programs = page
        .split("```rust\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let shown: Vec<_> = programs.collect();
    let compiled = [
        include_str!("../../examples/metered_server.rs"),
        include_str!("../../examples/metered_connections.rs"),
    ];
    assert_eq!(shown, compiled);
    assert!(compiled[0].lines().count() < 40);
}
