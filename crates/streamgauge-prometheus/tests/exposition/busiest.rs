//! Of many sessions and references the busiest are shown, and no more.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, proptest};
use streamgauge::{Collector, CollectorConfig, Config, ManualClock, Registry, Summary};
use streamgauge_prometheus::{Exporter, ExporterConfig, Format};

use crate::samples::samples;

struct Crowd {
    registry: Registry,
    collector: Collector,
    clock: ManualClock,
}

impl Crowd {
    fn new() -> Self {
        let clock = ManualClock::default();
        let registry = Registry::manual(Config::default(), clock.clone()).unwrap();
        let mut config = CollectorConfig::default();
        config.session_timeout = Duration::MAX;
        let collector = registry.register("tcp", config).unwrap();
        Self {
            registry,
            collector,
            clock,
        }
    }

    fn tick(&self) {
        self.clock.advance(Duration::from_secs(1));
        self.registry.tick();
    }

    fn page(&self, busiest: usize) -> String {
        let mut config = ExporterConfig::default();
        (config.busiest_sessions, config.busiest_references) = (busiest, busiest);
        Exporter::with_config(self.registry.reader(), config)
            .render(Format::OpenMetrics)
            .body
    }

    /// Sessions of which each sends bytes of its own, in no order, in a second of their own.
    fn of(sessions: u64) -> Self {
        let crowd = Self::new();
        for session in 0..sessions {
            // Each number below `sessions` once, since 7,919 is a prime that divides none of those here.
            let kilobytes = session * 7_919 % sessions;
            let reference = format!("film-{}", kilobytes % (sessions / 10));
            let id = format!("session-{kilobytes}");
            let handle = crowd
                .collector
                .register_and_activate(&id, &reference, "edge", "198.51.100.7");
            handle.egress(1_000 * kilobytes);
        }
        crowd.tick();
        crowd
    }
}

#[test]
fn of_a_hundred_thousand_sessions_the_ten_busiest_are_shown() {
    let page = Crowd::of(100_000).page(10);
    let mut expected = BTreeMap::new();
    for kilobytes in 99_990_u64..100_000 {
        let labels = format!(
            "{{collector=\"tcp\",session=\"session-{kilobytes}\",reference=\"film-{}\",location=\"edge\",peer=\"198.51.100.7\"",
            kilobytes % 10_000
        );
        let mut expect = |metric: &str, direction: &str, number: String| {
            expected.insert(
                format!("streamgauge_session_{metric}{labels},direction=\"{direction}\"}}"),
                number,
            );
        };
        expect("bytes", "egress", (1_000 * kilobytes).to_string());
        expect("bytes", "ingress", "0".to_owned());
        // To 24 significant bits, as summaries have a session's.
        #[expect(
            clippy::cast_precision_loss,
            reason = "what is asserted is what the loss leaves"
        )]
        let bitrate = f64::from((8_000 * kilobytes) as f32);
        expect("bitrate", "egress", format!("{bitrate:.1}"));
        expect("bitrate", "ingress", "0.0".to_owned());
    }
    let mut shown = samples(&page);
    shown.retain(|series, _| series.starts_with("streamgauge_session_"));
    assert_eq!(shown, expected);
}

#[test]
fn of_ten_thousand_references_the_ten_busiest_are_shown() {
    let page = Crowd::of(100_000).page(10);
    let mut shown = samples(&page);
    shown.retain(|series, _| series.starts_with("streamgauge_reference_"));
    let mut expected = BTreeMap::new();
    for film in 9_990_u64..10_000 {
        let labels = format!("{{collector=\"tcp\",reference=\"film-{film}\"");
        let mut expect = |metric: &str, labels: &str, number: String| {
            expected.insert(format!("streamgauge_reference_{metric}{labels}}}"), number);
        };
        // Film f has the sessions of f, f + 10,000 and so on to f + 90,000 kilobytes.
        let kilobytes = 10 * film + 450_000;
        expect("active_sessions", &labels, "10".to_owned());
        let egress = format!("{labels},direction=\"egress\"");
        let ingress = format!("{labels},direction=\"ingress\"");
        expect("bytes", &egress, (1_000 * kilobytes).to_string());
        expect("bytes", &ingress, "0".to_owned());
        expect("bitrate", &ingress, "0.0".to_owned());
        let bitrate = shown[&format!("streamgauge_reference_bitrate{egress}}}")]
            .parse::<f64>()
            .unwrap();
        #[expect(clippy::cast_precision_loss, reason = "what is summed up lost more")]
        let exact = (8_000 * kilobytes) as f64;
        assert!((bitrate / exact - 1.0).abs() < 1e-6, "{bitrate}");
        expect(
            "bitrate",
            &egress,
            shown[&format!("streamgauge_reference_bitrate{egress}}}")].clone(),
        );
    }
    assert_eq!(shown, expected);
}

