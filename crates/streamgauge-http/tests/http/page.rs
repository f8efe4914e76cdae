//! The page on this crate shows the programs that are compiled as examples; as tests of the documentation they run.

use streamgauge_testkit::page::programs;

#[test]
fn the_programs_of_the_page_are_the_examples() {
    let page = include_str!("../../../../docs/integrations/http.md");
    let shown: Vec<_> = programs(page).collect();
    let compiled = [
        include_str!("../../examples/metered_server.rs"),
        include_str!("../../examples/metered_connections.rs"),
    ];
    assert_eq!(shown, compiled);
    assert!(compiled[0].lines().count() < 40);
}
