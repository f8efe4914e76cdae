//! Sorts packets into conversations and hands them to the meter, which works on a thread of its own.
//!
//! Reading and decoding a capture takes about as long as metering it, so each has a thread: the caller's reads, decodes
//! and finds the conversation; the other counts, and ticks once for each captured second. Between them are a queue of full
//! batches and one of empty ones that come back. The first is bounded: a reader that is far ahead of the meter waits, so
//! memory does not grow with the capture. Far ahead, because ticks are not spread evenly over a file: where a thousand idle
//! seconds pass between two packets, reading goes on.
//!
//! Threads are started in this file alone.
//!
//! Cost: for a packet, a lookup and 16 bytes; for 4096 packets, two messages.

use std::panic;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::{self, JoinHandle};
use std::{io, mem};

use crate::batch::{Batch, Sighting};
use crate::capture::Packet;
use crate::decode::{Glimpse, decode};
use crate::directory::Directory;
use crate::epoch::Epoch;
use crate::meter::Meter;

/// Full batches that may wait for the meter: 16 MiB, or a million packets.
const WAITING_BATCHES: usize = 256;

/// The meter's thread, and what is on its way there.
#[derive(Debug)]
pub struct Dispatcher {
    epoch: Epoch,
    directory: Directory,
    batch: Batch,
    full: SyncSender<Batch>,
    empty: Receiver<Batch>,
    meter: JoinHandle<Meter>,
}

impl Dispatcher {
    /// Puts the meter to work on a thread of its own.
    ///
    /// # Errors
    ///
    /// The operating system starts no thread.
    pub fn new(meter: Meter) -> io::Result<Self> {
        let (full, arriving) = mpsc::sync_channel(WAITING_BATCHES);
        let (leaving, empty) = mpsc::channel();
        let meter = thread::Builder::new()
            .name("meter".to_owned())
            .spawn(move || work(meter, &arriving, &leaving))?;
        Ok(Self {
            epoch: Epoch::default(),
            directory: Directory::new(),
            batch: Batch::default(),
            full,
            empty,
            meter,
        })
    }

    /// Hands on a packet.
    #[inline]
    pub fn dispatch(&mut self, packet: &Packet<'_>) {
        if self.epoch.start().is_none() && packet.at.is_some() {
            // The packets before it have no time.
            self.send();
            self.batch.start = packet.at;
        }
        let nanos = self.epoch.nanos_at(packet.at);
        let opened = &mut self.batch.opened;
        let place = match Glimpse::of(packet.link, packet.data) {
            Some(glimpse) => self.directory.find_glimpsed(glimpse, opened),
            None => self
                .directory
                .find(decode(packet.link, packet.data).as_ref(), opened),
        };
        self.batch
            .sightings
            .push(Sighting::new(place, nanos, packet.wire_bytes));
        if self.batch.is_full() {
            self.send();
        }
    }

    /// Waits until everything is counted, and gives the meter back.
    pub fn finish(mut self) -> Meter {
        self.send();
        // The meter's thread ends when it has emptied the queue and nobody can fill it.
        drop(self.full);
        self.meter
            .join()
            .unwrap_or_else(|panic| panic::resume_unwind(panic))
    }

    #[inline(never)]
    fn send(&mut self) {
        let next = self.empty.try_recv().unwrap_or_default();
        // Nobody takes it where the meter has panicked, which `finish` passes on.
        let _ = self.full.send(mem::replace(&mut self.batch, next));
    }
}

/// Counts what arrives, until nothing more can.
fn work(mut meter: Meter, arriving: &Receiver<Batch>, leaving: &Sender<Batch>) -> Meter {
    for mut batch in arriving {
        meter.count(&batch);
        batch.clear();
        // Once the last batch was sent, nobody waits for empty ones.
        let _ = leaving.send(batch);
    }
    meter
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::decode::Link;
    use crate::meter::MeterConfig;

    #[test]
    fn every_packet_reaches_the_meter_in_order() {
        let meter = Meter::new(&MeterConfig::default()).unwrap();
        let mut dispatcher = Dispatcher::new(meter).unwrap();
        let start = Duration::from_secs(1_700_000_000);
        let packet = |at| Packet {
            at,
            link: Link::ETHERNET,
            wire_bytes: 100,
            data: &[],
        };
        // The first packets have no time; the others, over several batches, a millisecond each.
        for _ in 0..3 {
            dispatcher.dispatch(&packet(None));
        }
        for n in 0..10_000 {
            dispatcher.dispatch(&packet(Some(start + Duration::from_millis(n))));
        }
        let (measurement, saved) = dispatcher.finish().finish();
        assert!(saved.is_ok());
        assert_eq!(measurement.started_at, Some(start));
        assert_eq!(measurement.captured, Duration::from_millis(9_999));
        assert_eq!(measurement.rows.len(), 1);
        assert_eq!(measurement.counted().packets(), 10_003);
        // A sample for each second, the last of them begun and ended.
        let bytes: Vec<_> = measurement.samples.iter().map(|sample| sample.rx_bytes).collect();
        assert_eq!(bytes.len(), 10);
        assert_eq!(bytes[0], 100_300);
        assert!(bytes[1..].iter().all(|bytes| *bytes == 100_000), "{bytes:?}");
    }
}
