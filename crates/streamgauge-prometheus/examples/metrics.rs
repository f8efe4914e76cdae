//! Serves the metrics of a service: `curl http://127.0.0.1:9464/metrics`.

use std::error::Error;

use streamgauge::{CollectorConfig, Config, Registry};
use streamgauge_prometheus::{Exporter, router};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let registry = Registry::new(Config::default())?;
    let mut config = CollectorConfig::default();
    config.max_sessions = 1_000;
    let relay = registry.register("relay", config)?;

    // In place of a service: one client, which was sent 1,500 bytes.
    let client = relay.register("client-7", "channel-1", "edge-1", "198.51.100.7");
    client.egress(1_500);

    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:9464")).await?;
    println!("http://{}/metrics", listener.local_addr()?);
    // The page shows ids and peers, and has no guard of its own: hence the loopback address.
    axum::serve(listener, router(Exporter::new(registry.reader()))).await?;
    Ok(())
}
