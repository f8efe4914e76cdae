//! Lists of networks.

use streamgauge_relay::config::{AccessLists, RelayConfig};

use crate::harness::{Bench, accept, bind, receive, receive_until_reset, send, tcp_to, until};

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
