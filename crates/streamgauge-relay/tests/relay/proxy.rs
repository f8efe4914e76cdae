//! PROXY headers, in and out.

use std::net::SocketAddr;
use std::time::Duration;

use streamgauge_relay::config::{AccessLists, ListenerConfig, ProxyIn};
use streamgauge_relay::proxy::{Endpoints, Transport, Version};
use tokio::io::AsyncReadExt;

use crate::harness::{
    Bench, accept, bind, finish, receive, receive_all, receive_until_reset, send, soon, tcp_to, until,
};

fn behind_proxies(upstream: SocketAddr, from: &str) -> ListenerConfig {
    let mut listener = tcp_to(upstream);
    listener.proxy_in = Some(ProxyIn::new(AccessLists::new(&[], &[from.to_owned()]).unwrap()));
    listener
}

fn endpoints(source: &str, destination: &str) -> Endpoints {
    Endpoints::of(
        Transport::Stream,
        source.parse().unwrap(),
        destination.parse().unwrap(),
    )
}

fn header(endpoints: &Endpoints, version: Version) -> Vec<u8> {
    let mut bytes = Vec::new();
    endpoints.encode(version, &mut bytes);
    bytes
}

#[tokio::test]
async fn the_client_that_a_header_names_is_the_peer_and_the_header_is_not_counted() {
    for version in [Version::V1, Version::V2] {
        for (source, ip) in [
            ("192.0.2.7:5000", "192.0.2.7"),
            ("[2001:db8::7]:5000", "2001:db8::7"),
        ] {
            let destination = if ip.contains(':') {
                "[2001:db8::1]:80"
            } else {
                "198.51.100.1:80"
            };
            let (upstream, address) = bind().await;
            let bench = Bench::of(behind_proxies(address, "127.0.0.0/8")).await;
            let mut client = bench.connect().await;
            let mut first = header(&endpoints(source, destination), version);
            first.extend(b"payload");
            send(&mut client, &first).await;
            let mut server = accept(&upstream).await;
            assert_eq!(receive(&mut server, 7).await, b"payload");
            let session = bench.collector().active().remove(0);
            assert_eq!(session.peer.as_str(), ip);
            assert_eq!(session.id.as_bytes(), format!("{source}-1").as_bytes());
            assert_eq!(session.rx_bytes, 7);
        }
    }
}

#[tokio::test]
async fn a_header_may_come_byte_by_byte() {
    for version in [Version::V1, Version::V2] {
        let (upstream, address) = bind().await;
        let bench = Bench::of(behind_proxies(address, "127.0.0.0/8")).await;
        let mut client = bench.connect().await;
        for byte in header(&endpoints("192.0.2.7:5000", "198.51.100.1:80"), version) {
            send(&mut client, &[byte]).await;
            tokio::task::yield_now().await;
        }
        let mut server = accept(&upstream).await;
        send(&mut client, b"x").await;
        assert_eq!(receive(&mut server, 1).await, b"x");
        assert_eq!(bench.collector().active()[0].rx_bytes, 1);
    }
}

#[tokio::test]
async fn a_proxy_that_speaks_for_itself_or_does_not_say_is_the_peer_itself() {
    let cases = [
        header(&Endpoints::Local, Version::V2),
        header(&Endpoints::Unknown, Version::V1),
        header(&Endpoints::Unknown, Version::V2),
    ];
    for bytes in cases {
        let (upstream, address) = bind().await;
        let bench = Bench::of(behind_proxies(address, "127.0.0.0/8")).await;
        let mut client = bench.connect().await;
        send(&mut client, &bytes).await;
        send(&mut client, b"ping").await;
        let mut server = accept(&upstream).await;
        assert_eq!(receive(&mut server, 4).await, b"ping");
        assert_eq!(bench.collector().active()[0].peer.as_str(), "127.0.0.1");
    }
}

#[tokio::test]
async fn a_client_on_the_proxys_own_host_is_told_by_its_kind() {
    let (upstream, address) = bind().await;
    let bench = Bench::of(behind_proxies(address, "127.0.0.0/8")).await;
    let mut client = bench.connect().await;
    let unix = Endpoints::Unix {
        transport: Transport::Stream,
        paths: Box::new(streamgauge_relay::proxy::UnixPaths {
            source: [b'a'; 108],
            destination: [0; 108],
        }),
    };
    send(&mut client, &header(&unix, Version::V2)).await;
    send(&mut client, b"ping").await;
    let mut server = accept(&upstream).await;
    assert_eq!(receive(&mut server, 4).await, b"ping");
    assert_eq!(bench.collector().active()[0].peer.as_str(), "unix");
}

#[tokio::test]
async fn malformed_cut_and_missing_headers_are_closed_and_counted() {
    let cases: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 5000 99999\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x04",
        &[b'P'; 10_000],
    ];
    let (_upstream, address) = bind().await;
    let bench = Bench::of(behind_proxies(address, "127.0.0.0/8")).await;
    for bytes in cases {
        let mut client = bench.connect().await;
        send(&mut client, bytes).await;
        assert_eq!(receive_until_reset(&mut client).await, b"");
    }
    let mut cut = bench.connect().await;
    send(&mut cut, b"PROXY TCP4 192.").await;
    finish(&mut cut).await;
    // It ends at once: nothing can complete the header.
    let _ = soon(cut.read(&mut [0])).await;
    until(|| bench.listening().tally().malformed_headers == 6).await;
    let summary = bench.summary();
    assert_eq!(
        summary.totals.total_rx_bytes + summary.discarded.total_sessions,
        0
    );
}

