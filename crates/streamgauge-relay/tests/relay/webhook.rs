//! Sessions that close, posted to a receiver.

use std::net::SocketAddr;

use streamgauge_relay::config::{RelayConfig, WebhookConfig};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{
    Bench, accept, bind, finish, loopback, receive, receive_all, receive_until_reset, send, soon, tcp_to,
    until,
};

const SECRET: &str = "0123456789abcdef-secret";

/// Reads a request, head and body, and answers it.
async fn answer(connection: &mut BufReader<TcpStream>) -> (String, String) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(soon(connection.read_line(&mut head)).await.unwrap(), 0, "{head}");
    }
    let head = head.to_lowercase();
    let (_, length) = head.split_once("content-length: ").unwrap();
    let length = length.split("\r\n").next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    soon(connection.read_exact(&mut body)).await.unwrap();
    let reply = b"HTTP/1.1 204 No Content\r\n\r\n";
    soon(connection.get_mut().write_all(reply)).await.unwrap();
    (head, String::from_utf8(body).unwrap())
}

async fn accept_hook(receiver: &TcpListener) -> BufReader<TcpStream> {
    BufReader::new(accept(receiver).await)
}

fn posting(upstream: SocketAddr, receiver: SocketAddr) -> RelayConfig {
    let mut config = RelayConfig::new(vec![tcp_to(upstream)]);
    let mut webhook = WebhookConfig::new(&format!("http://{receiver}/closed"));
    webhook.secret = Some(SECRET.to_owned());
    config.webhook = Some(webhook);
    config
}

#[tokio::test]
async fn a_session_that_closes_is_posted_with_its_bytes() {
    let (upstream, address) = bind().await;
    let (receiver, hook) = bind().await;
    let bench = Bench::start(&posting(address, hook)).await;
    let mut client = bench.connect().await;
    let mut server = accept(&upstream).await;
    send(&mut client, b"twelve bytes").await;
    assert_eq!(receive(&mut server, 12).await, b"twelve bytes");
    send(&mut server, b"seven b").await;
    drop(server);
    assert_eq!(receive_all(&mut client).await, b"seven b");
    finish(&mut client).await;
    let _ = bench.ended().await;

    let (head, body) = answer(&mut accept_hook(&receiver).await).await;
    assert!(head.starts_with("post /closed http/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nwebhook-signature: v1,"), "{head}");
    for part in [
        "\"kind\":\"closed\"",
        "\"collector\":\"web\"",
        "\"peer\":\"127.0.0.1\"",
        "\"rx_bytes\":12,\"tx_bytes\":7,",
    ] {
        assert!(body.contains(part), "{part} in {body}");
    }
    until(|| bench.relay.webhook_counts().unwrap().delivered == 1).await;
    assert_eq!(bench.relay.webhook_counts().unwrap().pending, 0);
}

#[tokio::test]
async fn sessions_that_are_open_at_the_stop_are_posted_before_it_returns() {
    let (upstream, address) = bind().await;
    let (receiver, hook) = bind().await;
    let bench = Bench::start(&posting(address, hook)).await;
    let mut client = bench.connect().await;
    let mut server = accept(&upstream).await;
    send(&mut client, b"held").await;
    assert_eq!(receive(&mut server, 4).await, b"held");

    let (unsaved, (_, body)) = soon(async {
        tokio::join!(bench.relay.stop(), async {
            answer(&mut accept_hook(&receiver).await).await
        })
    })
    .await;
    assert_eq!(unsaved, []);
    assert!(body.contains("\"rx_bytes\":4,\"tx_bytes\":0,"), "{body}");
    assert_eq!(receive_until_reset(&mut client).await, b"");
}

#[tokio::test]
async fn what_became_of_events_is_among_the_metrics_and_a_reload_names_a_new_address() {
    let (upstream, address) = bind().await;
    let (receiver, hook) = bind().await;
    let mut config = posting(address, hook);
    config.admin = Some(streamgauge_relay::config::AdminConfig::new(loopback(), None));
    let bench = Bench::start(&config).await;
    let mut client = bench.connect().await;
    let mut server = accept(&upstream).await;
    send(&mut client, b"x").await;
    assert_eq!(receive(&mut server, 1).await, b"x");
    drop((client, server));
    let _ = bench.ended().await;
    let _ = answer(&mut accept_hook(&receiver).await).await;
    until(|| bench.relay.webhook_counts().unwrap().delivered == 1).await;

    let (status, body) = crate::admin::ask(&bench, "GET", "/metrics", None).await;
    assert_eq!(status, 200);
    for line in [
        "streamgauge_relay_webhook_events_total{outcome=\"delivered\"} 1\n",
        "streamgauge_relay_webhook_events_total{outcome=\"dropped\"} 0\n",
        "streamgauge_relay_webhook_pending_events 0\n",
        "streamgauge_relay_webhook_retries_total 0\n",
    ] {
        assert!(body.contains(line), "{line} in {body}");
    }
    config.listeners[0] = bench.listening().config().clone();
    config.webhook.as_mut().unwrap().secret = Some(format!("{SECRET}-other"));
    assert_eq!(bench.relay.reload(&config), ["the webhook"]);
}
