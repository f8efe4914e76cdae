//! What a scrape costs: time and page size, by number of sessions. Prints rows for docs/integrations/prometheus.md.
//!
//! `cargo run --release -p streamgauge-prometheus --example cost -- 1000 100000 1000000`

use std::error::Error;
use std::time::{Duration, Instant};

use streamgauge::{CollectorConfig, Config, ManualClock, Registry};
use streamgauge_prometheus::{Exporter, ExporterConfig, Format};

/// Scrapes of each kind. The shortest is what a scrape takes where nothing else runs; the median has what disturbed it.
const SCRAPES: usize = 11;

fn main() -> Result<(), Box<dyn Error>> {
    let asked = std::env::args().skip(1).map(|argument| argument.parse());
    let mut counts: Vec<u64> = asked.collect::<Result<_, _>>()?;
    if counts.is_empty() {
        counts.push(1_000);
    }
    println!("| sessions | references | shown of each | shortest | median | page |");
    println!("|---:|---:|---:|---:|---:|---:|");
    for sessions in counts {
        for references in [sessions.min(1_000), sessions] {
            measure(sessions, references)?;
        }
    }
    Ok(())
}

fn measure(sessions: u64, references: u64) -> Result<(), Box<dyn Error>> {
    let clock = ManualClock::default();
    let registry = Registry::manual(Config::default(), clock.clone())?;
    let collector = registry.register("relay", CollectorConfig::default())?;
    for number in 0..sessions {
        let peer = format!("198.51.100.{}:{}", number % 256, 1_024 + number % 60_000);
        let reference = format!("channel-{}", number % references);
        let session = collector.register(format!("client-{number:09}"), &reference, "edge-1", &peer);
        session.ingress(number);
        session.egress(number * 7_919 % 1_000_003);
    }
    clock.advance(Duration::from_secs(1));
    registry.tick();
    let moved = collector.summary().totals.total_rx_bytes;

    for shown in [10, 0] {
        let mut config = ExporterConfig::default();
        (config.busiest_sessions, config.busiest_references) = (shown, shown);
        let exporter = Exporter::with_config(registry.reader(), config);
        let mut times = Vec::new();
        let mut bytes = 0;
        for _ in 0..SCRAPES {
            #[expect(clippy::disallowed_methods, reason = "a measurement is what this is for")]
            let started = Instant::now();
            let page = exporter.render(Format::OpenMetrics);
            times.push(started.elapsed());
            bytes = page.body.len();
            let total = format!("{{collector=\"relay\",direction=\"ingress\"}} {moved}\n");
            assert!(page.body.contains(&total), "the page is another one");
        }
        times.sort();
        println!(
            "| {sessions} | {references} | {shown} | {:.2?} | {:.2?} | {bytes} bytes |",
            times[0],
            times[SCRAPES / 2]
        );
    }
    Ok(())
}
