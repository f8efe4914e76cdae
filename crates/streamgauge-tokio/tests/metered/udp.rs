//! Datagrams: of a connected socket, and of one with many clients.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use streamgauge::{Admission, CloseReason, Collector, CollectorConfig, ManualClock, Verdict};
use streamgauge_tokio::{MeteredUdpServer, MeteredUdpSocket};
use tokio::net::UdpSocket;

use crate::meter::{bytes, collector, ended, live, register, verdict};

async fn socket() -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap()
}

async fn connected() -> (UdpSocket, UdpSocket) {
    let (one, other) = (socket().await, socket().await);
    one.connect(other.local_addr().unwrap()).await.unwrap();
    other.connect(one.local_addr().unwrap()).await.unwrap();
    (one, other)
}

#[tokio::test]
async fn each_datagram_is_counted_and_an_empty_one_is_a_packet() {
    let mut config = CollectorConfig::default();
    config.count_packets = true;
    let collector = Collector::manual(config, ManualClock::default());
    let (client, server) = connected().await;
    let server = MeteredUdpSocket::new(server, register(&collector));
    for datagram in [&[0; 100][..], &[], &[0; 7]] {
        client.send(datagram).await.unwrap();
        assert_eq!(server.recv(&mut [0; 1_500]).await.unwrap(), datagram.len());
    }
    assert_eq!(server.send(&[0; 30]).await.unwrap(), 30);
    assert_eq!(server.try_send(&[0; 5]).unwrap(), 5);
    assert_eq!(
        server.try_recv(&mut [0; 9]).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    let moved = collector.refresh().live;
    assert_eq!(bytes(moved), (107, 35));
    assert_eq!((moved.total_rx_packets, moved.total_tx_packets), (3, 2));
    drop(server);
    assert_eq!(ended(&collector), (107, 35));
}

#[tokio::test]
async fn a_kick_wakes_a_task_that_waits_for_a_datagram() {
    let collector = collector();
    let (_client, server) = connected().await;
    let server = MeteredUdpSocket::new(server, register(&collector));
    let kick = async { collector.unregister("client") };
    let mut buffer = [0; 9];
    let (received, _) = tokio::join!(biased; server.recv(&mut buffer), kick);
    let kicked = Verdict::Closed(CloseReason::Unregistered);
    assert_eq!(verdict(received), kicked);
    assert_eq!(verdict(server.send(b"x").await), kicked);
    assert_eq!(verdict(server.try_send(b"x")), kicked);
    assert_eq!(verdict(server.try_recv(&mut [0; 9])), kicked);
}

/// A server of clients that are admitted by limits, unless they begin with "no".
async fn server(collector: &Collector) -> (MeteredUdpServer, SocketAddr) {
    let socket = socket().await;
    let address = socket.local_addr().unwrap();
    let server = MeteredUdpServer::new(socket, collector.clone(), |newcomer| {
        assert!(newcomer.address().ip().is_loopback());
        if newcomer.datagram().starts_with(b"no") {
            return None;
        }
        newcomer.try_register("echo", "edge-1", Admission::default()).ok()
    });
    (server, address)
}

#[tokio::test]
async fn clients_have_a_session_each_by_their_address() {
    let collector = collector();
    let (server, address) = server(&collector).await;
    let (one, other) = (socket().await, socket().await);
    for (client, datagram) in [(&one, &[0; 10][..]), (&other, &[0; 20]), (&one, &[0; 3])] {
        client.send_to(datagram, address).await.unwrap();
        let (bytes, from) = server.recv_from(&mut [0; 1_500]).await.unwrap();
        assert_eq!((bytes, from), (datagram.len(), client.local_addr().unwrap()));
        assert_eq!(server.send_to(&[0; 100], from).await.unwrap(), 100);
        assert_eq!(server.try_send_to(&[0; 1], from).unwrap(), 1);
    }
    let sessions: Vec<_> = collector
        .active()
        .iter()
        .map(|session| {
            (
                session.id.to_string(),
                session.peer.to_string(),
                session.rx_bytes,
                session.tx_bytes,
            )
        })
        .collect();
    let row = |client: &UdpSocket, rx, tx| {
        (
            client.local_addr().unwrap().to_string(),
            "127.0.0.1".to_owned(),
            rx,
            tx,
        )
    };
    assert_eq!(sessions, [row(&one, 13, 202), row(&other, 20, 101)]);
}

#[tokio::test]
async fn who_is_not_admitted_is_not_heard_and_not_answered() {
    let mut config = CollectorConfig::default();
    config.max_sessions = 1;
    let collector = Collector::manual(config, ManualClock::default());
    let (server, address) = server(&collector).await;
    let (one, refused, full) = (socket().await, socket().await, socket().await);
    refused.send_to(b"no", address).await.unwrap();
    one.send_to(b"one", address).await.unwrap();
    assert_eq!(
        server.recv_from(&mut [0; 9]).await.unwrap().1,
        one.local_addr().unwrap()
    );
    full.send_to(b"full", address).await.unwrap();
    one.send_to(b"again", address).await.unwrap();
    assert_eq!(server.recv_from(&mut [0; 9]).await.unwrap().0, 5);
    for stranger in [&refused, &full] {
        let to = stranger.local_addr().unwrap();
        assert_eq!(verdict(server.send_to(b"x", to).await), Verdict::Unknown);
        assert_eq!(verdict(server.try_send_to(b"x", to)), Verdict::Unknown);
        // What comes first is what was sent past the meter.
        server.get_ref().send_to(b"past", to).await.unwrap();
        assert_eq!(stranger.recv(&mut [0; 9]).await.unwrap(), 4);
    }
    assert_eq!(live(&collector), (8, 0));
    assert_eq!(
        server.try_recv_from(&mut [0; 9]).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
}

/// Strangers may send faster than they are turned away: a call that does not wait has to come back all the same.
#[tokio::test]
async fn a_flood_of_strangers_keeps_no_call_that_does_not_wait() {
    let (served, own) = (socket().await, socket().await);
    let (address, client) = (own.local_addr().unwrap(), served.local_addr().unwrap());
    let stranger = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let flood = 10_000;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    // For each that is turned away the next one is there.
    let server = MeteredUdpServer::new(own, collector(), move |newcomer| {
        if newcomer.address() == client {
            return Some(newcomer.register("echo", "edge-1"));
        }
        if count.fetch_add(1, Ordering::Relaxed) < flood {
            stranger.send_to(b"x", address).unwrap();
        }
        None
    });
    let first = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    first.send_to(b"x", address).unwrap();
    server.get_ref().readable().await.unwrap();
    let came_back = server.try_recv_from(&mut [0; 9]).unwrap_err();
    assert_eq!(came_back.kind(), ErrorKind::WouldBlock);
    let turned_away = asked.load(Ordering::Relaxed);
    assert!(turned_away < 1_000, "{turned_away} in one call");
    // What is left is found by whoever waits for the socket, and a client that is served behind it.
    served.send_to(b"hello", address).await.unwrap();
    loop {
        server.get_ref().readable().await.unwrap();
        if let Ok(received) = server.try_recv_from(&mut [0; 9]) {
            assert_eq!(received, (5, client));
            break;
        }
    }
}

#[tokio::test]
async fn a_client_is_sent_to_as_soon_as_the_socket_takes_it() {
    let collector = collector();
    let client = socket().await;
    let to = client.local_addr().unwrap();
    collector.register(to.to_string(), "echo", "edge-1", "127.0.0.1");
    // Nothing has asked the system yet whether it takes anything.
    let (server, _) = server(&collector).await;
    assert_eq!(
        server.try_send_to(b"x", to).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    assert_eq!(server.send_to(b"x", to).await.unwrap(), 1);
    assert_eq!(live(&collector), (0, 1));
}

#[tokio::test]
async fn a_kicked_client_is_a_newcomer_again() {
    let collector = collector();
    let (server, address) = server(&collector).await;
    let client = socket().await;
    client.send_to(b"hello", address).await.unwrap();
    let (_, from) = server.recv_from(&mut [0; 9]).await.unwrap();
    assert!(collector.unregister(from.to_string()));
    assert_eq!(verdict(server.send_to(b"x", from).await), Verdict::Unknown);
    client.send_to(b"again", address).await.unwrap();
    server.recv_from(&mut [0; 9]).await.unwrap();
    server.send_to(b"x", from).await.unwrap();
    let summary = collector.refresh();
    assert_eq!(
        (bytes(summary.history.stats), bytes(summary.live)),
        ((5, 0), (5, 1))
    );
}

#[tokio::test]
async fn a_server_of_a_null_collector_serves_everybody() {
    let (server, address) = server(&Collector::null()).await;
    let client = socket().await;
    client.send_to(b"hello", address).await.unwrap();
    let (_, from) = server.recv_from(&mut [0; 9]).await.unwrap();
    server.send_to(b"x", from).await.unwrap();
    assert_eq!(client.recv(&mut [0; 9]).await.unwrap(), 1);
}
