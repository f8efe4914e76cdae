//! Webhooks for streamgauge: each session that closes is posted to an address, as JSON.
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//! use streamgauge::{Collector, CollectorConfig};
//! use streamgauge_webhook::{WebhookConfig, Webhooks};
//!
//! let webhooks = Webhooks::start(WebhookConfig::new("http://127.0.0.1:9000/closed"))?;
//! let mut config = CollectorConfig::default();
//! config.observer = Some(Arc::new(webhooks.clone()));
//! let collector = Collector::new(config);
//! // …
//! collector.stop();
//! let counts = webhooks.stop(Duration::from_secs(5));
//! assert_eq!(counts.pending, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The page
//!
//! * [`Webhooks`] is the observer, and the thread that posts. [`Webhooks::counts`] says how it fares.
//! * [`WebhookConfig`]: the address, the secret, and the bounds.
//! * [`WebhookError`]: what cannot be followed of a configuration.
//!
//! # What is posted
//!
//! One request at a time, of one or more events: those that were queued while the last one was under way, up to
//! [`max_batch`](WebhookConfig::max_batch), oldest first.
//!
//! ```json
//! {"events":[{"event_id":"5f0c…-17","kind":"closed","collector":"hls","id":"viewer-7","id_encoded":"viewer-7",
//!   "reference":"stream-1","location":"edge-1","peer":"198.51.100.7","extra":"","created_at":"2026-01-31T12:00:00.000Z",
//!   "reason":"timed_out","closed_at":"2026-01-31T12:00:30.000Z","duration_seconds":30.0,"was_active":true,
//!   "rx_bytes":0,"tx_bytes":1250000,"rx_packets":0,"tx_packets":0,"average_rx_bitrate":0.0,"average_tx_bitrate":333333.3,
//!   "top_rx_bitrate":0.0,"top_tx_bitrate":9e6,"peak_rx_bitrate":0.0,"peak_tx_bitrate":1e7,"is_final":true}]}
//! ```
//!
//! Bitrates are in bit/s. An event of kind `corrected` replaces what was told of the session before.
//!
//! The headers are those of [Standard Webhooks](https://www.standardwebhooks.com), which receivers have libraries for:
//! `webhook-id` stays the same when a request is sent again, `webhook-timestamp` is the attempt's, and with a secret
//! `webhook-signature` is `v1,` and the base64 of HMAC-SHA256 over id, timestamp and body, with dots between them.
//! `idempotency-key` says the id once more, for receivers that look there.
//!
//! # What is promised
//!
//! *At least once, in order, or counted.* A request is sent again, after pauses that double, while there is no answer,
//! or it is 408, 425, 429 or 5xx; until it is [`deadline`](WebhookConfig::deadline) old. Any other answer than 2xx
//! refuses it. What was refused or ran out of time is counted as failed. Behind a request that is sent again the queue
//! grows; beyond [`max_queued`](WebhookConfig::max_queued) events are dropped, and counted. The observer never waits for the
//! network.
//!
//! # What it does not do
//!
//! What is queued is not kept on disk. Redirects are not followed, and no proxy is used.
//!
//! # Features
//!
//! `tls`: addresses that begin with `https`, by rustls. Without it they are refused at the start.

#![forbid(unsafe_code)]

mod batch;
mod client;
mod clock;
mod config;
mod counts;
mod delivery;
mod desk;
mod pause;
mod signature;
mod webhooks;

pub use self::config::{WebhookConfig, WebhookError};
pub use self::counts::WebhookCounts;
pub use self::webhooks::Webhooks;
