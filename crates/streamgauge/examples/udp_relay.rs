//! A UDP relay on loopback that meters a session per client: clients send to the relay, which passes their datagrams to an
//! upstream and the answers back. Runs for a second and prints the summary.
//!
//! Each datagram begins with the number of its client, so that one socket serves both sides of the relay.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use streamgauge::{Collector, CollectorConfig, SessionHandle};

const RUN_TIME: Duration = Duration::from_secs(1);
const CLIENTS: u8 = 3;

fn main() -> io::Result<()> {
    let collector = Collector::new(CollectorConfig::default());
    let (relay, upstream) = (socket()?, socket()?);
    let (front, back) = (relay.local_addr()?, upstream.local_addr()?);
    let end = now() + RUN_TIME;

    thread::scope(|scope| {
        let mut threads = vec![scope.spawn(|| echo(&upstream, end))];
        for client in 0..CLIENTS {
            threads.push(scope.spawn(move || send(front, client, end)));
        }
        run(&relay, back, &collector, end)?;
        threads.into_iter().try_for_each(join)
    })?;

    let summary = collector.refresh();
    println!("{} clients:", summary.current_sessions);
    for client in &summary.active {
        println!(
            "  {} from {}: {} bytes in, {} bytes out",
            client.id, client.peer, client.rx_bytes, client.tx_bytes
        );
    }
    assert_eq!(summary.current_sessions, u64::from(CLIENTS));
    assert!(summary.totals.total_tx_bytes > 0);
    Ok(())
}

/// The relay. A client's first datagram registers its session, the handle counts from then on, without a lookup.
fn run(relay: &UdpSocket, back: SocketAddr, collector: &Collector, end: Instant) -> io::Result<()> {
    let mut clients: HashMap<u8, (SocketAddr, SessionHandle)> = HashMap::new();
    let mut buffer = [0; 2_048];
    while now() < end {
        let Some((bytes, from)) = received(relay.recv_from(&mut buffer))? else {
            continue;
        };
        let datagram = &buffer[..bytes];
        let Some(number) = datagram.first() else {
            continue;
        };
        if from == back {
            if let Some((address, session)) = clients.get(number)
                && session.egress(bytes as u64).is_counted()
            {
                relay.send_to(datagram, address)?;
            }
            continue;
        }
        let (_, session) = clients.entry(*number).or_insert_with(|| {
            let peer = from.ip().to_string();
            let session = collector.register(format!("client-{number}"), "echo", "relay", &peer);
            (from, session)
        });
        // A client whose session was closed or refused is not served.
        if session.ingress(bytes as u64).is_counted() {
            relay.send_to(datagram, back)?;
        }
    }
    Ok(())
}

/// The upstream: sends back what it gets.
fn echo(upstream: &UdpSocket, end: Instant) -> io::Result<()> {
    let mut buffer = [0; 2_048];
    while now() < end {
        if let Some((bytes, from)) = received(upstream.recv_from(&mut buffer))? {
            upstream.send_to(&buffer[..bytes], from)?;
        }
    }
    Ok(())
}

/// A client: sends a datagram, and the next one when it has the answer or has waited long enough.
fn send(relay: SocketAddr, number: u8, end: Instant) -> io::Result<()> {
    let client = socket()?;
    let datagram = [number; 1_200];
    let mut buffer = [0; 2_048];
    while now() < end {
        client.send_to(&datagram, relay)?;
        received(client.recv_from(&mut buffer))?;
    }
    Ok(())
}

fn socket() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_millis(20)))?;
    Ok(socket)
}

/// What arrived; nothing where the wait was over first.
fn received(result: io::Result<(usize, SocketAddr)>) -> io::Result<Option<(usize, SocketAddr)>> {
    match result {
        Ok(datagram) => Ok(Some(datagram)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(None),
        Err(error) => Err(error),
    }
}

fn join(thread: ScopedJoinHandle<'_, io::Result<()>>) -> io::Result<()> {
    thread
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))
}

#[expect(
    clippy::disallowed_methods,
    reason = "an example runs for a second of real time"
)]
fn now() -> Instant {
    Instant::now()
}
