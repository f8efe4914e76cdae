//! Datagrams: what passes, what is counted, who may be a client.

use std::net::SocketAddr;
use std::time::Duration;

use streamgauge_relay::config::{AccessLists, ListenerConfig, Protocol, ProxyIn};
use streamgauge_relay::proxy::{Endpoints, Transport, Version};
use tokio::net::UdpSocket;

use crate::harness::{Bench, loopback, pattern, soon, until};

fn udp_to(upstream: SocketAddr) -> ListenerConfig {
    ListenerConfig::new("dns", Protocol::Udp, loopback(), upstream.into())
}

async fn socket() -> UdpSocket {
    UdpSocket::bind(loopback()).await.unwrap()
}

async fn client_of(bench: &Bench) -> UdpSocket {
    let client = socket().await;
    client.connect(bench.addr()).await.unwrap();
    client
}

async fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 65_536];
    let (bytes, source) = soon(socket.recv_from(&mut buffer)).await.unwrap();
    buffer.truncate(bytes);
    (buffer, source)
}

#[tokio::test]
async fn datagrams_pass_both_ways_whole_and_are_counted_exactly() {
    let upstream = socket().await;
    let bench = Bench::of(udp_to(upstream.local_addr().unwrap())).await;
    let client = client_of(&bench).await;
    client.send(b"who is it").await.unwrap();
    let (question, relay) = receive(&upstream).await;
    assert_eq!(question, b"who is it");
    // The empty one is one, too; and the largest passes.
    let large = pattern(65_507, 9);
    for answer in [&b"it is I"[..], b"", &large] {
        upstream.send_to(answer, relay).await.unwrap();
        assert!(receive(&client).await.0 == answer);
    }
    until(|| bench.summary().live.total_tx_packets == 3).await;
    let summary = bench.summary();
    let session = summary.active.iter().next().unwrap();
    assert_eq!((session.rx_bytes, session.rx_packets), (9, 1));
    assert_eq!((session.tx_bytes, session.tx_packets), (7 + 65_507, 3));
    assert_eq!(session.peer.as_str(), "127.0.0.1");
    assert_eq!(bench.listening().tally().lost_datagrams, 0);
}

#[tokio::test]
async fn bursts_of_all_sizes_keep_their_boundaries_and_their_order() {
    for is_batching in [true, false] {
        let upstream = socket().await;
        let mut listener = udp_to(upstream.local_addr().unwrap());
        listener.udp_batching = is_batching;
        let bench = Bench::of(listener).await;
        let clients = [client_of(&bench).await, client_of(&bench).await];
        // Runs of one size, shorter ones at their ends, longer ones in between, empty ones: what can go wrong in joining.
        let sizes = [
            700, 700, 700, 300, 700, 701, 0, 0, 1, 1, 1, 1_400, 1_400, 9_000, 9_000, 10,
        ];
        let per_round: usize = sizes.iter().sum();
        let datagrams = |round: u64, which: u64| {
            sizes.map(|size| pattern(size, round * 1_000_000 + size as u64 * 10 + which))
        };
        for round in 0..5 {
            for (which, client) in (0..).zip(&clients) {
                for datagram in datagrams(round, which) {
                    client.send(&datagram).await.unwrap();
                }
            }
            // What comes from each client's socket, in its order.
            let mut received: Vec<(SocketAddr, Vec<Vec<u8>>)> = Vec::new();
            for _ in 0..sizes.len() * 2 {
                let (datagram, source) = receive(&upstream).await;
                match received.iter_mut().find(|(from, _)| *from == source) {
                    Some((_, datagrams)) => datagrams.push(datagram),
                    None => received.push((source, vec![datagram])),
                }
            }
            assert_eq!(received.len(), 2);
            for (which, (_, received)) in (0..).zip(&received) {
                assert!(received.iter().eq(&datagrams(round, which)));
            }
            // And back, as the upstream's answers.
            for (source, datagrams) in &received {
                for datagram in datagrams {
                    upstream.send_to(datagram, source).await.unwrap();
                }
            }
            for (which, client) in (0..).zip(&clients) {
                for datagram in datagrams(round, which) {
                    assert!(receive(client).await.0 == datagram);
                }
            }
        }
        until(|| bench.summary().totals.total_tx_packets == 160).await;
        let totals = bench.summary().totals;
        let bytes = 10 * per_round as u64;
        assert_eq!((totals.total_rx_bytes, totals.total_rx_packets), (bytes, 160));
        assert_eq!(totals.total_tx_bytes, bytes);
        assert_eq!(bench.listening().tally().lost_datagrams, 0);
    }
}

