//! No counter falls from one scrape to the next, whatever becomes of the sessions; and totals are what calls counted.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, proptest};
use proptest::prop_oneof;
use streamgauge::{CollectorConfig, Config, ManualClock, Registry};
use streamgauge_prometheus::{Exporter, Format};

use crate::samples::families;

/// What happens between two scrapes. Sessions and labels are few, so that they meet.
#[derive(Debug, Clone)]
enum Event {
    Register(u8, u8),
    Ingress(u8, u32),
    Egress(u8, u32),
    Activate(u8),
    Unregister(u8),
    Advance(u32),
    Tick,
    Refresh,
    /// Stops everything, and starts it anew on the same store.
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..6_u8, 0..6_u8).prop_map(|(id, labels)| Event::Register(id, labels)),
        4 => (0..6_u8, 0..100_000_u32).prop_map(|(id, bytes)| Event::Ingress(id, bytes)),
        4 => (0..6_u8, 0..100_000_u32).prop_map(|(id, bytes)| Event::Egress(id, bytes)),
        1 => (0..6_u8).prop_map(Event::Activate),
        2 => (0..6_u8).prop_map(Event::Unregister),
        2 => (0..8_000_u32).prop_map(Event::Advance),
        3 => Just(Event::Tick),
        1 => Just(Event::Refresh),
        1 => Just(Event::Restart),
    ]
}

/// Small enough for every cap to be hit: keys are folded, and sessions refused.
fn start(directory: &Path, clock: &ManualClock, explicit: bool) -> Registry {
    let mut config = Config::default();
    config.persist_dir = Some(directory.to_owned());
    let registry = Registry::manual(config, clock.clone()).unwrap();
    let mut config = CollectorConfig::default();
    config.max_history_keys = 2;
    config.max_tracked_sessions = 4;
    config.count_packets = true;
    config.persist_interval = Duration::from_secs(3);
    if explicit {
        config.activation = streamgauge::Activation::Explicit;
    }
    registry.register("tcp", config).unwrap();
    registry
}

/// All counters of a page, by series.
fn counters(registry: &Registry) -> BTreeMap<String, u64> {
    let page = Exporter::new(registry.reader()).render(Format::OpenMetrics);
    let counters = families(&page.body)
        .into_values()
        .filter(|family| family.kind == "counter");
    let samples = counters.flat_map(|family| family.samples);
    samples
        .map(|(series, number)| (series, number.parse().unwrap()))
        .collect()
}

/// Whether a counter goes on where it was after a restart. The others count since the collector started.
fn is_kept(series: &str) -> bool {
    ["sessions_total", "bytes_total", "packets_total"]
        .iter()
        .any(|kept| series.split('{').next().unwrap().ends_with(kept))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) })]

    #[test]
    fn no_counter_falls_and_totals_are_what_was_counted(events in vec(event(), 1..80), explicit: bool) {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::default();
        let mut registry = start(directory.path(), &clock, explicit);
        let mut before = counters(&registry);
        let (mut counted, mut packets) = ([0_u64; 2], [0_u64; 2]);
        for event in events {
            let collector = registry.collector("tcp").unwrap();
            let is_restart = matches!(event, Event::Restart);
            match event {
                Event::Register(id, labels) => {
                    let label = format!("label-{labels}");
                    collector.register([id + 1], &label, "edge", &label);
                }
                Event::Ingress(id, bytes) => {
                    if collector.ingress([id + 1], bytes.into()).is_counted() {
                        counted[0] += u64::from(bytes);
                        packets[0] += 1;
                    }
                }
                Event::Egress(id, bytes) => {
                    if collector.egress([id + 1], bytes.into()).is_counted() {
                        counted[1] += u64::from(bytes);
                        packets[1] += 1;
                    }
                }
                Event::Activate(id) => {
                    collector.activate([id + 1]);
                }
                Event::Unregister(id) => {
                    collector.unregister([id + 1]);
                }
                Event::Advance(milliseconds) => clock.advance(Duration::from_millis(milliseconds.into())),
                Event::Tick => collector.tick(),
                Event::Refresh => {
                    collector.refresh();
                }
                Event::Restart => {
                    drop(collector);
                    drop(registry);
                    registry = start(directory.path(), &clock, explicit);
                }
            }
            let after = counters(&registry);
            assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
            for (series, was) in &before {
                let is = after[series];
                assert!(is >= *was || is_restart && !is_kept(series), "{series} fell from {was} to {is}");
            }
            before = after;
        }
        registry.collector("tcp").unwrap().refresh();
        let totals = counters(&registry);
        for (index, direction) in ["ingress", "egress"].into_iter().enumerate() {
            let of = |metric| totals[&format!("streamgauge_{metric}_total{{collector=\"tcp\",direction=\"{direction}\"}}")];
            assert_eq!(of("traffic_bytes"), counted[index]);
            assert_eq!(of("packets"), packets[index]);
        }
    }
}