#[tokio::test]
async fn a_header_that_does_not_come_in_time_ends_the_connection() {
    let (_upstream, address) = bind().await;
    let mut listener = behind_proxies(address, "127.0.0.0/8");
    if let Some(proxy_in) = &mut listener.proxy_in {
        proxy_in.timeout = Duration::from_millis(50);
    }
    let bench = Bench::of(listener).await;
    let mut client = bench.connect().await;
    send(&mut client, b"PROXY TCP4 ").await;
    assert_eq!(receive_until_reset(&mut client).await, b"");
    until(|| bench.listening().tally().late_headers == 1).await;
}

#[tokio::test]
async fn more_connections_without_a_header_than_may_wait_are_refused() {
    let (_upstream, address) = bind().await;
    let mut listener = behind_proxies(address, "127.0.0.0/8");
    if let Some(proxy_in) = &mut listener.proxy_in {
        proxy_in.max_waiting = 2;
        proxy_in.timeout = Duration::from_secs(3600);
    }
    let bench = Bench::of(listener).await;
    let _first = bench.connect().await;
    let _second = bench.connect().await;
    let mut third = bench.connect().await;
    assert_eq!(receive_until_reset(&mut third).await, b"");
    assert_eq!(bench.listening().tally().over_waiting, 1);
}

#[tokio::test]
async fn who_is_no_proxy_is_refused_or_where_that_is_said_a_client_itself() {
    let (upstream, address) = bind().await;
    let mut listener = behind_proxies(address, "192.0.2.0/24");
    let bench = Bench::of(listener.clone()).await;
    let mut client = bench.connect().await;
    assert_eq!(receive_until_reset(&mut client).await, b"");
    until(|| bench.listening().tally().untrusted == 1).await;

    if let Some(proxy_in) = &mut listener.proxy_in {
        proxy_in.direct = true;
    }
    let bench = Bench::of(listener).await;
    let mut client = bench.connect().await;
    // What looks like a header is a client's own bytes.
    let forged = b"PROXY TCP4 192.0.2.7 198.51.100.1 5000 80\r\n";
    send(&mut client, forged).await;
    let mut server = accept(&upstream).await;
    assert_eq!(receive(&mut server, forged.len()).await, forged);
    let session = bench.collector().active().remove(0);
    assert_eq!(session.peer.as_str(), "127.0.0.1");
    assert_eq!(session.rx_bytes, forged.len() as u64);
}

#[tokio::test]
async fn the_lists_are_asked_about_the_client_and_not_about_the_proxy() {
    let (upstream, address) = bind().await;
    let mut listener = behind_proxies(address, "127.0.0.0/8");
    listener.rules.access = AccessLists::new(&["192.0.2.0/24".to_owned()], &[]).unwrap();
    let bench = Bench::of(listener).await;
    let mut blocked = bench.connect().await;
    send(
        &mut blocked,
        &header(&endpoints("192.0.2.7:5000", "198.51.100.1:80"), Version::V1),
    )
    .await;
    assert_eq!(receive_until_reset(&mut blocked).await, b"");
    until(|| bench.listening().tally().blocked == 1).await;
    let mut client = bench.connect().await;
    send(
        &mut client,
        &header(&endpoints("192.0.3.7:5000", "198.51.100.1:80"), Version::V1),
    )
    .await;
    let _server = accept(&upstream).await;
}

#[tokio::test]
async fn the_upstream_is_told_who_the_client_is() {
    for version in [Version::V1, Version::V2] {
        let (upstream, address) = bind().await;
        let mut listener = tcp_to(address);
        listener.proxy_out = Some(version);
        let bench = Bench::of(listener).await;
        let mut client = bench.connect().await;
        send(&mut client, b"hello").await;
        finish(&mut client).await;
        let mut server = accept(&upstream).await;
        let own = Endpoints::of(Transport::Stream, client.local_addr().unwrap(), bench.addr());
        let mut expected = header(&own, version);
        expected.extend(b"hello");
        assert_eq!(receive_all(&mut server).await, expected);
        finish(&mut server).await;
        // Neither header is counted.
        assert_eq!(bench.ended().await.history.stats.total_rx_bytes, 5);
    }
}

#[tokio::test]
async fn a_header_is_passed_on_in_the_version_that_the_upstream_is_to_have() {
    let named = endpoints("[2001:db8::7]:5000", "[2001:db8::1]:443");
    for (inward, outward) in [(Version::V1, Version::V2), (Version::V2, Version::V1)] {
        let (upstream, address) = bind().await;
        let mut listener = behind_proxies(address, "127.0.0.0/8");
        listener.proxy_out = Some(outward);
        let bench = Bench::of(listener).await;
        let mut client = bench.connect().await;
        send(&mut client, &header(&named, inward)).await;
        let mut server = accept(&upstream).await;
        let expected = header(&named, outward);
        assert_eq!(receive(&mut server, expected.len()).await, expected);
    }
}
