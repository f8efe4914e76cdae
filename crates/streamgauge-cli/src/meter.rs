//! Counts packets in sessions of a collector that lives in captured time.
//!
//! Each conversation is a session: what the reports show is what the sessions counted, as the collector's summaries and
//! closed events tell it, and nothing is counted beside them. Sessions that an idle timeout closed are registered anew by
//! their next packet; the totals of the closed ones are added to the conversation's row. A session's id is the number of
//! its conversation.
//!
//! The crate `streamgauge` is named in this file and in `history::archive` alone.
//!
//! Cost: for a packet, a count by handle; no lookup; no alloc; no clock. For a conversation, its labels once for each of its
//! sessions. For a captured second, a tick of the collector.

use std::mem;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use streamgauge::{
    ActiveSession, ClosedSession, Collector, CollectorConfig, Config, Error, ManualClock, Registry,
    RegistryError, SessionEvent, SessionHandle, SessionObserver, SetAside, Stats, Summary, Verdict,
};

use crate::batch::Batch;
use crate::conversation::Conversation;
use crate::measurement::{Measurement, Rates, Row, Tally};
use crate::throughput::Throughput;
use crate::timeline::{TICK, Timeline};

/// The collector's name, under which a history is kept.
const NAME: &str = "replay";

/// Ticks that the collector's window spans.
const WINDOW: u32 = 10;

/// How to meter.
#[derive(Clone, Debug, Default)]
pub struct MeterConfig {
    /// Conversations without traffic for so long are closed; `None` is never.
    pub idle_timeout: Option<Duration>,
    /// Where totals of ended sessions are kept from one replay to the next.
    pub history: Option<PathBuf>,
}

