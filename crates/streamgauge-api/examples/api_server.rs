//! A program that meters a client and serves the API: to this machine alone, or to whoever has the token in `TOKEN`.

use std::net::SocketAddr;
use std::sync::Arc;

use streamgauge::{CollectorConfig, Config, Registry};
use streamgauge_api::{Api, Feed, Guard};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = Registry::new(Config::default())?;
    let feed = Feed::default();
    let mut config = CollectorConfig::default();
    config.observer = Some(Arc::new(feed.clone()));
    let hls = registry.register("hls", config)?;
    hls.register("viewer-7", "stream-1", "edge-1", "198.51.100.7")
        .egress(1_250_000);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let guard = Guard::bound_to(address, std::env::var("TOKEN").ok().as_deref())?;
    let router = Api::new(registry.reader(), guard).feed(feed.clone()).router();
    println!("http://{address}/api/v1/collectors/hls/sessions");
    axum::serve(
        listener,
        router.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .with_graceful_shutdown(async move {
        // A program of its own would wait for a signal.
        let mut line = String::new();
        let _end = tokio::task::spawn_blocking(move || std::io::stdin().read_line(&mut line)).await;
        feed.close();
    })
    .await?;
    Ok(())
}
