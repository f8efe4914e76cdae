//! Draining, stopping, and what is there after the next start.

use std::time::Duration;

use streamgauge_relay::config::{ListenerConfig, RelayConfig};
use tokio::net::TcpStream;

use crate::harness::{
    Bench, accept, bind, finish, receive, receive_all, receive_until_reset, send, soon, tcp_to, until,
};

#[tokio::test]
async fn a_relay_that_drains_takes_nobody_and_lets_sessions_end() {
    let (upstream, address) = bind().await;
    let bench = Bench::of(tcp_to(address)).await;
    let mut client = bench.connect().await;
    let mut server = accept(&upstream).await;
    send(&mut client, b"begun").await;
    assert_eq!(receive(&mut server, 5).await, b"begun");

    let relay_addr = bench.addr();
    let draining = bench.relay.drain(Duration::from_secs(3600));
    let going_on = async {
        while TcpStream::connect(relay_addr).await.is_ok() {
            tokio::task::yield_now().await;
        }
        send(&mut client, b"ended").await;
        finish(&mut client).await;
        assert_eq!(receive_all(&mut server).await, b"ended");
        drop(server);
        assert_eq!(receive_all(&mut client).await, b"");
    };
    let (drained, ()) = soon(async { tokio::join!(draining, going_on) }).await;
    assert!(drained);
    assert_eq!(bench.summary().history.stats.total_rx_bytes, 10);
}

#[tokio::test]
async fn sessions_that_outlast_the_drain_are_reset() {
    let (upstream, address) = bind().await;
    let bench = Bench::of(tcp_to(address)).await;
    let mut client = bench.connect().await;
    let mut server = accept(&upstream).await;
    send(&mut client, b"half").await;
    assert_eq!(receive(&mut server, 4).await, b"half");
    assert!(!soon(bench.relay.drain(Duration::from_millis(20))).await);
    assert_eq!(receive_until_reset(&mut client).await, b"");
    assert_eq!(receive_until_reset(&mut server).await, b"");
    assert_eq!(bench.open(), 0);
}

#[tokio::test]
async fn the_history_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (upstream, address) = bind().await;
    let config = |listener: ListenerConfig| {
        let mut config = RelayConfig::new(vec![listener]);
        config.history = Some(directory.path().to_owned());
        config
    };
    for round in 1..=3 {
        let bench = Bench::start(&config(tcp_to(address))).await;
        let mut client = bench.connect().await;
        let mut server = accept(&upstream).await;
        send(&mut client, b"seven b").await;
        assert_eq!(receive(&mut server, 7).await, b"seven b");
        // Open at the stop, it is in the history all the same.
        let totals = bench.summary().totals;
        assert_eq!((totals.total_sessions, totals.total_rx_bytes), (round, 7 * round));
        assert_eq!(soon(bench.relay.stop()).await, []);
        assert_eq!(receive_until_reset(&mut client).await, b"");
    }
}

#[tokio::test]
async fn without_metering_bytes_pass_and_nothing_is_known() {
    let (upstream, address) = bind().await;
    let mut config = RelayConfig::new(vec![tcp_to(address)]);
    config.metering = false;
    let bench = Bench::start(&config).await;
    let mut client = bench.connect().await;
    let mut server = accept(&upstream).await;
    send(&mut client, b"unseen").await;
    assert_eq!(receive(&mut server, 6).await, b"unseen");
    assert_eq!(bench.summary().totals.total_rx_bytes, 0);
    assert_eq!(bench.relay.registry().collectors(), Vec::<String>::new());
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let (_upstream, address) = bind().await;
    let mut listener = tcp_to(address);
    listener.listen = address;
    let error = streamgauge_relay::Relay::start(&RelayConfig::new(vec![listener]))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with(&format!("web: cannot listen at {address}: ")),
        "{error}"
    );
}

#[tokio::test]
async fn a_relay_that_is_dropped_ends_its_sessions() {
    let (upstream, address) = bind().await;
    let bench = Bench::of(tcp_to(address)).await;
    let mut client = bench.connect().await;
    let _server = accept(&upstream).await;
    let collector = bench.collector().clone();
    drop(bench.relay);
    assert_eq!(receive_until_reset(&mut client).await, b"");
    until(|| collector.refresh().pending_sessions == 0).await;
}