#[tokio::test]
async fn a_session_timeout_of_0_is_the_collectors_default_and_answers_pass() {
    let upstream = socket().await;
    let mut listener = udp_to(upstream.local_addr().unwrap());
    listener.session_timeout = Duration::ZERO;
    let bench = Bench::of(listener).await;
    let client = client_of(&bench).await;
    client.send(b"ping").await.unwrap();
    let (_, relay) = receive(&upstream).await;
    upstream.send_to(b"pong", relay).await.unwrap();
    assert_eq!(receive(&client).await.0, b"pong");
}

#[tokio::test]
async fn each_client_has_a_session_and_hears_its_own_answers() {
    let upstream = socket().await;
    let bench = Bench::of(udp_to(upstream.local_addr().unwrap())).await;
    let (first, second) = (client_of(&bench).await, client_of(&bench).await);
    first.send(b"1").await.unwrap();
    let (_, to_first) = receive(&upstream).await;
    second.send(b"2").await.unwrap();
    let (_, to_second) = receive(&upstream).await;
    upstream.send_to(b"for 2", to_second).await.unwrap();
    upstream.send_to(b"for 1", to_first).await.unwrap();
    assert_eq!(receive(&first).await.0, b"for 1");
    assert_eq!(receive(&second).await.0, b"for 2");
    assert_eq!(bench.open(), 2);
}

#[tokio::test]
async fn a_silent_client_leaves_and_comes_back_as_a_new_session() {
    let upstream = socket().await;
    let bench = Bench::of(udp_to(upstream.local_addr().unwrap())).await;
    let client = client_of(&bench).await;
    client.send(b"first").await.unwrap();
    let (_, before) = receive(&upstream).await;
    bench.pass(Duration::from_secs(63));
    let summary = bench.ended().await;
    assert_eq!(summary.history.stats.total_rx_bytes, 5);
    client.send(b"again").await.unwrap();
    let (datagram, after) = receive(&upstream).await;
    assert_eq!(datagram, b"again");
    assert_ne!(before, after);
    assert_eq!(bench.summary().totals.total_sessions, 2);
}

#[tokio::test]
async fn a_kicked_client_is_a_new_session_with_its_next_datagram() {
    let upstream = socket().await;
    let bench = Bench::of(udp_to(upstream.local_addr().unwrap())).await;
    let client = client_of(&bench).await;
    client.send(b"first").await.unwrap();
    let (_, before) = receive(&upstream).await;
    let id = bench.collector().active()[0].id.clone();
    assert!(bench.collector().unregister(&id));
    client.send(b"second").await.unwrap();
    let (_, after) = receive(&upstream).await;
    assert_ne!(before, after);
    let summary = bench.summary();
    assert_eq!(summary.history.stats.total_rx_bytes, 5);
    assert_eq!(summary.live.total_rx_bytes, 6);
}

#[tokio::test]
async fn no_more_clients_are_served_than_there_may_be() {
    let upstream = socket().await;
    let mut listener = udp_to(upstream.local_addr().unwrap());
    listener.max_clients = 3;
    let bench = Bench::of(listener).await;
    let clients: [UdpSocket; 5] = [
        client_of(&bench).await,
        client_of(&bench).await,
        client_of(&bench).await,
        client_of(&bench).await,
        client_of(&bench).await,
    ];
    for client in &clients {
        client.send(b"x").await.unwrap();
    }
    until(|| bench.listening().tally().over_sessions == 2).await;
    assert_eq!(bench.open(), 3);
    // Those who are there go on.
    for _ in 0..3 {
        receive(&upstream).await;
    }
    clients[0].send(b"more").await.unwrap();
    assert_eq!(receive(&upstream).await.0, b"more");
}

