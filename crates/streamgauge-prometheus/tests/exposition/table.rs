//! docs/integrations/prometheus.md lists what is rendered: all of it, and nothing else.

use std::collections::BTreeSet;

use streamgauge_prometheus::{Exporter, Format};

use crate::samples::{families, label_names};
use crate::scene::Scene;

const PAGE: &str = include_str!("../../../../docs/integrations/prometheus.md");

#[test]
fn the_table_has_each_metric_with_its_kind_labels_and_help() {
    let scene = Scene::new();
    let page = Exporter::new(scene.registry.reader()).render(Format::OpenMetrics);
    let mut rendered = BTreeSet::new();
    for (name, family) in families(&page.body) {
        let mut labels = BTreeSet::new();
        let mut names = BTreeSet::new();
        for series in family.samples.keys() {
            names.insert(series.split('{').next().unwrap().to_owned());
            labels.insert(label_names(series).join(", "));
        }
        // Each metric has a sample in the scene, one name, and the same labels throughout.
        let [names, labels] = [names, labels].map(|set| set.into_iter().collect::<Vec<_>>());
        let ([sample], [labels]) = (&names[..], &labels[..]) else {
            panic!("{name}: {names:?} {labels:?}");
        };
        let help = &family.help;
        rendered.insert(format!("| `{sample}` | {} | {labels} | {help} |", family.kind));
    }
    let table = PAGE.lines().filter(|line| line.starts_with("| `streamgauge_"));
    let table: BTreeSet<String> = table.map(str::to_owned).collect();
    assert_eq!(table, rendered);
}

#[test]
fn both_content_types_are_on_the_page() {
    for format in [Format::OpenMetrics, Format::Text] {
        assert!(PAGE.contains(format.content_type()));
    }
}
