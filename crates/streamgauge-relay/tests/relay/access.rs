//! Lists of networks.

use streamgauge_relay::config::{AccessLists, ProxyIn, RelayConfig};
use streamgauge_relay::proxy::{Endpoints, Transport, UnixPaths, Version};
use tokio::io::AsyncReadExt;

use crate::harness::{Bench, accept, bind, receive, receive_until_reset, send, soon, tcp_to, until};

fn lists(block: &[&str], allow: &[&str]) -> AccessLists {
    let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    AccessLists::new(&owned(block), &owned(allow)).unwrap()
}

#[tokio::test]
async fn who_is_blocked_is_closed_at_once_and_has_no_session() {
    let (_upstream, address) = bind().await;
    let mut listener = tcp_to(address);
    listener.rules.access = lists(&["127.0.0.0/8"], &[]);
    let bench = Bench::of(listener).await;
    let mut client = bench.connect().await;
    assert_eq!(receive_until_reset(&mut client).await, b"");
    until(|| bench.listening().tally().blocked == 1).await;
    let summary = bench.summary();
    assert_eq!(
        summary.discarded.total_sessions + summary.history.stats.total_sessions,
        0
    );
    assert!(!bench.collector().is_collectable_ip("127.0.0.1"));
}

#[tokio::test]
async fn who_is_not_allowed_is_blocked() {
    let (_upstream, address) = bind().await;
    let mut listener = tcp_to(address);
    listener.rules.access = lists(&[], &["192.0.2.0/24"]);
    let bench = Bench::of(listener).await;
    let mut client = bench.connect().await;
    assert_eq!(receive_until_reset(&mut client).await, b"");
    until(|| bench.listening().tally().blocked == 1).await;
}

#[tokio::test]
async fn a_reload_that_blocks_a_client_ends_its_connection() {
    let (upstream, address) = bind().await;
    let listener = tcp_to(address);
    let bench = Bench::of(listener.clone()).await;
    let mut client = bench.connect().await;
    let mut server = accept(&upstream).await;
    send(&mut client, b"here").await;
    assert_eq!(receive(&mut server, 4).await, b"here");
    let mut changed = listener;
    changed.rules.access = lists(&["127.0.0.1"], &[]);
    bench.relay.reload(&RelayConfig::new(vec![changed]));
    assert_eq!(receive_until_reset(&mut client).await, b"");
    assert_eq!(receive_until_reset(&mut server).await, b"");
    let mut again = bench.connect().await;
    assert_eq!(receive_until_reset(&mut again).await, b"");
    assert_eq!(bench.ended().await.history.stats.total_rx_bytes, 4);
}

#[tokio::test]
async fn a_reload_that_blocks_a_client_ends_its_connection_before_it_has_sent_anything() {
    let (upstream, address) = bind().await;
    let listener = tcp_to(address);
    let bench = Bench::of(listener.clone()).await;
    let mut client = bench.connect().await;
    let mut server = accept(&upstream).await;
    assert_eq!(bench.summary().pending_sessions, 1);
    let mut changed = listener;
    changed.rules.access = lists(&["127.0.0.1"], &[]);
    bench.relay.reload(&RelayConfig::new(vec![changed]));
    assert_eq!(receive_until_reset(&mut client).await, b"");
    // It may have been connecting still: nothing of the client's was passed on that could look complete.
    let _ = soon(server.read_to_end(&mut Vec::new())).await;
    assert_eq!(bench.ended().await.pending_sessions, 0);
}

#[tokio::test]
async fn a_reload_that_blocks_a_proxy_ends_its_unix_clients() {
    let (upstream, address) = bind().await;
    let mut listener = tcp_to(address);
    listener.proxy_in = Some(ProxyIn::new(lists(&[], &["127.0.0.0/8"])));
    let bench = Bench::of(listener.clone()).await;
    let mut client = bench.connect().await;
    let mut header = Vec::new();
    let unix = Endpoints::Unix {
        transport: Transport::Stream,
        paths: Box::new(UnixPaths {
            source: [b'a'; 108],
            destination: [b'b'; 108],
        }),
    };
    unix.encode(Version::V2, &mut header);
    send(&mut client, &header).await;
    send(&mut client, b"here").await;
    let mut server = accept(&upstream).await;
    assert_eq!(receive(&mut server, 4).await, b"here");
    assert_eq!(bench.collector().active()[0].peer.as_str(), "unix");
    let mut changed = listener;
    changed.rules.access = lists(&["127.0.0.1"], &[]);
    bench.relay.reload(&RelayConfig::new(vec![changed]));
    assert_eq!(receive_until_reset(&mut client).await, b"");
    assert_eq!(receive_until_reset(&mut server).await, b"");
}
