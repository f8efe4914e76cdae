//! The API and the metrics of a relay.

use std::net::SocketAddr;

use streamgauge_relay::config::{AdminConfig, RelayConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{
    Bench, accept, bind, loopback, receive, receive_until_reset, send, soon, tcp_to, until,
};

const TOKEN: &str = "0123456789abcdef-first";
const OTHER: &str = "0123456789abcdef-other";

fn with_admin(upstream: SocketAddr, token: Option<&str>) -> RelayConfig {
    let mut config = RelayConfig::new(vec![tcp_to(upstream)]);
    config.admin = Some(AdminConfig::new(loopback(), token.map(str::to_owned)));
    config
}

/// Status and body.
pub(crate) async fn ask(bench: &Bench, method: &str, path: &str, token: Option<&str>) -> (u16, String) {
    let address = bench.relay.admin_addr().unwrap();
    let mut stream = soon(TcpStream::connect(address)).await.unwrap();
    let authorization = token
        .map(|token| format!("Authorization: Bearer {token}\r\n"))
        .unwrap_or_default();
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n{authorization}Connection: close\r\n\r\n");
    soon(stream.write_all(request.as_bytes())).await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

#[tokio::test]
async fn sessions_and_metrics_are_shown_while_they_are_live() {
    let (upstream, address) = bind().await;
    let bench = Bench::start(&with_admin(address, None)).await;
    let mut client = bench.connect().await;
    let mut server = accept(&upstream).await;
    send(&mut client, b"twelve bytes").await;
    assert_eq!(receive(&mut server, 12).await, b"twelve bytes");
    bench.relay.registry().tick();

    let (status, body) = ask(&bench, "GET", "/api/v1/collectors/web/sessions", None).await;
    assert_eq!(status, 200);
    assert!(body.contains("\"rx_bytes\":12"), "{body}");
    let (status, body) = ask(&bench, "GET", "/api/v3/session?collectors=web", None).await;
    assert_eq!(status, 200);
    assert!(body.contains("\"bytes_rx\":12"), "{body}");
    let (status, body) = ask(&bench, "GET", "/metrics", None).await;
    assert_eq!(status, 200);
    assert!(
        body.contains("streamgauge_traffic_bytes_total{collector=\"web\",direction=\"ingress\"} 12\n"),
        "{body}"
    );
    assert!(
        body.contains("streamgauge_relay_clients_total{listener=\"web\"} 1\n"),
        "{body}"
    );
    assert!(
        body.contains("streamgauge_relay_refused_clients_total{listener=\"web\",cause=\"blocked\"} 0\n"),
        "{body}"
    );
}

#[tokio::test]
async fn a_kick_by_the_api_ends_both_connections() {
    let (upstream, address) = bind().await;
    let bench = Bench::start(&with_admin(address, None)).await;
    let mut client = bench.connect().await;
    let mut server = accept(&upstream).await;
    send(&mut client, b"x").await;
    assert_eq!(receive(&mut server, 1).await, b"x");
    let id = String::from_utf8(bench.collector().active()[0].id.as_bytes().to_vec()).unwrap();
    let path = format!("/api/v1/collectors/web/sessions/{}", id.replace(':', "%3A"));
    let (status, body) = ask(&bench, "DELETE", &path, None).await;
    assert!(matches!(status, 200 | 204), "{status} {body}");
    assert_eq!(receive_until_reset(&mut client).await, b"");
    assert_eq!(receive_until_reset(&mut server).await, b"");
}

#[tokio::test]
async fn without_the_token_nothing_is_shown_and_a_reload_changes_it() {
    let (_upstream, address) = bind().await;
    let bench = Bench::start(&with_admin(address, Some(TOKEN))).await;
    for path in ["/metrics", "/api/v1/collectors", "/api/v3/session"] {
        assert_eq!(ask(&bench, "GET", path, None).await.0, 401, "{path}");
        assert_eq!(ask(&bench, "GET", path, Some(OTHER)).await.0, 401, "{path}");
        assert_eq!(ask(&bench, "GET", path, Some(TOKEN)).await.0, 200, "{path}");
    }
    let mut config = with_admin(address, Some(OTHER));
    config.listeners[0] = bench.listening().config().clone();
    assert_eq!(bench.relay.reload(&config), Vec::<String>::new());
    assert_eq!(ask(&bench, "GET", "/metrics", Some(TOKEN)).await.0, 401);
    assert_eq!(ask(&bench, "GET", "/metrics", Some(OTHER)).await.0, 200);
}

#[tokio::test]
async fn an_admin_listener_does_not_hold_up_the_drain() {
    let (upstream, address) = bind().await;
    let bench = Bench::start(&with_admin(address, None)).await;
    let mut client = bench.connect().await;
    let mut server = accept(&upstream).await;
    send(&mut client, b"x").await;
    assert_eq!(receive(&mut server, 1).await, b"x");
    let drain = bench.relay.drain(std::time::Duration::from_secs(3600));
    let leave = async {
        // Who drains is shown until the end.
        assert_eq!(ask(&bench, "GET", "/metrics", None).await.0, 200);
        drop((client, server));
    };
    let (drained, ()) = soon(async { tokio::join!(drain, leave) }).await;
    assert!(drained);
}

#[tokio::test]
async fn who_listens_for_events_does_not_hold_up_the_end() {
    let (_upstream, address) = bind().await;
    let bench = Bench::start(&with_admin(address, None)).await;
    let admin = bench.relay.admin_addr().unwrap();
    let mut stream = TcpStream::connect(admin).await.unwrap();
    let request = format!("GET /api/v1/events HTTP/1.1\r\nHost: {admin}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 15];
    soon(stream.read_exact(&mut head)).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    assert_eq!(soon(bench.relay.stop()).await, []);
    until(|| std::net::TcpStream::connect(admin).is_err()).await;
}

#[tokio::test]
async fn who_listens_for_events_is_gone_once_the_relay_has_stopped() {
    let (_upstream, address) = bind().await;
    let bench = Bench::start(&with_admin(address, None)).await;
    let admin = bench.relay.admin_addr().unwrap();
    let mut stream = TcpStream::connect(admin).await.unwrap();
    let request = format!("GET /api/v1/events HTTP/1.1\r\nHost: {admin}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    soon(stream.read_exact(&mut [0; 15])).await.unwrap();
    assert_eq!(soon(bench.relay.stop()).await, []);
    // Cut off or ended, but not held open.
    let _ = soon(stream.read_to_end(&mut Vec::new())).await;
}

/// Time passes here once nothing else is to do.
#[tokio::test(start_paused = true)]
async fn who_sends_no_whole_request_to_the_admin_listener_is_let_go() {
    let (_upstream, address) = bind().await;
    let bench = Bench::start(&with_admin(address, Some(TOKEN))).await;
    let admin = bench.relay.admin_addr().unwrap();
    for said in [&b""[..], b"GET /metrics HTTP/1.1\r\nHost: h\r\nX-Slow: "] {
        let mut stream = TcpStream::connect(admin).await.unwrap();
        stream.write_all(said).await.unwrap();
        let _ = soon(stream.read_to_end(&mut Vec::new())).await;
    }
    // Nor is one held that asked once and then says nothing.
    let mut stream = TcpStream::connect(admin).await.unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {admin}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = soon(stream.read_to_end(&mut answer)).await;
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
}
