//! What the counting threads know of their own calls, kept outside of the collector.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use streamgauge::{Stats, Verdict};

/// Which way bytes pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Ingress,
    Egress,
}

/// Bytes and packets of both directions: what P1 conserves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) rx_bytes: u64,
    pub(crate) tx_bytes: u64,
    pub(crate) rx_packets: u64,
    pub(crate) tx_packets: u64,
}

impl Moved {
    pub(crate) fn is_at_most(self, other: Self) -> bool {
        self.rx_bytes <= other.rx_bytes
            && self.tx_bytes <= other.tx_bytes
            && self.rx_packets <= other.rx_packets
            && self.tx_packets <= other.tx_packets
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            rx_bytes: self.rx_bytes + other.rx_bytes,
            tx_bytes: self.tx_bytes + other.tx_bytes,
            rx_packets: self.rx_packets + other.rx_packets,
            tx_packets: self.tx_packets + other.tx_packets,
        }
    }

    /// The bytes alone: what remains where packets are not counted.
    pub(crate) fn without_packets(self) -> Self {
        Self {
            rx_packets: 0,
            tx_packets: 0,
            ..self
        }
    }
}

impl From<Stats> for Moved {
    fn from(stats: Stats) -> Self {
        Self {
            rx_bytes: stats.total_rx_bytes,
            tx_bytes: stats.total_tx_bytes,
            rx_packets: stats.total_rx_packets,
            tx_packets: stats.total_tx_packets,
        }
    }
}

/// Calls of one direction; one thread writes it.
#[derive(Debug, Default)]
struct Calls {
    bytes: AtomicU64,
    packets: AtomicU64,
}

impl Calls {
    fn add(&self, bytes: u64) {
        self.packets.fetch_add(1, Ordering::Release);
        self.bytes.fetch_add(bytes, Ordering::Release);
    }

    fn read(&self) -> (u64, u64) {
        (
            self.bytes.load(Ordering::Acquire),
            self.packets.load(Ordering::Acquire),
        )
    }
}

#[derive(Debug, Default)]
struct BothWays([Calls; 2]);

impl BothWays {
    fn add(&self, way: Way, bytes: u64) {
        self.0[way as usize].add(bytes);
    }

    fn read(&self) -> Moved {
        let ((rx_bytes, rx_packets), (tx_bytes, tx_packets)) = (self.0[0].read(), self.0[1].read());
        Moved {
            rx_bytes,
            tx_bytes,
            rx_packets,
            tx_packets,
        }
    }
}

/// The calls of one thread, by label: begun, and of these the accepted ones that returned.
#[derive(Debug)]
pub(crate) struct Account {
    begun: Vec<BothWays>,
    accepted: Vec<BothWays>,
}

impl Account {
    fn new(labels: usize) -> Self {
        let all = || (0..labels).map(|_| BothWays::default()).collect();
        Self {
            begun: all(),
            accepted: all(),
        }
    }

    /// Makes a counting call, and notes it before and after.
    pub(crate) fn call(
        &self,
        label: usize,
        way: Way,
        bytes: u64,
        count: impl FnOnce(u64) -> Verdict,
    ) -> Verdict {
        self.begun[label].add(way, bytes);
        // Pairs with the fence in Accounts::begun(): who sees the call's bytes in a total sees that it began.
        fence(Ordering::Release);
        let verdict = count(bytes);
        if verdict.is_counted() {
            self.accepted[label].add(way, bytes);
        }
        verdict
    }
}

/// The calls of all threads.
#[derive(Debug)]
pub(crate) struct Accounts {
    threads: Vec<Account>,
    labels: usize,
}

impl Accounts {
    pub(crate) fn new(threads: usize, labels: usize) -> Self {
        Self {
            threads: (0..threads).map(|_| Account::new(labels)).collect(),
            labels,
        }
    }

    pub(crate) fn of_thread(&self, thread: usize) -> &Account {
        &self.threads[thread]
    }

    /// What was accepted by calls that have returned.
    pub(crate) fn accepted(&self) -> Moved {
        (0..self.labels).fold(Moved::default(), |sum, label| sum.plus(self.accepted_for(label)))
    }

    pub(crate) fn accepted_for(&self, label: usize) -> Moved {
        self.threads.iter().fold(Moved::default(), |sum, account| {
            sum.plus(account.accepted[label].read())
        })
    }

    /// What calls brought that have begun.
    pub(crate) fn begun(&self) -> Moved {
        // Pairs with the fence in Account::call().
        fence(Ordering::Acquire);
        self.threads
            .iter()
            .flat_map(|account| &account.begun)
            .fold(Moved::default(), |sum, calls| sum.plus(calls.read()))
    }
}
