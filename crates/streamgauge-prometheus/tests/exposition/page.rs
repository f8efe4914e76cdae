//! Pages, to the byte.

use prometheus_client::encoding::text;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use streamgauge::{CollectorConfig, Config, ManualClock};
use streamgauge_prometheus::{Exporter, ExporterConfig, Format};

use crate::samples::{families, samples};
use crate::scene::Scene;

#[test]
fn a_page_in_openmetrics_is_this() {
    let scene = Scene::new();
    let page = Exporter::new(scene.registry.reader()).render(Format::OpenMetrics);
    assert_eq!(
        page.content_type,
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert_eq!(page.body, include_str!("page.openmetrics"));
}

#[test]
fn a_page_in_text_is_this() {
    let scene = Scene::new();
    let page = Exporter::new(scene.registry.reader()).render(Format::Text);
    assert_eq!(page.content_type, "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(page.body, include_str!("page.text"));
}

#[test]
fn both_formats_have_the_same_samples() {
    let scene = Scene::new();
    let exporter = Exporter::new(scene.registry.reader());
    let open_metrics = families(&exporter.render(Format::OpenMetrics).body);
    let open_metrics = open_metrics.into_values().flat_map(|family| family.samples);
    let text = samples(&exporter.render(Format::Text).body);
    assert_eq!(open_metrics.collect::<std::collections::BTreeMap<_, _>>(), text);
}

#[test]
fn no_collector_is_no_collectors_metrics() {
    let registry = streamgauge::Registry::manual(Config::default(), ManualClock::default()).unwrap();
    let exporter = Exporter::new(registry.reader());
    registry.register("gone", CollectorConfig::default()).unwrap();
    registry.unregister("gone").unwrap();
    let expected = format!(
        "# HELP streamgauge_build The version of the exporter.\n# TYPE streamgauge_build info\n\
         streamgauge_build_info{{version=\"{}\"}} 1\n# EOF\n",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(exporter.render(Format::OpenMetrics).body, expected);
}

#[test]
fn no_session_and_no_reference_is_shown_where_none_is_asked_for() {
    let scene = Scene::new();
    let mut config = ExporterConfig::default();
    (config.busiest_sessions, config.busiest_references) = (0, 0);
    let exporter = Exporter::with_config(scene.registry.reader(), config);
    let shown = families(&exporter.render(Format::OpenMetrics).body);
    let mut all = families(include_str!("page.openmetrics"));
    all.retain(|name, _| {
        !name.starts_with("streamgauge_session_") && !name.starts_with("streamgauge_reference_")
    });
    assert_eq!(shown, all);
}

#[test]
fn every_cap_of_a_summary_is_a_label() {
    let scene = Scene::new();
    let caps = serde_json::to_value(scene.registry.summary("tcp").caps).unwrap();
    let caps = caps.as_object().unwrap().iter();
    let expected = caps.map(|(cap, count)| {
        let series = format!("streamgauge_caps_hit_total{{collector=\"tcp\",cap=\"{cap}\"}}");
        (series, count.to_string())
    });
    let page = Exporter::new(scene.registry.reader()).render(Format::OpenMetrics);
    let mut shown = families(&page.body)
        .remove("streamgauge_caps_hit")
        .unwrap()
        .samples;
    shown.retain(|series, _| series.contains("\"tcp\""));
    assert_eq!(shown, expected.collect());
}

#[test]
fn an_exporter_is_part_of_a_page_of_the_programs_own() {
    let scene = Scene::new();
    let mut own = Registry::default();
    let answer: Gauge = Gauge::default();
    answer.set(42);
    own.register("answer", "The answer", answer);
    own.register_collector(Box::new(Exporter::new(scene.registry.reader())));
    let mut page = String::new();
    text::encode(&mut page, &own).unwrap();
    let ours = include_str!("page.openmetrics");
    assert_eq!(
        page,
        format!("# HELP answer The answer.\n# TYPE answer gauge\nanswer 42\n{ours}")
    );
}
