//! Many clients that behave badly, against a relay in a process of its own whose memory and descriptors are looked at.
//!
//! `STREAMGAUGE_BAD_CLIENTS` says how many; `.ci/bad-clients` runs 8,000 against an optimized relay. The relay is this program
//! again, told so by a variable.

use std::io::Read;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs, io};

use streamgauge_relay::Relay;
use streamgauge_relay::config::{AccessLists, AdminConfig, ListenerConfig, Protocol, ProxyIn, RelayConfig};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::ChildStdout;

use crate::harness::{loopback, soon};

/// How many files the relay may have open.
const FILES: &str = "STREAMGAUGE_BAD_CLIENTS_FILES";
const UPSTREAM: &str = "STREAMGAUGE_BAD_CLIENTS_UPSTREAM";
const BUFFER_BYTES: usize = 64 * 1024;
/// What a connection may take of the relay's memory: idle, in an optimized build some 3 KiB.
const MAX_IDLE_BYTES: u64 = 8 * 1024;
/// And with a receiver that does not receive: one read more, and what an allocator makes of it.
const MAX_SLOW_BYTES: u64 = MAX_IDLE_BYTES + 2 * BUFFER_BYTES as u64;

/// The relay's process.
struct Process {
    child: Child,
    web: SocketAddr,
    proxied: SocketAddr,
    limited: SocketAddr,
    admin: SocketAddr,
}

