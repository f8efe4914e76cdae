//! An echo server that meters its clients: a session each, closed with the connection; a kick ends the connection at once.

use std::io;

use streamgauge::{Admission, Collector, CollectorConfig};
use streamgauge_tokio::Metered;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, split};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let mut config = CollectorConfig::default();
    config.max_sessions = 1_000;
    let collector = Collector::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut client = TcpStream::connect(listener.local_addr()?).await?;
    tokio::spawn(serve(listener, collector.clone()));

    client.write_all(b"hello").await?;
    client.read_exact(&mut [0; 5]).await?;
    let session = collector.active().remove(0);
    println!("{}: {} bytes in", session.id, session.rx_bytes);
    collector.unregister(&session.id);
    assert_eq!(client.read(&mut [0; 1]).await?, 0); // the server has hung up
    assert_eq!(collector.refresh().history.stats.total_rx_bytes, 5);
    Ok(())
}

async fn serve(listener: TcpListener, collector: Collector) -> io::Result<()> {
    loop {
        let (stream, address) = listener.accept().await?;
        let (id, peer) = (address.to_string(), address.ip().to_string());
        let Ok(session) = collector.try_register(id, "echo", "edge-1", &peer, Admission::default()) else {
            continue; // full: hung up on
        };
        let (mut reader, mut writer) = split(Metered::new(stream, session));
        tokio::spawn(async move { copy(&mut reader, &mut writer).await });
    }
}
