//! Relays connections within a program: `embedded LISTEN UPSTREAM`, until its standard input ends.

use std::error::Error;
use std::io::Read;
use std::time::Duration;

use streamgauge_relay::Relay;
use streamgauge_relay::config::{ListenerConfig, Protocol, RelayConfig};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().ok_or("where to listen?")?.parse()?;
    let upstream = arguments.next().ok_or("who serves?")?.parse()?;

    let mut web = ListenerConfig::new("web", Protocol::Tcp, listen, upstream);
    web.rules.limits.max_sessions = 1_000;
    let relay = Relay::start(&RelayConfig::new(vec![web])).await?;
    println!("{}", relay.listeners()[0].local_addr());

    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    relay.drain(Duration::from_secs(10)).await;
    let totals = relay.listeners()[0].collector().refresh().totals;
    println!(
        "{} received, {} sent",
        totals.total_rx_bytes, totals.total_tx_bytes
    );
    for unsaved in relay.stop().await {
        eprintln!("{unsaved}");
    }
    Ok(())
}
