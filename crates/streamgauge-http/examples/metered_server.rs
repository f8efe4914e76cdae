//! An axum server that meters each request under a session of its own, and refuses beyond a limit.

use std::{error::Error, net::SocketAddr};

use axum::{Router, extract::ConnectInfo, routing::post};
use streamgauge::{CidrLimiter, Collector, CollectorConfig};
use streamgauge_http::{Choice, Labels, MeterLayer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut config = CollectorConfig::default();
    config.max_sessions = 1_000; // beyond it: 503, and when to try again
    let collector = Collector::new(config);
    let layer = MeterLayer::new(&collector, |arrival| {
        let path = arrival.parts.uri.path();
        Choice::Exchange(Labels::new(path, "edge-1", arrival.client_label()))
    })
    .peer_from(|info: &ConnectInfo<SocketAddr>| info.0)
    .limit(CidrLimiter::new(&["203.0.113.0/24"], &[])?); // 403
    let echo = post(async |body: String| body);
    let app = Router::new().route("/echo", echo).layer(layer);
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut client = TcpStream::connect(listener.local_addr()?).await?;
    tokio::spawn(async { axum::serve(listener, app).await });

    let request = "POST /echo HTTP/1.1\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello";
    client.write_all(request.as_bytes()).await?;
    client.read_to_end(&mut Vec::new()).await?;
    let summary = collector.refresh();
    let echo = summary.history.references.get("/echo").ok_or("no session")?;
    assert_eq!(echo.total_rx_bytes, request.len() as u64); // head and body
    assert!(summary.history.peers.get("127.0.0.1").is_some());
    Ok(())
}
