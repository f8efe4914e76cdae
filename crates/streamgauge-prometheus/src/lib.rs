//! The state of streamgauge's collectors, for Prometheus.
//!
//! An [`Exporter`] renders what a registry's collectors publish: sessions, limits, totals, bitrates and tops of each, how its
//! own machinery fares, and of single sessions and references only the busiest, so that a page stays small however many
//! there are.
//!
//! ```
//! use streamgauge::{CollectorConfig, Config, ManualClock, Registry};
//! use streamgauge_prometheus::Exporter;
//!
//! let registry = Registry::manual(Config::default(), ManualClock::default())?;
//! let tcp = registry.register("tcp", CollectorConfig::default())?;
//! tcp.register("viewer-7", "channel-1", "edge-1", "198.51.100.7").egress(1_500);
//! registry.tick();
//!
//! let exporter = Exporter::new(registry.reader());
//! let page = exporter.respond(Some("application/openmetrics-text;version=1.0.0"));
//! assert_eq!(page.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
//! let total = "streamgauge_traffic_bytes_total{collector=\"tcp\",direction=\"egress\"} 1500\n";
//! assert!(page.body.contains(total));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A map of this page
//!
//! * [`Exporter`]: what renders; [`ExporterConfig`] says how many sessions and references are shown.
//! * [`Exporter::respond`]: an [`Exposition`] for whoever serves HTTP by means of their own; [`Format`] is what it negotiates.
//! * `router`, with the feature `axum`: `GET /metrics` to mount.
//! * An [`Exporter`] is a [`Collector`](prometheus_client::collector::Collector) of the crate `prometheus-client`, too: a
//!   program with a registry of its own registers it there, and has one page.
//!
//! docs/integrations/prometheus.md lists every metric, with queries and a configuration for Prometheus.
//!
//! # What it does not do
//!
//! It asks nobody for a password: whoever mounts the page guards it. It pushes nothing. It keeps no history of its own, and
//! reads no clock: numbers are as of each collector's last tick, and a metric says when that was.
//!
//! # Features
//!
//! `axum`: `router`.

#![forbid(unsafe_code)]

mod busiest;
mod exporter;
mod exposition;
mod format;
mod metric;
#[cfg(feature = "axum")]
mod route;

pub use exporter::{Exporter, ExporterConfig};
pub use exposition::Exposition;
pub use format::Format;
#[cfg(feature = "axum")]
pub use route::router;