#[tokio::test]
async fn limits_and_lists_count_for_datagrams_too() {
    let upstream = socket().await;
    let mut listener = udp_to(upstream.local_addr().unwrap());
    listener.rules.limits.max_sessions = 1;
    let bench = Bench::of(listener.clone()).await;
    let (first, second) = (client_of(&bench).await, client_of(&bench).await);
    first.send(b"in").await.unwrap();
    receive(&upstream).await;
    second.send(b"out").await.unwrap();
    until(|| bench.listening().tally().over_sessions == 1).await;

    listener.rules.access = AccessLists::new(&["127.0.0.1".to_owned()], &[]).unwrap();
    let bench = Bench::of(listener).await;
    let client = client_of(&bench).await;
    client.send(b"out").await.unwrap();
    until(|| bench.listening().tally().blocked == 1).await;
    assert_eq!(bench.open(), 0);
}

#[tokio::test]
async fn a_header_comes_and_goes_ahead_of_each_datagram() {
    let upstream = socket().await;
    let mut listener = udp_to(upstream.local_addr().unwrap());
    listener.proxy_in = Some(ProxyIn::new(
        AccessLists::new(&[], &["127.0.0.1".to_owned()]).unwrap(),
    ));
    listener.proxy_out = Some(Version::V2);
    let bench = Bench::of(listener).await;
    let client = client_of(&bench).await;
    let header = |source: &str| {
        let destination = "198.51.100.1:53".parse().unwrap();
        let mut bytes = Vec::new();
        Endpoints::of(Transport::Datagram, source.parse().unwrap(), destination)
            .encode(Version::V2, &mut bytes);
        bytes
    };
    // Two clients behind one socket of the proxy's.
    for source in ["192.0.2.7:5000", "192.0.2.8:5000", "192.0.2.7:5000"] {
        let datagram = [&header(source)[..], b"ask"].concat();
        client.send(&datagram).await.unwrap();
        assert_eq!(receive(&upstream).await.0, datagram);
    }
    let mut sessions: Vec<_> = bench.collector().active();
    sessions.sort_by_key(|session| session.rx_bytes);
    let shown: Vec<_> = sessions
        .iter()
        .map(|session| (session.peer.as_str(), session.rx_bytes))
        .collect();
    assert_eq!(shown, [("192.0.2.8", 3), ("192.0.2.7", 6)]);
    client.send(b"no header").await.unwrap();
    client.send(b"PROXY UNKNOWN\r\nversion 1").await.unwrap();
    until(|| bench.listening().tally().malformed_headers == 2).await;
}

#[tokio::test]
async fn an_upstream_that_is_not_there_costs_datagrams_and_no_session() {
    let upstream = socket().await;
    let address = upstream.local_addr().unwrap();
    drop(upstream);
    let bench = Bench::of(udp_to(address)).await;
    let client = client_of(&bench).await;
    client.send(b"lost").await.unwrap();
    until(|| bench.listening().tally().lost_datagrams >= 1).await;
    assert_eq!(bench.open(), 1);
    // It is there later.
    let upstream = UdpSocket::bind(address).await.unwrap();
    until(|| {
        let _ = client.try_send(b"found");
        let mut buffer = [0; 16];
        upstream
            .try_recv(&mut buffer)
            .is_ok_and(|bytes| &buffer[..bytes] == b"found")
    })
    .await;
}

#[tokio::test]
async fn a_name_is_looked_up_before_the_first_datagram_passes() {
    let upstream = socket().await;
    let mut listener = udp_to(upstream.local_addr().unwrap());
    listener.upstream = format!("localhost:{}", upstream.local_addr().unwrap().port())
        .parse()
        .unwrap();
    let bench = Bench::of(listener).await;
    let client = client_of(&bench).await;
    let mut buffer = [0; 16];
    until(|| {
        let _ = client.try_send(b"named");
        upstream.try_recv(&mut buffer).is_ok()
    })
    .await;
}

#[tokio::test]
async fn a_relay_that_drains_serves_its_clients_until_they_leave() {
    let upstream = socket().await;
    let bench = Bench::of(udp_to(upstream.local_addr().unwrap())).await;
    let client = client_of(&bench).await;
    client.send(b"begun").await.unwrap();
    receive(&upstream).await;
    let draining = bench.relay.drain(Duration::from_secs(3600));
    let going_on = async {
        client.send(b"goes on").await.unwrap();
        assert_eq!(receive(&upstream).await.0, b"goes on");
        let id = bench.collector().active()[0].id.clone();
        bench.collector().unregister(&id);
    };
    let (drained, ()) = soon(async { tokio::join!(draining, going_on) }).await;
    assert!(drained);
}
