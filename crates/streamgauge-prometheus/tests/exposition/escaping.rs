//! Texts that come from clients.

use std::time::Duration;

use streamgauge::{CollectorConfig, Config, ManualClock, Registry};
use streamgauge_prometheus::{Exporter, Format};

fn page(ids: &[&[u8]], label: &str, format: Format) -> String {
    let clock = ManualClock::default();
    let registry = Registry::manual(Config::default(), clock.clone()).unwrap();
    let collector = registry.register("tcp", CollectorConfig::default()).unwrap();
    for id in ids {
        collector.register(id, label, "here", label).egress(125);
    }
    clock.advance(Duration::from_secs(1));
    registry.tick();
    Exporter::new(registry.reader()).render(format).body
}

#[test]
fn labels_are_escaped() {
    for format in [Format::OpenMetrics, Format::Text] {
        let page = page(&[b"seven"], "a\\b\"c\nd{e},f=\u{1F600}", format);
        let escaped = "a\\\\b\\\"c\\nd{e},f=\u{1F600}";
        let expected = format!(
            "streamgauge_session_bytes{{collector=\"tcp\",session=\"seven\",reference=\"{escaped}\",location=\"here\",\
             peer=\"{escaped}\",direction=\"egress\"}} 125\n"
        );
        assert!(page.contains(&expected), "{page}");
        let expected =
            format!("streamgauge_reference_active_sessions{{collector=\"tcp\",reference=\"{escaped}\"}} 1\n");
        assert!(page.contains(&expected), "{page}");
    }
}

/// An id's own escapes, which it has in logs too, are escaped once more.
#[test]
fn an_id_that_is_not_text_is_shown_escaped() {
    let ids: [&[u8]; 4] = [b"\xff\x00\"", b"\\xff", b"\n", "\u{e9}".as_bytes()];
    for format in [Format::OpenMetrics, Format::Text] {
        let page = page(&ids, "film", format);
        for escaped in ["\\\\xff\\\\u{0}\\\"", "\\\\\\\\xff", "\\\\n", "\u{e9}"] {
            let expected = format!(
                "streamgauge_session_bytes{{collector=\"tcp\",session=\"{escaped}\",reference=\"film\",location=\"here\",\
                 peer=\"film\",direction=\"egress\"}} 125\n"
            );
            assert!(page.contains(&expected), "{expected}{page}");
        }
    }
}
