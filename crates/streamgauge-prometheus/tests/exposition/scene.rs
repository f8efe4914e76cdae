//! A registry in which every metric has a sample.

use std::time::{Duration, SystemTime};

use streamgauge::{CollectorConfig, Config, ManualClock, Registry};
use tempfile::TempDir;

/// The registry, and the directory that it saves to.
pub(crate) struct Scene {
    pub(crate) registry: Registry,
    _directory: TempDir,
}

impl Scene {
    /// Two collectors: `tcp` with limits, packets and a saved history, `udp` without anything.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
        let mut config = Config::default();
        config.persist_dir = Some(directory.path().to_owned());
        let registry = Registry::manual(config, clock.clone()).unwrap();

        let mut config = CollectorConfig::default();
        (config.max_sessions, config.max_rx_bitrate, config.max_tx_bitrate) = (100, 0, 20_000_000);
        config.count_packets = true;
        config.persist_interval = Duration::from_secs(1);
        let tcp = registry.register("tcp", config).unwrap();
        registry.register("udp", CollectorConfig::default()).unwrap();

        // Ended: one that was active, one that was not.
        tcp.register("gone", "film", "edge", "10.0.0.1").ingress(400);
        tcp.unregister("gone");
        tcp.register("silent", "film", "edge", "10.0.0.2");
        tcp.unregister("silent");
        // Open: two that are active, one that is pending. One more is refused.
        tcp.register("seven", "film", "edge", "10.0.0.7")
            .egress(1_250_000);
        let eight = tcp.register("eight", "news", "edge", "10.0.0.8");
        eight.ingress(250);
        eight.egress(125_000);
        tcp.register("nine", "news", "edge", "10.0.0.9");
        tcp.register("", "news", "edge", "10.0.0.10");
        clock.advance(Duration::from_secs(1));
        registry.tick();
        Self {
            registry,
            _directory: directory,
        }
    }
}
