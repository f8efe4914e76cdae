//! `GET /metrics`: the collectors, and what the relay itself counts.

use std::fmt;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, VARY};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use streamgauge_prometheus::{Exporter, Format};
use streamgauge_webhook::Webhooks;

use crate::relay::Listening;
use crate::tally::Tally;

/// What the page shows.
#[derive(Clone, Debug)]
pub(super) struct Page {
    exporter: Exporter,
    tallies: Tallies,
    webhooks: Option<Posted>,
}

/// What the listeners took, refused and lost.
#[derive(Clone, Debug)]
struct Tallies(Vec<Listening>);

/// What became of the events that the webhook was told.
#[derive(Clone, Debug)]
struct Posted(Webhooks);

impl Page {
    pub(super) fn new(exporter: Exporter, listeners: Vec<Listening>, webhooks: Option<Webhooks>) -> Self {
        Self {
            exporter,
            tallies: Tallies(listeners),
            webhooks: webhooks.map(Posted),
        }
    }

    /// Each request is rendered on a thread for blocking work: a pass over very many sessions holds up no connection.
    pub(super) fn router(self) -> Router {
        Router::new().route("/metrics", get(answer)).with_state(self)
    }

    fn render(self, format: Format) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.exporter));
        registry.register_collector(Box::new(self.tallies));
        if let Some(posted) = self.webhooks {
            registry.register_collector(Box::new(posted));
        }
        let mut body = String::new();
        match format {
            Format::OpenMetrics => text::encode(&mut body, &registry)?,
            _ => prometheus_text::encode(&mut body, &registry)?,
        }
        Ok(body)
    }
}

async fn answer(State(page): State<Page>, headers: HeaderMap) -> Response {
    let accepted = headers.get_all(ACCEPT).into_iter();
    let accepted: Vec<&str> = accepted.filter_map(|value| value.to_str().ok()).collect();
    let format = Format::negotiate(Some(&accepted.join(",")));
    match tokio::task::spawn_blocking(move || page.render(format)).await {
        Ok(Ok(body)) => {
            let headers = [
                (CONTENT_TYPE, HeaderValue::from_static(format.content_type())),
                (VARY, HeaderValue::from_static("accept")),
            ];
            (headers, body).into_response()
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

impl Collector for Tallies {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let tallies: Vec<_> = self
            .0
            .iter()
            .map(|listener| (listener.config().name.as_str(), listener.tally()))
            .collect();
        let of = |count: fn(&Tally) -> u64| {
            let samples = tallies
                .iter()
                .map(|(name, tally)| (vec![("listener", *name)], count(tally)));
            samples.collect::<Vec<_>>()
        };
        let refused = tallies.iter().flat_map(|(name, tally)| {
            let labels = |cause| vec![("listener", *name), ("cause", cause)];
            tally.causes().map(|(cause, count)| (labels(cause), count))
        });
        let counters = [
            (
                "streamgauge_relay_clients",
                "Connections accepted and UDP clients that were new, whatever became of them",
                of(|tally| tally.clients),
            ),
            (
                "streamgauge_relay_refused_clients",
                "Clients that were refused or closed before anything was relayed, by cause",
                refused.collect(),
            ),
            (
                "streamgauge_relay_lost_datagrams",
                "Datagrams that no socket took",
                of(|tally| tally.lost_datagrams),
            ),
            (
                "streamgauge_relay_exhaustions",
                "Times that no client could be taken, for want of descriptors or memory",
                of(|tally| tally.exhausted),
            ),
        ];
        for (name, help, samples) in counters {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (labels, count) in samples {
                family
                    .encode_family(&Labels(&labels))?
                    .encode_counter::<NoLabelSet, u64, u64>(&count, None)?;
            }
        }
        Ok(())
    }
}

impl Collector for Posted {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counts = self.0.counts();
        let mut events = encoder.encode_descriptor(
            "streamgauge_relay_webhook_events",
            "Sessions that closed, by what became of telling the webhook",
            None,
            MetricType::Counter,
        )?;
        for (outcome, count) in [
            ("delivered", counts.delivered),
            ("failed", counts.failed),
            ("dropped", counts.dropped),
        ] {
            events
                .encode_family(&Labels(&[("outcome", outcome)]))?
                .encode_counter::<NoLabelSet, u64, u64>(&count, None)?;
        }
        encoder
            .encode_descriptor(
                "streamgauge_relay_webhook_retries",
                "Requests that the webhook was sent again",
                None,
                MetricType::Counter,
            )?
            .encode_counter::<NoLabelSet, u64, u64>(&counts.retries, None)?;
        encoder
            .encode_descriptor(
                "streamgauge_relay_webhook_pending_events",
                "Sessions that closed and that the webhook has yet to be told of",
                None,
                MetricType::Gauge,
            )?
            .encode_gauge(&counts.pending)
    }
}

/// Labels of names and values that are text.
#[derive(Debug)]
struct Labels<'a>(&'a [(&'a str, &'a str)]);

impl prometheus_client::encoding::EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut prometheus_client::encoding::LabelSetEncoder<'_>) -> fmt::Result {
        use prometheus_client::encoding::EncodeLabel;
        self.0
            .iter()
            .try_for_each(|label| label.encode(encoder.encode_label()))
    }
}