/// What docs/integrations/prometheus.md says of the size of a page.
#[test]
fn a_page_is_no_longer_for_many_sessions_than_for_few() {
    let (few, many) = (Crowd::of(1_000).page(10), Crowd::of(100_000).page(10));
    assert_eq!(few.lines().count(), many.lines().count());
    assert!(many.len() < 20_000, "{} bytes", many.len());
}

/// As the page says: 8 KB, and what the labels take, each twice for each of two metrics, and up to doubled by escapes.
#[test]
fn the_longest_labels_make_a_page_of_a_bounded_size() {
    let crowd = Crowd::new();
    let (max_id, max_label) = (
        CollectorConfig::default().max_id_bytes,
        CollectorConfig::default().max_label_bytes,
    );
    let text = "\"".repeat(max_label + 1);
    for session in 0..50 {
        let id = [vec![0xFF; max_id - 1], vec![session]].concat();
        crowd.collector.register(&id, &text, &text, &text).ingress(1);
    }
    crowd.tick();
    let page = crowd.page(10);
    // An id's own escapes have four or more characters a byte, of which one is doubled.
    let session = 4 * (200 + 2 * 3 * max_label + 5 * max_id);
    let reference = 5 * (150 + 2 * max_label);
    assert!(
        page.len() < 10_000 + 10 * (session + reference),
        "{} bytes",
        page.len()
    );
    assert!(
        page.len() > 10 * 4 * (2 * 3 * max_label + 5 * (max_id - 1)),
        "{} bytes",
        page.len()
    );
}

/// The slow way to the same: all that is active, sorted.
fn sorted(summary: &Summary, limit: usize) -> Vec<String> {
    let mut all: Vec<_> = summary.active.iter().collect();
    // The sort is stable, so equals stay in order of registration.
    all.sort_by(|a, b| {
        let bitrates = (b.rx_bitrate + b.tx_bitrate).total_cmp(&(a.rx_bitrate + a.tx_bitrate));
        bitrates.then((b.rx_bytes + b.tx_bytes).cmp(&(a.rx_bytes + a.tx_bytes)))
    });
    all.truncate(limit);
    all.iter().map(|session| session.id.to_string()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// Among equals too, and in the order of the page.
    #[test]
    fn the_busiest_are_those_that_sorting_finds(
        before in vec((0_u64..3, 0_u64..3), 0..30),
        now in vec((0_u64..3, 0_u64..3), 30),
        limit in 0_usize..12,
    ) {
        let crowd = Crowd::new();
        let mut handles = Vec::new();
        for (session, (rx, tx)) in before.iter().enumerate() {
            let handle = crowd.collector.register_and_activate(format!("{session}"), "film", "edge", "peer");
            handle.ingress(1_000 * rx);
            handle.egress(1_000 * tx);
            handles.push(handle);
        }
        // What moved then is out of the window by now, and tells equals apart.
        for _ in 0..15 {
            crowd.tick();
        }
        for (handle, (rx, tx)) in handles.iter().zip(&now) {
            handle.ingress(1_000 * rx);
            handle.egress(1_000 * tx);
        }
        crowd.tick();
        let page = crowd.page(limit);
        let mut expected = String::new();
        for id in sorted(&crowd.registry.summary("tcp"), limit) {
            writeln!(expected, "{id}").unwrap();
        }
        let rows = page.lines().filter(|line| line.starts_with("streamgauge_session_bytes{") && line.contains("\"ingress\""));
        let mut shown = String::new();
        for row in rows {
            let (_, rest) = row.split_once("session=\"").unwrap();
            writeln!(shown, "{}", rest.split_once('"').unwrap().0).unwrap();
        }
        assert_eq!(shown, expected);
    }
}
