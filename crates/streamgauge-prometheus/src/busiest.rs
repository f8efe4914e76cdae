//! The busiest sessions and references of a summary.
//!
//! One pass over the active sessions. What is kept of sessions is a heap of as many as are asked for, and of references one
//! tally for each that has an active session. A higher bitrate of both directions together comes first; between equal ones,
//! those of silent sessions above all, more bytes; then who was registered earlier, or the lesser name. So the choice depends
//! on nothing but the summary.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};

use streamgauge::{ActiveSession, Label, Session, Summary};

use crate::exporter::ExporterConfig;

/// The busiest sessions and references of a collector, the busiest first.
#[derive(Debug)]
pub(crate) struct Busiest {
    pub(crate) sessions: Vec<Session>,
    pub(crate) references: Vec<Reference>,
}

/// What the active sessions of one reference do, and what all its sessions moved. Bitrates are in bit/s.
#[derive(Debug, PartialEq)]
pub(crate) struct Reference {
    pub(crate) name: Label,
    pub(crate) active_sessions: u64,
    pub(crate) rx_bitrate: f64,
    pub(crate) tx_bitrate: f64,
    /// Those of ended sessions included.
    pub(crate) rx_bytes: u64,
    /// Those of ended sessions included.
    pub(crate) tx_bytes: u64,
}

impl Busiest {
    pub(crate) fn of(summary: &Summary, config: &ExporterConfig) -> Self {
        let mut sessions = Best::new(config.busiest_sessions);
        let mut tallies = Tallies::default();
        if config.busiest_sessions > 0 || config.busiest_references > 0 {
            for (position, session) in summary.active.iter().enumerate() {
                let rank = Rank {
                    bitrate: session.rx_bitrate + session.tx_bitrate,
                    bytes: session.rx_bytes.saturating_add(session.tx_bytes),
                    place: Reverse(position),
                };
                sessions.offer(rank, session);
                if config.busiest_references > 0 {
                    tallies.add(&session);
                }
            }
        }
        let references = tallies.best(config.busiest_references);
        Self {
            sessions: sessions.into_iter().map(|session| session.to_session()).collect(),
            references: references
                .map(|(name, tally)| Reference::new(name, &tally, summary))
                .collect(),
        }
    }
}

impl Reference {
    fn new(name: &Label, tally: &Tally, summary: &Summary) -> Self {
        let ended = summary.history.references.get(name);
        let ended = ended.copied().unwrap_or_default();
        Self {
            name: name.clone(),
            active_sessions: tally.sessions,
            rx_bitrate: tally.rx_bitrate,
            tx_bitrate: tally.tx_bitrate,
            rx_bytes: tally.rx_bytes.saturating_add(ended.total_rx_bytes),
            tx_bytes: tally.tx_bytes.saturating_add(ended.total_tx_bytes),
        }
    }
}

/// What the active sessions of one reference do together. There may be as many as sessions: 48 bytes each, with its key.
#[derive(Debug, Default)]
struct Tally {
    sessions: u64,
    rx_bytes: u64,
    tx_bytes: u64,
    rx_bitrate: f64,
    tx_bitrate: f64,
}

/// By the text of a reference.
#[derive(Default)]
struct Tallies<'a>(HashMap<&'a Label, Tally, ahash::RandomState>);

impl<'a> Tallies<'a> {
    fn add(&mut self, session: &ActiveSession<'a>) {
        let tally = self.0.entry(session.reference).or_default();
        tally.rx_bitrate += session.rx_bitrate;
        tally.tx_bitrate += session.tx_bitrate;
        // Sums are held where they would wrap, as those of summaries are.
        tally.sessions += 1;
        tally.rx_bytes = tally.rx_bytes.saturating_add(session.rx_bytes);
        tally.tx_bytes = tally.tx_bytes.saturating_add(session.tx_bytes);
    }

    fn best(self, limit: usize) -> impl Iterator<Item = (&'a Label, Tally)> {
        let mut best = Best::new(limit);
        #[expect(
            clippy::iter_over_hash_type,
            reason = "no two ranks are equal, so the order of offers does not matter"
        )]
        for (name, tally) in self.0 {
            let rank = Rank {
                bitrate: tally.rx_bitrate + tally.tx_bitrate,
                bytes: tally.rx_bytes.saturating_add(tally.tx_bytes),
                place: Reverse(name),
            };
            best.offer(rank, (name, tally));
        }
        best.into_iter()
    }
}

/// How busy something is. Places differ, so that no two are equal.
#[derive(Debug)]
struct Rank<P> {
    bitrate: f64,
    bytes: u64,
    place: Reverse<P>,
}

impl<P: Ord> Ord for Rank<P> {
    fn cmp(&self, other: &Self) -> Ordering {
        let bitrates = self.bitrate.total_cmp(&other.bitrate);
        bitrates
            .then_with(|| self.bytes.cmp(&other.bytes))
            .then_with(|| self.place.cmp(&other.place))
    }
}

impl<P: Ord> PartialOrd for Rank<P> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<P: Ord> PartialEq for Rank<P> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<P: Ord> Eq for Rank<P> {}

/// Something with a rank, by which alone it is compared.
struct Ranked<P, T> {
    rank: Rank<P>,
    item: T,
}

impl<P: Ord, T> Ord for Ranked<P, T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

impl<P: Ord, T> PartialOrd for Ranked<P, T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<P: Ord, T> PartialEq for Ranked<P, T> {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl<P: Ord, T> Eq for Ranked<P, T> {}

/// The best of what was offered, up to a limit: the least of them on top of the heap.
struct Best<P, T> {
    limit: usize,
    heap: BinaryHeap<Reverse<Ranked<P, T>>>,
}

impl<P: Ord, T> Best<P, T> {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            heap: BinaryHeap::new(),
        }
    }

    fn offer(&mut self, rank: Rank<P>, item: T) {
        if self.heap.len() < self.limit {
            self.heap.push(Reverse(Ranked { rank, item }));
        } else if let Some(mut least) = self.heap.peek_mut()
            && rank > least.0.rank
        {
            *least = Reverse(Ranked { rank, item });
        }
    }

    /// The best first.
    fn into_iter(self) -> impl Iterator<Item = T> {
        let sorted = self.heap.into_sorted_vec();
        sorted.into_iter().map(|Reverse(ranked)| ranked.item)
    }
}
