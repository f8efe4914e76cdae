//! Counts packets in conversations, driven by captured time.

use std::path::PathBuf;
use std::time::Duration;

use ahash::{HashMap, HashMapExt};

use crate::conversation::{Conversation, ConversationKey};
use crate::endpoints::Endpoints;
use crate::measurement::{Measurement, Rates, Row, Tally};
use crate::throughput::Throughput;
use crate::timeline::Timeline;

/// How to meter.
#[derive(Clone, Debug, Default)]
pub struct MeterConfig {
    /// Conversations without traffic for so long are closed; `None` is never.
    pub idle_timeout: Option<Duration>,
    /// Where totals of ended sessions are kept from one replay to the next.
    pub history: Option<PathBuf>,
}

/// Counts packets in conversations.
#[derive(Debug)]
pub struct Meter {
    timeline: Timeline,
    slots: HashMap<ConversationKey, usize>,
    rows: Vec<Row>,
    throughput: Throughput,
    totals: Tally,
}

/// The meter could not start or could not keep its history.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct MeterError(String);

impl Meter {
    /// A meter that has counted nothing.
    ///
    /// # Errors
    ///
    /// The history directory cannot be used.
    pub fn new(_config: &MeterConfig) -> Result<Self, MeterError> {
        Ok(Self {
            timeline: Timeline::new(10),
            slots: HashMap::new(),
            rows: Vec::new(),
            throughput: Throughput::default(),
            totals: Tally::default(),
        })
    }

    /// Counts a packet of `bytes` on the wire, captured at `at`.
    pub fn count(&mut self, at: Option<Duration>, ends: Option<&Endpoints>, bytes: u32) {
        if let Some(at) = at {
            let (throughput, totals) = (&mut self.throughput, &self.totals);
            self.timeline
                .advance(at, |now| throughput.note(now, totals.rx_bytes, totals.tx_bytes));
        }
        let (key, from_low) = ends.map_or((ConversationKey::NON_IP, true), ConversationKey::of);
        let slot = *self.slots.entry(key).or_insert_with(|| {
            let conversation = Conversation {
                key,
                began_low: from_low,
            };
            let tally = Tally {
                sessions: 1,
                ..Tally::default()
            };
            self.rows.push(Row {
                conversation,
                tally,
                rates: Rates::default(),
                live: true,
            });
            self.totals.sessions += 1;
            self.rows.len() - 1
        });
        let Some(row) = self.rows.get_mut(slot) else {
            return;
        };
        for tally in [&mut row.tally, &mut self.totals] {
            if from_low == row.conversation.began_low {
                tally.rx_bytes += u64::from(bytes);
                tally.rx_packets += 1;
            } else {
                tally.tx_bytes += u64::from(bytes);
                tally.tx_packets += 1;
            }
        }
    }

    /// Ends the capture's last second and gives what was counted.
    ///
    /// # Errors
    ///
    /// The history cannot be written.
    pub fn finish(mut self) -> Result<Measurement, MeterError> {
        let captured = self.timeline.now();
        let (throughput, totals) = (&mut self.throughput, &self.totals);
        self.timeline
            .finish(|now| throughput.note(now, totals.rx_bytes, totals.tx_bytes));
        Ok(Measurement {
            rows: self.rows,
            totals: self.totals,
            live: self.totals,
            samples: self.throughput.into_samples(),
            started_at: self.timeline.start(),
            captured,
            ..Measurement::default()
        })
    }
}
