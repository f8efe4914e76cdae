//! Sessions with known traffic, for a Prometheus to scrape: what `.ci/prometheus` runs.
//!
//! Prints where it serves. Then it does what the lines of its standard input say:
//!
//! * `hold`: the traffic stops. Prints queries and the answers that Prometheus owes, tab-separated, and an empty line.
//! * `count`: prints the bytes that `tcp` sent so far.
//! * `go`: the traffic goes on.
//! * `close`: the traffic stops, all sessions end, and what follows is as with `hold`.
//!
//! What it prints is what its own calls counted, and not what a summary says.

use std::error::Error;
use std::io::{self, BufRead};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use streamgauge::{Collector, CollectorConfig, Config, Registry, SessionHandle};
use streamgauge_prometheus::{Exporter, router};
use tokio::net::TcpListener;

/// A session that moves more than all others, of a name that needs escaping.
const HEAVY: &str = "heavy \"client\"";

/// What it is about, and how a query has that.
const FILM: [&str; 2] = ["film\nof \\ two lines", "film\\nof \\\\ two lines"];

fn main() -> Result<(), Box<dyn Error>> {
    let registry = Registry::new(Config::default())?;
    let services = [
        Service::start(&registry, "tcp")?,
        Service::start(&registry, "udp")?,
    ];
    let traffic = Mutex::new(services);

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    println!("http://{}/metrics", listener.local_addr()?);
    let app = router(Exporter::new(registry.reader()));
    runtime.spawn(async { axum::serve(listener, app).await });

    let is_over = Mutex::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
            while !*lock(&is_over) {
                for service in &mut *lock(&traffic) {
                    service.step(&mut dice);
                }
                thread::park_timeout(Duration::from_millis(2));
            }
        });
        let mut held: Option<MutexGuard<'_, [Service; 2]>> = None;
        for line in io::stdin().lock().lines() {
            match line.as_deref() {
                Ok("go") => held = None,
                Ok("count") => {
                    let count = held
                        .as_ref()
                        .map_or_else(|| lock(&traffic)[0].count(), |held| held[0].count());
                    println!("{count}");
                }
                Ok(command @ ("hold" | "close")) => {
                    let services = held.get_or_insert_with(|| lock(&traffic));
                    for service in services.iter_mut() {
                        if command == "close" {
                            service.open.clear();
                            service.heavy.unregister();
                        }
                        service.expect();
                    }
                    println!();
                }
                _ => break,
            }
        }
        drop(held);
        *lock(&is_over) = true;
    });
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A collector with sessions that come and go, and what they moved as their calls say.
struct Service {
    name: &'static str,
    collector: Collector,
    heavy: SessionHandle,
    open: Vec<Client>,
    sessions: u64,
    /// By direction, ingress first.
    bytes: [u64; 2],
    packets: [u64; 2],
    heavy_bytes: [u64; 2],
}

/// Unregisters its session when it is dropped.
struct Client(SessionHandle);

impl Drop for Client {
    fn drop(&mut self) {
        self.0.unregister();
    }
}

impl Service {
    fn start(registry: &Registry, name: &'static str) -> Result<Self, Box<dyn Error>> {
        let mut config = CollectorConfig::default();
        config.count_packets = true;
        config.sample_interval = Duration::from_millis(100);
        config.session_timeout = Duration::MAX;
        // High enough to be out of reach; the last is not.
        (config.max_sessions, config.max_rx_bitrate, config.max_tx_bitrate) = (1_000, 1 << 50, 1 << 50);
        config.max_history_keys = 8;
        let collector = registry.register(name, config)?;
        let heavy = collector.register(HEAVY, FILM[0], "edge", "198.51.100.1");
        Ok(Self {
            name,
            collector,
            heavy,
            open: Vec::new(),
            sessions: 1,
            bytes: [0; 2],
            packets: [0; 2],
            heavy_bytes: [0; 2],
        })
    }

    /// Opens a session or closes one, at random, and counts for all of them.
    fn step(&mut self, dice: &mut Dice) {
        if self.open.len() < 20 && dice.below(3) > 0 {
            self.sessions += 1;
            let number = self.sessions;
            let id = format!("client-{number}");
            let peer = format!("198.51.100.{}", number % 50);
            let handle = self.collector.register(&id, "news", "edge", &peer);
            self.open.push(Client(handle));
        } else if !self.open.is_empty() {
            let leaves = dice.below(self.open.len());
            self.open.swap_remove(leaves);
        }
        for Client(session) in &self.open {
            let moved = [dice.below(1_500), dice.below(60_000)];
            let counted = count(session, moved);
            add(&mut self.bytes, counted);
            add(&mut self.packets, counted.map(|bytes| bytes.min(1)));
        }
        let counted = count(
            &self.heavy,
            [100_000 + dice.below(1_000), 2_000_000 + dice.below(1_000)],
        );
        add(&mut self.heavy_bytes, counted);
        add(&mut self.bytes, counted);
        add(&mut self.packets, counted.map(|bytes| bytes.min(1)));
    }

    /// The bytes sent so far. Who scrapes from now on sees no fewer.
    fn count(&self) -> u64 {
        self.collector.refresh();
        self.bytes[1]
    }

    /// Prints what is to be seen from now on.
    fn expect(&self) {
        self.collector.refresh();
        let name = self.name;
        let line = |metric: &str, labels: &str, value: &dyn std::fmt::Display| {
            println!("streamgauge_{metric}{{collector=\"{name}\"{labels}}}\t{value}");
        };
        let is_open = self.heavy.is_known();
        let open = self.open.len() + usize::from(is_open);
        line("sessions_total", "", &self.sessions);
        for (direction, index) in [("ingress", 0), ("egress", 1)] {
            let direction = format!(",direction=\"{direction}\"");
            line("traffic_bytes_total", &direction, &self.bytes[index]);
            line("packets_total", &direction, &self.packets[index]);
            let heavy = format!(
                ",session=\"heavy \\\"client\\\"\",reference=\"{}\",peer=\"198.51.100.1\"{direction}",
                FILM[1]
            );
            let expected = is_open.then_some(self.heavy_bytes[index]);
            let expected = expected.map_or("none".to_owned(), |bytes| bytes.to_string());
            line("session_bytes", &heavy, &expected);
        }
        // A session whose calls all counted nothing is pending still.
        println!("sum(streamgauge_open_sessions{{collector=\"{name}\"}})\t{open}");
    }
}

/// Counts bytes of both directions, and answers what was accepted.
fn count(session: &SessionHandle, [rx, tx]: [usize; 2]) -> [u64; 2] {
    let [rx, tx] = [rx as u64, tx as u64];
    [
        if rx > 0 && session.ingress(rx).is_counted() {
            rx
        } else {
            0
        },
        if tx > 0 && session.egress(tx).is_counted() {
            tx
        } else {
            0
        },
    ]
}

fn add(sums: &mut [u64; 2], more: [u64; 2]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum += more;
    }
}

/// The same throws in each run (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap_or(0)
    }
}
