//! What renders the collectors of a registry, and what it sees of them at one scrape.

use std::sync::Arc;

use streamgauge::{Health, RegistryReader, Summary};

use crate::busiest::Busiest;
use crate::exposition::Exposition;
use crate::format::Format;

/// The configuration of an [`Exporter`].
///
/// ```
/// use streamgauge_prometheus::ExporterConfig;
///
/// let mut config = ExporterConfig::default();
/// config.busiest_sessions = 0; // no ids and no peers on the page
/// assert_eq!(config.busiest_references, 10);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExporterConfig {
    /// How many sessions of each collector are shown by themselves: those with the highest bitrates. 0: none.
    ///
    /// With both this and `busiest_references` at 0 a scrape looks at no session, and costs the same however many there are.
    pub busiest_sessions: usize,
    /// How many references of each collector are shown by themselves: those whose active sessions have the highest bitrates
    /// together. 0: none.
    pub busiest_references: usize,
}

impl Default for ExporterConfig {
    /// Ten of each.
    fn default() -> Self {
        Self {
            busiest_sessions: 10,
            busiest_references: 10,
        }
    }
}

/// Renders the state of all collectors of a registry.
///
/// Cheap to clone. It does not keep the collectors running, and shows those that are registered at the time of a scrape.
#[derive(Debug, Clone)]
pub struct Exporter {
    reader: RegistryReader,
    config: ExporterConfig,
}

impl Exporter {
    /// An exporter of the default configuration.
    #[must_use]
    pub fn new(reader: RegistryReader) -> Self {
        Self::with_config(reader, ExporterConfig::default())
    }

    /// An exporter of this configuration.
    #[must_use]
    pub const fn with_config(reader: RegistryReader, config: ExporterConfig) -> Self {
        Self { reader, config }
    }

    /// The page for a client that sent this `Accept` header, or none. Several `Accept` headers count as one, joined by commas.
    ///
    /// Everything about a collector is of one summary, that of its last tick: up to one `sample_interval` old.
    ///
    /// Waits for no collector and no packet thread. Takes as long as a pass over the active sessions, and is not to be called
    /// from an async task where there are very many: docs/integrations/prometheus.md has figures.
    #[must_use]
    pub fn respond(&self, accept: Option<&str>) -> Exposition {
        self.render(Format::negotiate(accept))
    }

    /// The page in this format, as [`respond`](Self::respond) has it.
    #[must_use]
    pub fn render(&self, format: Format) -> Exposition {
        Exposition::of(self, format)
    }

    /// All collectors now, in order of their names.
    pub(crate) fn scrape(&self) -> Vec<CollectorState> {
        let names = self.reader.collectors().into_iter();
        // One that was unregistered since is left out.
        let found = names.filter_map(|name| Some((self.reader.collector(&name)?, name)));
        found
            .map(|(collector, name)| {
                let summary = collector.summary();
                CollectorState {
                    name,
                    health: collector.health(),
                    busiest: Busiest::of(&summary, &self.config),
                    summary,
                }
            })
            .collect()
    }
}

/// What a scrape sees of one collector.
#[derive(Debug)]
pub(crate) struct CollectorState {
    pub(crate) name: String,
    pub(crate) summary: Arc<Summary>,
    pub(crate) health: Health,
    pub(crate) busiest: Busiest,
}