impl Process {
    async fn start(upstream: SocketAddr, files: u64) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["bad_clients::the_relay_itself", "--exact", "--nocapture"])
            .env(UPSTREAM, upstream.to_string())
            .env(FILES, files.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(ChildStdout::from_std(child.stdout.take().unwrap()).unwrap()).lines();
        let addresses: Vec<SocketAddr> = loop {
            let line = soon(lines.next_line())
                .await
                .unwrap()
                .expect("it says where it is");
            if let Some((_, addresses)) = line.split_once("relay at ") {
                break addresses
                    .split(' ')
                    .map(|address| address.parse().unwrap())
                    .collect();
            }
        };
        let [web, proxied, limited, admin] = addresses.try_into().unwrap();
        Self {
            child,
            web,
            proxied,
            limited,
            admin,
        }
    }

    fn rss_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id()))
            .unwrap()
            .count()
    }

    /// Processor time, in hundredths of a second.
    fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<_> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// A counter of `/metrics`.
    async fn metric(&self, name: &str) -> u64 {
        self.try_metric(name).await.unwrap()
    }

    async fn try_metric(&self, name: &str) -> io::Result<u64> {
        let mut stream = TcpStream::connect(self.admin).await?;
        let host = self.admin;
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut page = String::new();
        soon(stream.read_to_string(&mut page)).await?;
        let is_named = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' '));
        let line = page
            .lines()
            .find(is_named)
            .unwrap_or_else(|| panic!("{name} is in {page}"));
        Ok(line[name.len()..].trim().parse().unwrap())
    }

    async fn until_metric(&self, name: &str, expected: u64) {
        soon(async {
            while self.metric(name).await != expected {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    }

    async fn until_descriptors(&self, expected: usize) {
        soon(async {
            while self.descriptors() != expected {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Its standard input ends, and so does it; where it hangs it is ended.
        drop(self.child.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn refused(listener: &str, cause: &str) -> String {
    format!("streamgauge_relay_refused_clients_total{{listener=\"{listener}\",cause=\"{cause}\"}}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaks_and_memory_is_bounded() {
    let count: usize = env::var("STREAMGAUGE_BAD_CLIENTS").map_or(200, |count| count.parse().unwrap());
    let upstream = TcpListener::bind(loopback()).await.unwrap();
    let relay = Process::start(upstream.local_addr().unwrap(), u64::MAX).await;
    // Whatever is made once is made: threads, tables, a page.
    let mut pairs = connect(&relay, &upstream, 50).await;
    for (client, server) in &mut pairs {
        client.write_all(b"x").await.unwrap();
        soon(server.read_exact(&mut [0])).await.unwrap();
    }
    drop(pairs);
    relay
        .until_metric("streamgauge_relay_clients_total{listener=\"web\"}", 50)
        .await;
    // Until what was asked and opened just now is closed.
    let mut descriptors = relay.descriptors();
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        descriptors = descriptors.min(relay.descriptors());
    }
    let before = relay.rss_bytes();

    let first = crowd(&relay, &upstream, count, descriptors).await;
    // What an allocator keeps it uses again: a second crowd takes no more than the first.
    let second = crowd(&relay, &upstream, count, descriptors).await;
    let per_idle = first.idle_bytes.saturating_sub(before) / count as u64;
    let per_slow = first.slow_bytes.saturating_sub(before) / count as u64;
    let kib = |bytes: u64| bytes / 1024;
    println!(
        "{count} connections: {per_idle} bytes each idle, {per_slow} bytes each with a receiver that does not receive \
         ({} bytes under way in each); resident {} KiB before, {} KiB with them idle, {} KiB slow, {} KiB after, {} KiB slow \
         the second time, {} KiB after; {descriptors} descriptors before and after",
        first.sent_bytes / count as u64,
        kib(before),
        kib(first.idle_bytes),
        kib(first.slow_bytes),
        kib(first.after_bytes),
        kib(second.slow_bytes),
        kib(second.after_bytes),
    );
    if count >= 1_000 {
        assert!(
            per_idle <= MAX_IDLE_BYTES,
            "{per_idle} bytes for an idle connection"
        );
        assert!(per_slow <= MAX_SLOW_BYTES, "{per_slow} bytes for a slow one");
        assert!(
            second.slow_bytes <= first.slow_bytes + first.slow_bytes / 4,
            "it grows"
        );
    }

    // Who sends no header, a malformed one, or one that never ends.
    let floods = count.min(2_000);
    for _ in 0..floods {
        let mut client = TcpStream::connect(relay.proxied).await.unwrap();
        let _ = client
            .write_all(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff and so on")
            .await;
        gone(&mut client).await;
    }
    relay
        .until_metric(&refused("proxied", "malformed_header"), floods as u64)
        .await;
    let mut slow_headers = Vec::new();
    for _ in 0..200 {
        // Who is refused may be gone before it knows that it is connected.
        if let Ok(mut client) = TcpStream::connect(relay.proxied).await {
            let _ = client.write_all(b"PROXY TCP4 ").await;
            slow_headers.push(client);
        }
    }
    // 100 may wait.
    relay.until_metric(&refused("proxied", "waiting"), 100).await;
    drop(slow_headers);

    // Who connects again and again where there is no place.
    let held = TcpStream::connect(relay.limited).await.unwrap();
    let (_held_upstream, _) = soon(upstream.accept()).await.unwrap();
    for _ in 0..floods {
        // The reset may come before the client knows that it is connected.
        if let Ok(mut client) = TcpStream::connect(relay.limited).await {
            gone(&mut client).await;
        }
    }
    relay
        .until_metric(&refused("limited", "sessions"), floods as u64)
        .await;
    drop(held);
    drop(_held_upstream);
    relay.until_descriptors(descriptors).await;
}

/// What the relay holds, in bytes, with a crowd of clients.
struct Crowd {
    idle_bytes: u64,
    slow_bytes: u64,
    after_bytes: u64,
    /// What the upstream sent to all of them.
    sent_bytes: u64,
}

async fn crowd(relay: &Process, upstream: &TcpListener, count: usize, descriptors: usize) -> Crowd {
    // Who connects and never sends.
    let mut pairs = connect(relay, upstream, count).await;
    relay.until_descriptors(descriptors + 2 * count).await;
    let idle_bytes = relay.rss_bytes();

    // Who never reads: the upstream sends until nothing is taken any more.
    let chunk = vec![7; BUFFER_BYTES];
    let mut sent_bytes = 0;
    for _round in 0..3 {
        for (_, server) in &pairs {
            while let Ok(bytes) = server.try_write(&chunk) {
                sent_bytes += bytes as u64;
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let slow_bytes = relay.rss_bytes();

    // A third resets, a third is reset, a third goes away in the middle of what it is sent.
    for (at, (client, server)) in pairs.drain(..).enumerate() {
        match at % 3 {
            0 => client.set_zero_linger().unwrap(),
            1 => server.set_zero_linger().unwrap(),
            _ => {}
        }
    }
    relay.until_descriptors(descriptors).await;
    Crowd {
        idle_bytes,
        slow_bytes,
        after_bytes: relay.rss_bytes(),
        sent_bytes,
    }
}

#[tokio::test]
async fn without_descriptors_nobody_is_accepted_nothing_spins_and_later_everybody_is() {
    let upstream = TcpListener::bind(loopback()).await.unwrap();
    let relay = Process::start(upstream.local_addr().unwrap(), 64).await;
    let mut clients = Vec::new();
    for _ in 0..64 {
        clients.push(soon(TcpStream::connect(relay.proxied)).await.unwrap());
    }
    // Each waits for its header with one descriptor, until there are none: then clients are not accepted.
    soon(async {
        while relay.descriptors() < 64 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let before = relay.ticks();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let used = relay.ticks() - before;
    assert!(
        used < 50,
        "{used} hundredths of a second of processor time in one of doing nothing"
    );

    drop(clients);
    let exhaustions = soon(async {
        loop {
            // The admin listener had no descriptors either.
            let count = relay
                .try_metric("streamgauge_relay_exhaustions_total{listener=\"proxied\"}")
                .await;
            if let Ok(count @ 1..) = count {
                return count;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(exhaustions > 0);
    let mut client = soon(TcpStream::connect(relay.web)).await.unwrap();
    client.write_all(b"again").await.unwrap();
    let (mut server, _) = soon(upstream.accept()).await.unwrap();
    let mut received = [0; 5];
    soon(server.read_exact(&mut received)).await.unwrap();
    assert_eq!(&received, b"again");
}

/// Who is accepted with the last descriptor there is has none to the upstream, which is there all the same.
#[tokio::test]
async fn without_descriptors_for_the_upstream_it_is_not_the_upstream_that_is_to_blame() {
    let upstream = TcpListener::bind(loopback()).await.unwrap();
    // The last one is a client's in one of the two.
    for files in [64, 65] {
        let relay = Process::start(upstream.local_addr().unwrap(), files).await;
        let mut clients = Vec::new();
        for _ in 0..files {
            clients.push(soon(TcpStream::connect(relay.web)).await.unwrap());
        }
        // Somebody is let go for want of one, or there is none left.
        let is_let_go = |client: &TcpStream| {
            let read = client.try_read(&mut [0]);
            read.is_err_and(|error| error.kind() != io::ErrorKind::WouldBlock)
        };
        soon(async {
            while relay.descriptors() < usize::try_from(files).unwrap() && !clients.iter().any(is_let_go) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        // By resets: the upstream never answers an end.
        clients
            .iter()
            .for_each(|client| client.set_zero_linger().unwrap());
        drop(clients);
        let exhaustions = "streamgauge_relay_exhaustions_total{listener=\"web\"}";
        soon(async {
            // The admin listener had no descriptors either.
            while !matches!(relay.try_metric(exhaustions).await, Ok(1..)) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        assert_eq!(relay.metric(&refused("web", "unreachable")).await, 0);
    }
}

async fn connect(relay: &Process, upstream: &TcpListener, count: usize) -> Vec<(TcpStream, TcpStream)> {
    let mut pairs = Vec::with_capacity(count);
    for _ in 0..count {
        let client = soon(TcpStream::connect(relay.web)).await.unwrap();
        let (server, _) = soon(upstream.accept()).await.unwrap();
        pairs.push((client, server));
    }
    pairs
}

/// Waits until the relay has closed the connection.
async fn gone(client: &mut TcpStream) {
    let ended: io::Result<usize> = soon(client.read(&mut [0])).await;
    assert!(matches!(ended, Ok(0) | Err(_)));
}

/// Not a test of its own: what [`Process::start`] starts.
#[test]
fn the_relay_itself() {
    let Ok(upstream) = env::var(UPSTREAM) else {
        return;
    };
    let upstream: SocketAddr = upstream.parse().unwrap();
    if let Ok(files) = env::var(FILES)
        && files != u64::MAX.to_string()
    {
        let limit = Some(files.parse().unwrap());
        let limit = rustix::process::Rlimit {
            current: limit,
            maximum: limit,
        };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    }
    let listener = |name| ListenerConfig::new(name, Protocol::Tcp, loopback(), upstream.into());
    let mut proxied = listener("proxied");
    let mut proxy_in = ProxyIn::new(AccessLists::new(&[], &["127.0.0.1".to_owned()]).unwrap());
    proxy_in.max_waiting = 100;
    proxy_in.timeout = Duration::from_secs(3600);
    proxied.proxy_in = Some(proxy_in);
    let mut limited = listener("limited");
    limited.rules.limits.max_sessions = 1;
    let mut config = RelayConfig::new(vec![listener("web"), proxied, limited]);
    config.admin = Some(AdminConfig::new(loopback(), None));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let relay = Relay::start(&config).await.unwrap();
        let mut addresses: Vec<_> = relay
            .listeners()
            .iter()
            .map(|listener| listener.local_addr().to_string())
            .collect();
        addresses.push(relay.admin_addr().unwrap().to_string());
        println!("relay at {}", addresses.join(" "));
        // Until whoever started it is gone.
        let _ = tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await;
        assert_eq!(relay.stop().await, []);
    });
}
