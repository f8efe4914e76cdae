//! Which format a client gets.

use proptest::prelude::{ProptestConfig, any, proptest};
use streamgauge_prometheus::Format::{OpenMetrics, Text};
use streamgauge_prometheus::{Exporter, Format};

use crate::scene::Scene;

/// What Prometheus 2.42 sends, as it was seen on the wire.
const PROMETHEUS_2_42: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                               text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/// What Prometheus 3 sends.
const PROMETHEUS_3: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                            application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                            text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

/// What Prometheus 3 sends where native histograms are on.
const PROMETHEUS_3_NATIVE_HISTOGRAMS: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,\
     application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,\
     text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

/// What Prometheus 3 sends that is told to ask for PrometheusText0.0.4 first, and for OpenMetrics after that.
const PROMETHEUS_TEXT_FIRST: &str = "text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,*/*;q=0.4";

#[test]
fn prometheus_gets_openmetrics_unless_it_asks_for_text() {
    for (accept, expected) in [
        (PROMETHEUS_2_42, OpenMetrics),
        (PROMETHEUS_3, OpenMetrics),
        (PROMETHEUS_3_NATIVE_HISTOGRAMS, OpenMetrics),
        (PROMETHEUS_TEXT_FIRST, Text),
    ] {
        assert_eq!(Format::negotiate(Some(accept)), expected, "{accept}");
    }
}

#[test]
fn who_does_not_name_openmetrics_gets_text() {
    assert_eq!(Format::negotiate(None), Text);
    for accept in [
        "",
        " ",
        "*/*",
        "*/*;q=0.1",
        "text/*",
        "text/plain",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "text/plain, */*",
        "application/json",
    ] {
        assert_eq!(Format::negotiate(Some(accept)), Text, "{accept:?}");
    }
}

#[test]
fn the_more_welcome_format_is_sent() {
    for (accept, expected) in [
        ("application/openmetrics-text", OpenMetrics),
        (
            "Application/OpenMetrics-Text;Version=1.0.0;Q=0.5, text/plain;q=0.4",
            OpenMetrics,
        ),
        ("application/openmetrics-text;q=0.4, text/plain;q=0.5", Text),
        (
            "text/plain;q=0.5, application/openmetrics-text;q=0.500",
            OpenMetrics,
        ),
        ("text/plain;q=0.5, */*", OpenMetrics),
        ("text/*;q=0.5, application/*", OpenMetrics),
        ("application/*;q=0.2, */*;q=0.1", OpenMetrics),
        (
            "application/openmetrics-text ; version=\"1.0.0\" , */* ; q=0.9",
            OpenMetrics,
        ),
        ("application/openmetrics-text;q=1e-3,text/plain;q=0", OpenMetrics),
    ] {
        assert_eq!(Format::negotiate(Some(accept)), expected, "{accept}");
    }
}

#[test]
fn the_most_specific_range_counts() {
    for (accept, expected) in [
        ("*/*, application/openmetrics-text;q=0", Text),
        (
            "application/openmetrics-text;q=0.9, application/openmetrics-text;version=1.0.0;q=0.1, text/plain;q=0.5",
            Text,
        ),
        (
            "application/openmetrics-text;version=1.0.0;q=0.9, application/openmetrics-text;q=0.1, text/plain;q=0.5",
            OpenMetrics,
        ),
        (
            "text/plain;q=0.2, text/*, application/openmetrics-text;q=0.3",
            OpenMetrics,
        ),
    ] {
        assert_eq!(Format::negotiate(Some(accept)), expected, "{accept}");
    }
}

#[test]
fn a_version_that_is_not_served_is_not_named() {
    for (accept, expected) in [
        ("application/openmetrics-text;version=0.0.1", Text),
        ("application/openmetrics-text;version=2.0.0, */*;q=0.1", Text),
        (
            "application/openmetrics-text;version=0.0.1, application/openmetrics-text;version=1.0.0;q=0.1",
            OpenMetrics,
        ),
        (
            "text/plain;version=1.0.0, application/openmetrics-text;q=0.1",
            OpenMetrics,
        ),
    ] {
        assert_eq!(Format::negotiate(Some(accept)), expected, "{accept}");
    }
}

#[test]
fn what_is_not_understood_is_passed_over() {
    for (accept, expected) in [
        (",,;q=,", Text),
        ("application/openmetrics-text;q=lots", Text),
        ("application/openmetrics-text;q=2", Text),
        ("application/openmetrics-text;q=-1", Text),
        ("application/openmetrics-text;q=NaN", Text),
        ("application/openmetrics-text+x", Text),
        ("openmetrics", Text),
        ("\u{1F600}/\u{1F600}, application/openmetrics-text", OpenMetrics),
        ("text/plain;q=\"0.5, application/openmetrics-text", Text),
        (
            "*/plain, nonsense, application/openmetrics-text;version=1.0.0;q=0.01",
            OpenMetrics,
        ),
    ] {
        assert_eq!(Format::negotiate(Some(accept)), expected, "{accept}");
    }
}

#[test]
fn a_client_gets_the_format_that_was_negotiated() {
    let scene = Scene::new();
    let exporter = Exporter::new(scene.registry.reader());
    assert_eq!(
        exporter.respond(Some(PROMETHEUS_2_42)),
        exporter.render(OpenMetrics)
    );
    assert_eq!(exporter.respond(None), exporter.render(Text));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes: no panic, and a client that takes everything gets text.
    #[test]
    fn any_header_is_answered(nonsense in any::<String>(), pieces in "[a-z*/;=,q0-9.\" +\\\\]{0,60}") {
        let _either: [Format; 2] = [Format::negotiate(Some(&nonsense)), Format::negotiate(Some(&pieces))];
    }
}