/// The meter could not start, or could not keep its history.
#[derive(Debug, thiserror::Error)]
pub enum MeterError {
    /// The history directory cannot be used.
    #[error(transparent)]
    Directory(#[from] Error),
    /// The collector cannot start, or its history cannot be read.
    #[error(transparent)]
    Start(#[from] RegistryError),
    /// The history could not be written.
    #[error("the history could not be written: {0}")]
    NotSaved(String),
}

/// Counts packets in conversations.
#[derive(Debug)]
pub struct Meter {
    registry: Registry,
    /// When captured time began, since 1970; `None` where no packet had a time.
    started_at: Option<Duration>,
    timeline: Timeline,
    /// By the numbers of their conversations, as the slots are: what a packet needs, packed.
    sessions: Vec<SessionHandle>,
    ticker: Ticker,
    /// What the history held before.
    earlier: Stats,
    keeps_history: bool,
}

/// A conversation, and what its sessions counted that are closed.
#[derive(Debug)]
struct Slot {
    conversation: Conversation,
    closed: Stats,
    /// Tops of the session that closed last.
    closed_tops: (f64, f64),
}

impl Meter {
    /// A meter that has counted nothing.
    ///
    /// # Errors
    ///
    /// The history cannot be used: no directory, no permission, another process has it.
    pub fn new(config: &MeterConfig) -> Result<Self, MeterError> {
        let clock = ManualClock::default();
        let closings = Arc::<Closings>::default();
        let mut kept = Config::default();
        kept.persist_dir.clone_from(&config.history);
        let registry = Registry::manual(kept, clock.clone())?;
        let observer = Arc::clone(&closings) as Arc<dyn SessionObserver>;
        let collector = registry.register(NAME, collector_config(config, observer))?;
        let earlier = collector.refresh().totals;
        Ok(Self {
            registry,
            started_at: None,
            timeline: Timeline::new(WINDOW),
            sessions: Vec::new(),
            ticker: Ticker {
                clock,
                collector,
                closings,
                slots: Vec::new(),
                throughput: Throughput::beginning_at(earlier.total_rx_bytes, earlier.total_tx_bytes),
            },
            earlier,
            keeps_history: config.history.is_some(),
        })
    }

    /// A line for the user where the history of earlier replays was damaged and set aside.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let set_aside = self.ticker.collector.health().set_aside;
        let damage = set_aside.iter().map(|aside| {
            let SetAside { path, damage, .. } = aside;
            format!("{damage}; set aside as {}", path.display())
        });
        let damage: Vec<_> = damage.collect();
        (!damage.is_empty()).then(|| format!("what earlier replays left is damaged: {}", damage.join(". ")))
    }

    /// Counts the packets of a batch.
    pub fn count(&mut self, batch: &Batch) {
        if let Some(start) = batch.start {
            self.begin(start);
        }
        let mut opened = batch.opened.iter();
        for sighting in &batch.sightings {
            self.timeline.advance(sighting.nanos, |now| self.ticker.tick(now));
            let number = sighting.conversation();
            if number == self.sessions.len() {
                let Some(conversation) = opened.next() else {
                    continue;
                };
                self.ticker.slots.push(Slot::new(*conversation));
                let session = self.open(number);
                self.sessions.extend(session);
            }
            let ingress = sighting.is_from_initiator();
            let Some(session) = self.sessions.get(number) else {
                continue;
            };
            if let Verdict::Closed(_) = count(session, ingress, sighting.wire_bytes) {
                self.count_anew(number, ingress, sighting.wire_bytes);
            }
        }
    }

    /// Captured time begins.
    fn begin(&mut self, start: Duration) {
        self.started_at = Some(start);
        // Times that no calendar knows leave the clock where it is.
        let wall = SystemTime::UNIX_EPOCH.checked_add(start);
        self.ticker.clock.set_wall(wall.unwrap_or(SystemTime::UNIX_EPOCH));
    }

    /// Opens a session for a conversation that has none.
    fn open(&self, number: usize) -> Option<SessionHandle> {
        let slot = self.ticker.slots.get(number)?;
        set_clock(&self.ticker.clock, self.timeline.now());
        Some(register(&self.ticker.collector, number, &slot.conversation))
    }

    /// Counts a packet of a conversation whose session was closed.
    #[cold]
    fn count_anew(&mut self, number: usize, ingress: bool, bytes: u32) {
        let fresh = self.open(number);
        if let (Some(session), Some(fresh)) = (self.sessions.get_mut(number), fresh) {
            count(&fresh, ingress, bytes);
            *session = fresh;
        }
    }

    /// Ends the capture's last second, and gives what was counted, and whether the history could be written. What comes
    /// after it is counted nowhere.
    pub fn finish(&mut self) -> (Measurement, Result<(), MeterError>) {
        let captured = self.timeline.now();
        if self.started_at.is_some() {
            self.timeline.finish(|now| self.ticker.tick(now));
        }
        // A capture without a single timestamp has had no tick.
        let summary = self.ticker.collector.refresh();
        let rows = rows(&self.ticker.slots, &summary);
        let saved = self.save();
        let measurement = Measurement {
            rows,
            totals: summary.totals.into(),
            live: summary.live.into(),
            history: summary.history.stats.into(),
            pending: summary.pending.into(),
            discarded: summary.discarded.into(),
            earlier: self.earlier.into(),
            rates: Rates {
                rx_bitrate: summary.current_rx_bitrate,
                tx_bitrate: summary.current_tx_bitrate,
                top_rx_bitrate: summary.top_rx_bitrate,
                top_tx_bitrate: summary.top_tx_bitrate,
            },
            samples: mem::take(&mut self.ticker.throughput).into_samples(),
            started_at: self.started_at,
            captured,
        };
        (measurement, saved)
    }

    /// Ends all sessions, and writes the history with them in it, where one is kept.
    fn save(&mut self) -> Result<(), MeterError> {
        if !self.keeps_history {
            return Ok(());
        }
        self.registry.unregister_all();
        match self.ticker.collector.health().store_error {
            Some(error) => Err(MeterError::NotSaved(error)),
            None => Ok(()),
        }
    }
}

impl Slot {
    fn new(conversation: Conversation) -> Self {
        Self {
            conversation,
            closed: Stats::default(),
            closed_tops: (0.0, 0.0),
        }
    }
}

#[inline]
fn count(session: &SessionHandle, ingress: bool, bytes: u32) -> Verdict {
    if ingress {
        session.ingress(bytes.into())
    } else {
        session.egress(bytes.into())
    }
}

/// What a tick works with.
#[derive(Debug)]
struct Ticker {
    clock: ManualClock,
    collector: Collector,
    closings: Arc<Closings>,
    slots: Vec<Slot>,
    throughput: Throughput,
}

impl Ticker {
    fn tick(&mut self, now: Duration) {
        set_clock(&self.clock, now);
        self.collector.tick();
        let totals = self.collector.with_summary(|summary| summary.totals);
        self.throughput
            .note(now, totals.total_rx_bytes, totals.total_tx_bytes);
        for closed in self.closings.take() {
            if let Some(slot) = self.slots.get_mut(closed.number) {
                slot.closed.add(closed.totals);
                slot.closed_tops = closed.tops;
            }
        }
    }
}

/// The sessions that closed since they were last taken.
///
/// The collector has no threads: it tells of them within `tick` and `stop`.
#[derive(Debug, Default)]
struct Closings(Mutex<Vec<Closing>>);

/// A closed session.
#[derive(Debug)]
struct Closing {
    /// Of its conversation.
    number: usize,
    totals: Stats,
    tops: (f64, f64),
}

impl Closings {
    fn take(&self) -> Vec<Closing> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, closed: &ClosedSession) {
        let Some(number) = number_of(closed.identity.id.as_bytes()) else {
            return;
        };
        let tops = (closed.top_rx_bitrate, closed.top_tx_bitrate);
        let closing = Closing {
            number,
            totals: closed.totals,
            tops,
        };
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(closing);
    }
}

