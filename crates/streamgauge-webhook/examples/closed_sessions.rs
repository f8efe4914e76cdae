//! Posts each session that closes to the address that is given: `closed_sessions http://127.0.0.1:9000/closed`.

use std::sync::Arc;
use std::time::Duration;

use streamgauge::{Collector, CollectorConfig};
use streamgauge_webhook::{WebhookConfig, Webhooks};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("say where to post to")?;
    let mut webhook = WebhookConfig::new(&url);
    webhook.secret = std::env::var("SECRET").ok();
    let webhooks = Webhooks::start(webhook)?;

    let mut config = CollectorConfig::default();
    config.observer = Some(Arc::new(webhooks.clone()));
    let collector = Collector::try_new(config)?;
    let session = collector.register("viewer-7", "stream-1", "edge-1", "198.51.100.7");
    session.egress(1_250_000);
    session.unregister();

    // First what tells, then who is told: the last sessions are among what is posted.
    collector.stop();
    let counts = webhooks.stop(Duration::from_secs(5));
    println!("delivered {}, failed {}", counts.delivered, counts.failed);
    match counts.last_error {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}
