//! A page: the metrics, encoded.
//!
//! Both formats come from one list of metrics and from one encoder, that of `prometheus-client`, which is named here alone.
//! Nothing is registered per session: an exporter is a collector of that crate, and encodes what it sees at the scrape.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::exporter::{CollectorState, Exporter};
use crate::format::Format;
use crate::metric::list::METRICS;
use crate::metric::{Kind, Metric, Value};

/// A page, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exposition {
    /// The value of the header `Content-Type`.
    pub content_type: &'static str,
    /// The page.
    pub body: String,
}

impl Exposition {
    pub(crate) fn of(exporter: &Exporter, format: Format) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(exporter.clone()));
        let mut body = String::new();
        // The one error there can be is that of who is written to, and a String takes everything.
        let (Ok(()) | Err(fmt::Error)) = match format {
            Format::OpenMetrics => text::encode(&mut body, &registry),
            Format::Text => prometheus_text::encode(&mut body, &registry),
        };
        Self {
            content_type: format.content_type(),
            body,
        }
    }
}

/// What [`Exporter::render`] shows, as part of a page of the program's own.
impl Collector for Exporter {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let collectors = self.scrape();
        METRICS
            .iter()
            .try_for_each(|metric| encode(metric, &collectors, &mut encoder))
    }
}

/// A metric of all collectors. One that has no sample is left out whole.
fn encode(
    metric: &Metric,
    collectors: &[CollectorState],
    encoder: &mut DescriptorEncoder<'_>,
) -> fmt::Result {
    let samples = metric.samples(collectors);
    if samples.is_empty() {
        return Ok(());
    }
    let unit = metric.unit.map(|unit| Unit::Other(unit.to_owned()));
    let kind = match metric.kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
        Kind::Info => MetricType::Info,
    };
    let mut family = encoder.encode_descriptor(metric.name, metric.help, unit.as_ref(), kind)?;
    for sample in samples {
        if metric.kind == Kind::Info {
            family.encode_info(&sample.labels)?;
            continue;
        }
        let mut one = family.encode_family(&sample.labels)?;
        match (metric.kind, sample.value) {
            (Kind::Counter, Value::Whole(count)) => {
                one.encode_counter::<NoLabelSet, _, f64>(&count, None)?;
            }
            (Kind::Counter, Value::Real(count)) => {
                one.encode_counter::<NoLabelSet, _, f64>(&count, None)?;
            }
            (_, Value::Whole(number)) => one.encode_gauge(&number)?,
            (_, Value::Real(number)) => one.encode_gauge(&number)?,
        }
    }
    Ok(())
}
