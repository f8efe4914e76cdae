//! What goes through the harness: a collector, and a rival as many would write it.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use streamgauge::{Collector, CollectorConfig, ManualClock, SessionHandle, Verdict, Writer};

/// Something that counts packets by id.
pub(crate) trait Subject: Send + Sync + 'static {
    /// Makes so many calls in each way there is, and reads now and then. Panics where one is not counted.
    fn run_packets(&self, calls: u64);

    /// Adds a session.
    fn register(&self, n: u64);

    /// Removes one.
    fn unregister(&self, n: u64);
}

/// The ids that packets are for: spread over the table, and never removed.
const PACKET_IDS: u64 = 64;

fn packet_id(n: u64) -> [u8; 9] {
    let mut id = *b"p........";
    id[1..].copy_from_slice(&(n % PACKET_IDS).to_be_bytes());
    id
}

fn other_id(n: u64) -> [u8; 9] {
    let mut id = *b"o........";
    id[1..].copy_from_slice(&n.to_be_bytes());
    id
}

/// A collector with the packet thread's sessions.
pub(crate) struct Metered {
    pub(crate) collector: Collector,
    handle: SessionHandle,
    writer: Mutex<Option<Writer>>,
}

impl Metered {
    /// A collector without threads.
    pub(crate) fn manual() -> Arc<Self> {
        Self::with(Collector::manual(
            CollectorConfig::default(),
            ManualClock::default(),
        ))
    }

    pub(crate) fn with(collector: Collector) -> Arc<Self> {
        for n in 0..PACKET_IDS {
            collector.register(packet_id(n), "stream", "here", "there");
        }
        let handle = collector.session(packet_id(0)).unwrap();
        let writer = Mutex::new(Some(handle.writer()));
        Arc::new(Self {
            collector,
            handle,
            writer,
        })
    }

    fn read(&self) {
        let collector = &self.collector;
        black_box(collector.summary().sequence);
        black_box(collector.with_summary(|summary| summary.sequence));
        black_box(collector.sessions());
        for bitrate in [
            collector.ingress_bitrate(),
            collector.egress_bitrate(),
            collector.top_ingress_bitrate(),
            collector.top_egress_bitrate(),
            collector.max_ingress_bitrate(),
            collector.max_egress_bitrate(),
        ] {
            black_box(bitrate);
        }
        black_box(collector.is_ingress_bitrate_exceeded());
        black_box(collector.is_egress_bitrate_exceeded());
        black_box(collector.is_sessions_exceeded());
        assert!(collector.is_known_session(packet_id(1)));
    }
}

impl Subject for Metered {
    fn run_packets(&self, calls: u64) {
        streamgauge::prepare_thread();
        let collector = &self.collector;
        let mut writer = self.writer.lock().unwrap().take().unwrap();
        let burst = collector.burst();
        for n in 0..calls {
            let id = packet_id(n);
            let verdicts = if n % 2 == 0 {
                [
                    collector.ingress(id, 1),
                    burst.ingress(id, 1),
                    self.handle.ingress(1),
                    writer.ingress(1),
                ]
            } else {
                [
                    collector.egress(id, 1),
                    burst.egress(id, 1),
                    self.handle.egress(1),
                    writer.egress(1),
                ]
            };
            assert_eq!(verdicts, [Verdict::Counted; 4]);
            if n % 64 == 0 {
                self.read();
            }
        }
        drop(burst);
        *self.writer.lock().unwrap() = Some(writer);
    }

    fn register(&self, n: u64) {
        self.collector.register(other_id(n), "stream", "here", "there");
    }

    fn unregister(&self, n: u64) {
        self.collector.unregister(other_id(n));
    }
}

/// A table behind a mutex.
#[derive(Debug, Default)]
pub(crate) struct Rival {
    table: Mutex<HashMap<Vec<u8>, Arc<AtomicU64>>>,
}

impl Rival {
    pub(crate) fn new() -> Arc<Self> {
        let rival = Self::default();
        for n in 0..PACKET_IDS {
            rival
                .table
                .lock()
                .unwrap()
                .insert(packet_id(n).to_vec(), Arc::default());
        }
        Arc::new(rival)
    }
}

impl Subject for Rival {
    fn run_packets(&self, calls: u64) {
        for n in 0..calls {
            let table = self.table.lock().unwrap();
            table[packet_id(n).as_slice()].fetch_add(1, Ordering::Relaxed);
        }
    }

    fn register(&self, n: u64) {
        let mut table = self.table.lock().unwrap();
        table.entry(other_id(n).to_vec()).or_default();
    }

    fn unregister(&self, n: u64) {
        self.table.lock().unwrap().remove(other_id(n).as_slice());
    }
}