impl SessionObserver for Closings {
    fn on_event(&self, event: &SessionEvent) {
        // No writers are used, so a closed session's totals are final.
        if let SessionEvent::Closed(closed) = event {
            self.note(closed);
        }
    }
}

fn collector_config(config: &MeterConfig, observer: Arc<dyn SessionObserver>) -> CollectorConfig {
    let timeout = config.idle_timeout.unwrap_or(Duration::MAX);
    let mut collector = CollectorConfig::default();
    collector.session_timeout = timeout;
    collector.inactive_timeout = timeout;
    collector.sample_interval = TICK;
    collector.window = TICK * WINDOW;
    collector.count_packets = true;
    collector.observer = Some(observer);
    // Conversations bound the memory, and each is to be counted.
    collector.max_tracked_sessions = u64::MAX;
    collector.max_history_keys = u64::MAX;
    collector.max_queued_events = u64::MAX;
    collector
}

/// Opens a conversation's session; active at once, so that one of empty packets is seen too.
fn register(collector: &Collector, number: usize, conversation: &Conversation) -> SessionHandle {
    let (reference, location) = (conversation.reference(), conversation.location());
    collector.register_and_activate(number.to_be_bytes(), &reference, &location, &conversation.peer())
}

/// The number of a conversation, from the id of its session.
fn number_of(id: &[u8]) -> Option<usize> {
    Some(usize::from_be_bytes(id.try_into().ok()?))
}

/// Moves the clock on to a time since the first packet.
fn set_clock(clock: &ManualClock, now: Duration) {
    clock.advance(now.saturating_sub(clock.elapsed()));
}

/// A row for each conversation: its closed sessions, and its open one as the summary shows it.
fn rows(slots: &[Slot], summary: &Summary) -> Vec<Row> {
    let mut rows: Vec<Row> = slots
        .iter()
        .map(|slot| {
            let (top_rx_bitrate, top_tx_bitrate) = slot.closed_tops;
            let rates = Rates {
                top_rx_bitrate,
                top_tx_bitrate,
                ..Rates::default()
            };
            Row {
                conversation: slot.conversation,
                tally: slot.closed.into(),
                rates,
                live: false,
            }
        })
        .collect();
    for session in summary.active.iter() {
        let number = number_of(session.id.as_bytes());
        if let Some(row) = number.and_then(|number| rows.get_mut(number)) {
            add_live(row, &session);
        }
    }
    rows
}

fn add_live(row: &mut Row, session: &ActiveSession<'_>) {
    row.live = true;
    row.tally.sessions += 1;
    row.tally.rx_bytes += session.rx_bytes;
    row.tally.tx_bytes += session.tx_bytes;
    row.tally.rx_packets += session.rx_packets;
    row.tally.tx_packets += session.tx_packets;
    row.rates = Rates {
        rx_bitrate: session.rx_bitrate,
        tx_bitrate: session.tx_bitrate,
        top_rx_bitrate: session.top_rx_bitrate,
        top_tx_bitrate: session.top_tx_bitrate,
    };
}

impl From<Stats> for Tally {
    fn from(stats: Stats) -> Self {
        Self {
            sessions: stats.total_sessions,
            rx_bytes: stats.total_rx_bytes,
            tx_bytes: stats.total_tx_bytes,
            rx_packets: stats.total_rx_packets,
            tx_packets: stats.total_tx_packets,
        }
    }
}
