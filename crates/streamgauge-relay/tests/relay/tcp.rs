//! Connections: what passes, what is counted, how they end.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{
    Bench, accept, bind, finish, pattern, receive, receive_all, receive_until_reset, send, soon, tcp_to,
    until,
};

#[tokio::test]
async fn bytes_pass_both_ways_and_are_counted_exactly() {
    let (upstream, address) = bind().await;
    let bench = Bench::of(tcp_to(address)).await;
    let mut client = bench.connect().await;
    let mut server = accept(&upstream).await;

    send(&mut client, b"question").await;
    assert_eq!(receive(&mut server, 8).await, b"question");
    send(&mut server, b"the answer").await;
    assert_eq!(receive(&mut client, 10).await, b"the answer");

    // While it is open, not only at the end.
    until(|| bench.summary().live.total_tx_bytes == 10).await;
    let summary = bench.summary();
    let session = summary.active.iter().next().expect("there is one session");
    assert_eq!((session.rx_bytes, session.tx_bytes), (8, 10));
    assert_eq!(session.peer.as_str(), "127.0.0.1");
    assert_eq!(session.location.as_str(), bench.addr().to_string());
    assert_eq!(session.reference.as_str(), address.to_string());
    let id = format!("{}-1", client.local_addr().unwrap());
    assert_eq!(session.id.as_bytes(), id.as_bytes());

    drop(client);
    assert_eq!(receive_all(&mut server).await, b"");
    drop(server);
    let summary = bench.ended().await;
    assert_eq!(summary.history.stats.total_sessions, 1);
    assert_eq!(summary.history.stats.total_rx_bytes, 8);
    assert_eq!(summary.history.stats.total_tx_bytes, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn megabytes_pass_both_ways_at_once_byte_for_byte() {
    const UP: usize = 5_000_011;
    const DOWN: usize = 7_000_003;
    let (upstream, address) = bind().await;
    let bench = Bench::of(tcp_to(address)).await;
    let client = bench.connect().await;
    let server = accept(&upstream).await;
    let (mut client_in, mut client_out) = client.into_split();
    let (mut server_in, mut server_out) = server.into_split();

    let up = tokio::spawn(async move {
        client_out.write_all(&pattern(UP, 3)).await.unwrap();
        client_out.shutdown().await.unwrap();
    });
    let down = tokio::spawn(async move {
        server_out.write_all(&pattern(DOWN, 5)).await.unwrap();
        server_out.shutdown().await.unwrap();
    });
    let received = tokio::spawn(async move {
        let mut bytes = Vec::new();
        server_in.read_to_end(&mut bytes).await.unwrap();
        bytes
    });
    let mut bytes = Vec::new();
    soon(client_in.read_to_end(&mut bytes)).await.unwrap();
    assert!(bytes == pattern(DOWN, 5));
    assert!(soon(received).await.unwrap() == pattern(UP, 3));
    soon(up).await.unwrap();
    soon(down).await.unwrap();

    let stats = bench.ended().await.history.stats;
    assert_eq!(
        (stats.total_rx_bytes, stats.total_tx_bytes),
        (UP as u64, DOWN as u64)
    );
}

#[tokio::test]
async fn an_answer_passes_after_the_client_has_sent_its_end() {
    let (upstream, address) = bind().await;
    let bench = Bench::of(tcp_to(address)).await;
    let mut client = bench.connect().await;
    let mut server = accept(&upstream).await;
    send(&mut client, b"all of it").await;
    finish(&mut client).await;
    assert_eq!(receive_all(&mut server).await, b"all of it");
    send(&mut server, b"thanks").await;
    assert_eq!(receive(&mut client, 6).await, b"thanks");
    assert_eq!(bench.open(), 1);
    finish(&mut server).await;
    assert_eq!(receive_all(&mut client).await, b"");
    let stats = bench.ended().await.history.stats;
    assert_eq!((stats.total_rx_bytes, stats.total_tx_bytes), (9, 6));
}

#[tokio::test]
async fn a_client_may_go_on_after_the_upstream_has_sent_its_end() {
    let (upstream, address) = bind().await;
    let bench = Bench::of(tcp_to(address)).await;
    let mut client = bench.connect().await;
    let mut server = accept(&upstream).await;
    finish(&mut server).await;
    assert_eq!(receive_all(&mut client).await, b"");
    send(&mut client, b"still here").await;
    finish(&mut client).await;
    assert_eq!(receive_all(&mut server).await, b"still here");
    let stats = bench.ended().await.history.stats;
    assert_eq!((stats.total_rx_bytes, stats.total_tx_bytes), (10, 0));
}

#[tokio::test]
async fn a_reset_by_the_client_is_a_reset_for_the_upstream() {
    let (upstream, address) = bind().await;
    let bench = Bench::of(tcp_to(address)).await;
    let mut client = bench.connect().await;
    let mut server = accept(&upstream).await;
    send(&mut client, b"half a wo").await;
    assert_eq!(receive(&mut server, 9).await, b"half a wo");
    client.set_zero_linger().unwrap();
    drop(client);
    assert_eq!(receive_until_reset(&mut server).await, b"");
    let stats = bench.ended().await.history.stats;
    assert_eq!((stats.total_rx_bytes, stats.total_tx_bytes), (9, 0));
}

#[tokio::test]
async fn a_reset_by_the_upstream_is_a_reset_for_the_client() {
    let (upstream, address) = bind().await;
    let bench = Bench::of(tcp_to(address)).await;
    let mut client = bench.connect().await;
    let mut server = accept(&upstream).await;
    send(&mut server, b"half an ans").await;
    assert_eq!(receive(&mut client, 11).await, b"half an ans");
    server.set_zero_linger().unwrap();
    drop(server);
    assert_eq!(receive_until_reset(&mut client).await, b"");
    let stats = bench.ended().await.history.stats;
    assert_eq!((stats.total_rx_bytes, stats.total_tx_bytes), (0, 11));
}

#[tokio::test]
async fn what_an_upstream_sent_before_it_refused_the_rest_still_arrives() {
    let (upstream, address) = bind().await;
    let bench = Bench::of(tcp_to(address)).await;
    let mut client = bench.connect().await;
    let mut server = accept(&upstream).await;
    send(&mut client, b"a").await;
    assert_eq!(receive(&mut server, 1).await, b"a");
    send(&mut server, b"too large").await;
    drop(server);
    // The answer's end may come as an end or, if more was sent meanwhile, as a reset; the answer itself comes.
    assert_eq!(receive(&mut client, 9).await, b"too large");
    drop(client);
    let stats = bench.ended().await.history.stats;
    assert_eq!((stats.total_rx_bytes, stats.total_tx_bytes), (1, 9));
}

#[tokio::test]
async fn a_kick_ends_both_connections_at_once() {
    let (upstream, address) = bind().await;
    let bench = Bench::of(tcp_to(address)).await;
    let mut client = bench.connect().await;
    let mut server = accept(&upstream).await;
    send(&mut client, b"hello").await;
    assert_eq!(receive(&mut server, 5).await, b"hello");
    let id = bench.collector().active()[0].id.clone();
    assert!(bench.collector().unregister(&id));
    assert_eq!(receive_until_reset(&mut client).await, b"");
    assert_eq!(receive_until_reset(&mut server).await, b"");
    assert_eq!(bench.ended().await.history.stats.total_rx_bytes, 5);
}

#[tokio::test]
async fn a_kick_ends_a_connection_whose_client_has_sent_its_end() {
    let (upstream, address) = bind().await;
    let bench = Bench::of(tcp_to(address)).await;
    let mut client = bench.connect().await;
    let mut server = accept(&upstream).await;
    send(&mut client, b"bye").await;
    finish(&mut client).await;
    assert_eq!(receive_all(&mut server).await, b"bye");
    let id = bench.collector().active()[0].id.clone();
    assert!(bench.collector().unregister(&id));
    assert_eq!(receive_until_reset(&mut client).await, b"");
    // The server has read the end already: a write tells.
    until(|| server.try_write(b"x").is_err()).await;
}

#[tokio::test]
async fn a_client_that_never_sends_is_closed_after_the_inactive_timeout() {
    let (upstream, address) = bind().await;
    let mut listener = tcp_to(address);
    listener.inactive_timeout = Duration::from_secs(20);
    let bench = Bench::of(listener).await;
    let mut client = bench.connect().await;
    let mut server = accept(&upstream).await;
    bench.pass(Duration::from_secs(19));
    assert_eq!(bench.open(), 1);
    bench.pass(Duration::from_secs(3));
    assert_eq!(receive_until_reset(&mut client).await, b"");
    // A reset, or an end where the relay has not seen yet that it is connected.
    assert!(matches!(soon(server.read(&mut [0])).await, Ok(0) | Err(_)));
    assert_eq!(bench.ended().await.discarded.total_sessions, 1);
}

#[tokio::test]
async fn a_session_that_falls_silent_is_closed_after_the_session_timeout() {
    let (upstream, address) = bind().await;
    let mut listener = tcp_to(address);
    listener.session_timeout = Duration::from_secs(100);
    let bench = Bench::of(listener).await;
    let mut client = bench.connect().await;
    let mut server = accept(&upstream).await;
    for _ in 0..3 {
        // A byte arms the timeout anew.
        send(&mut server, b"x").await;
        assert_eq!(receive(&mut client, 1).await, b"x");
        until(|| bench.summary().totals.total_tx_bytes != 0).await;
        bench.pass(Duration::from_secs(90));
        assert_eq!(bench.open(), 1);
    }
    bench.pass(Duration::from_secs(15));
    assert_eq!(receive_until_reset(&mut client).await, b"");
    assert_eq!(receive_until_reset(&mut server).await, b"");
    assert_eq!(bench.ended().await.history.stats.total_tx_bytes, 3);
}

#[tokio::test]
async fn a_client_of_an_upstream_that_is_not_there_is_closed_and_counted() {
    let (upstream, address) = bind().await;
    drop(upstream);
    let bench = Bench::of(tcp_to(address)).await;
    let mut client = bench.connect().await;
    assert_eq!(receive_until_reset(&mut client).await, b"");
    until(|| bench.listening().tally().unreachable == 1).await;
    let summary = bench.ended().await;
    assert_eq!(summary.discarded.total_sessions, 1);
    assert_eq!(summary.totals.total_rx_bytes, 0);
}

#[tokio::test]
async fn a_name_is_looked_up() {
    let (upstream, address) = bind().await;
    let mut listener = tcp_to(address);
    listener.upstream = format!("localhost:{}", address.port()).parse().unwrap();
    let bench = Bench::of(listener).await;
    let mut client = bench.connect().await;
    let mut server = accept(&upstream).await;
    send(&mut client, b"named").await;
    assert_eq!(receive(&mut server, 5).await, b"named");
}

#[tokio::test]
async fn a_slow_reader_holds_the_sender_back_and_gets_everything() {
    let (upstream, address) = bind().await;
    let bench = Bench::of(tcp_to(address)).await;
    let mut client = bench.connect().await;
    let mut server = accept(&upstream).await;
    // Until nothing more is taken: sockets and the relay hold a few megabytes at most.
    let chunk = pattern(64 * 1024, 7);
    let mut sent = Vec::new();
    let mut refused = 0;
    soon(async {
        while refused < 2_000 {
            match server.try_write(&chunk) {
                Ok(bytes) => {
                    sent.extend_from_slice(&chunk[..bytes]);
                    refused = 0;
                }
                Err(_) => {
                    refused += 1;
                    tokio::task::yield_now().await;
                }
            }
        }
    })
    .await;
    assert!(sent.len() < 64 << 20, "{} bytes are under way", sent.len());
    finish(&mut server).await;
    assert!(receive_all(&mut client).await == sent);
    drop(client);
    let stats = bench.ended().await.history.stats;
    assert_eq!(stats.total_tx_bytes, sent.len() as u64);
}
