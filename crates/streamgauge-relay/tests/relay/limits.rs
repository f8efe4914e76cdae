//! Who is admitted.

use streamgauge::{Admission, Limits};
use streamgauge_relay::config::RelayConfig;

use crate::harness::{Bench, accept, bind, receive, receive_until_reset, send, tcp_to, until};

#[tokio::test]
async fn one_client_more_than_the_limit_is_closed_at_once_and_counted() {
    let (upstream, address) = bind().await;
    let mut listener = tcp_to(address);
    listener.rules.limits.max_sessions = 2;
    let bench = Bench::of(listener).await;
    let mut first = bench.connect().await;
    let _first_upstream = accept(&upstream).await;
    let _second = bench.connect().await;
    let mut second_upstream = accept(&upstream).await;

    let mut third = bench.connect().await;
    assert_eq!(receive_until_reset(&mut third).await, b"");
    until(|| bench.listening().tally().over_sessions == 1).await;
    assert_eq!(bench.listening().tally().clients, 3);

    // A place that becomes free is given to the next.
    send(&mut first, b"x").await;
    drop(first);
    drop(_first_upstream);
    until(|| bench.open() == 1).await;
    let mut fourth = bench.connect().await;
    let mut fourth_upstream = accept(&upstream).await;
    send(&mut fourth, b"in").await;
    assert_eq!(receive(&mut fourth_upstream, 2).await, b"in");
    send(&mut second_upstream, b"y").await;
    assert_eq!(bench.listening().tally().over_sessions, 1);
}

#[tokio::test]
async fn expected_bitrates_are_reserved_before_anything_has_passed() {
    let (upstream, address) = bind().await;
    let mut listener = tcp_to(address);
    listener.rules.limits.max_tx_bitrate = 10_000_000;
    listener.rules.admission = Admission {
        expected_egress: 4_000_000,
        ..Admission::default()
    };
    let bench = Bench::of(listener).await;
    let _first = bench.connect().await;
    let _first_upstream = accept(&upstream).await;
    let _second = bench.connect().await;
    let _second_upstream = accept(&upstream).await;
    // 4 + 4 are open; a third would reach the limit.
    let mut third = bench.connect().await;
    assert_eq!(receive_until_reset(&mut third).await, b"");
    until(|| bench.listening().tally().over_bitrate == 1).await;
}

#[tokio::test]
async fn limits_that_are_reloaded_count_from_then_on() {
    let (upstream, address) = bind().await;
    let listener = tcp_to(address);
    let bench = Bench::of(listener.clone()).await;
    let mut first = bench.connect().await;
    let mut first_upstream = accept(&upstream).await;
    send(&mut first, b"1").await;
    assert_eq!(receive(&mut first_upstream, 1).await, b"1");

    let mut changed = listener;
    changed.rules.limits = Limits {
        max_sessions: 1,
        ..Limits::default()
    };
    let config = RelayConfig::new(vec![changed]);
    assert_eq!(bench.relay.reload(&config), Vec::<String>::new());
    let mut second = bench.connect().await;
    assert_eq!(receive_until_reset(&mut second).await, b"");
    // Who was there stays.
    send(&mut first, b"2").await;
    assert_eq!(receive(&mut first_upstream, 1).await, b"2");
    assert_eq!(bench.summary().max_sessions, 1);
}

#[tokio::test]
async fn what_a_reload_cannot_change_is_named() {
    let (_upstream, address) = bind().await;
    let listener = tcp_to(address);
    let bench = Bench::of(listener.clone()).await;
    let mut moved = listener.clone();
    moved.buffer_bytes *= 2;
    let mut other = listener.clone();
    other.name = "other".to_owned();
    let mut config = RelayConfig::new(vec![moved, other.clone()]);
    config.log = "debug".to_owned();
    assert_eq!(
        bench.relay.reload(&config),
        ["the relay", "listener web", "listener other, which is new"]
    );
    let config = RelayConfig::new(vec![other]);
    assert_eq!(
        bench.relay.reload(&config),
        ["listener web, which is gone", "listener other, which is new"]
    );
}
