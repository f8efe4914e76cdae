//! An axum server whose sessions and "(overhead)" add up to what its connections moved, upgrades included.

use std::{convert::Infallible, io, net::SocketAddr};

use axum::serve::{IncomingStream, Listener};
use axum::{Router, routing::get};
use streamgauge::{Collector, CollectorConfig};
use streamgauge_http::{Choice, Labels, MeterLayer, MeteredConnection, Overhead};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

struct Edge(TcpListener, Overhead);

impl Listener for Edge {
    type Io = MeteredConnection<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        let (stream, peer) = Listener::accept(&mut self.0).await;
        (self.1.connection(stream, peer), peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let collector = Collector::new(CollectorConfig::default());
    let layer = MeterLayer::new(&collector, |arrival| {
        let path = arrival.parts.uri.path();
        Choice::Exchange(Labels::new(path, "edge-1", arrival.client_label()))
    });
    let app = Router::new().route("/", get("hello")).layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut client = TcpStream::connect(listener.local_addr()?).await?;
    let edge = Edge(listener, Overhead::new(&collector, "edge-1"));
    let serve = tower::service_fn(move |stream: IncomingStream<'_, Edge>| {
        let service = stream.io().context().service(app.clone());
        async { Ok::<_, Infallible>(service) }
    });
    tokio::spawn(async { axum::serve(edge, serve).await });

    let request = b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n";
    client.write_all(request).await?;
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await?;
    let totals = collector.refresh().totals;
    assert_eq!(totals.total_rx_bytes, request.len() as u64);
    assert_eq!(totals.total_tx_bytes, answer.len() as u64); // the server's own headers are overhead
    Ok(())
}
