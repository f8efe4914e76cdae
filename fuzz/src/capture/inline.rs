//! The way from a packet to the meter without a second thread, in batches of three packets: what is counted does not depend
//! on where a batch ends.

use streamgauge_cli::batch::{Batch, Sighting};
use streamgauge_cli::capture::Packet;
use streamgauge_cli::decode::decode;
use streamgauge_cli::directory::Directory;
use streamgauge_cli::epoch::Epoch;
use streamgauge_cli::meter::Meter;

/// A meter, and what is on its way there.
pub(super) struct Inline {
    epoch: Epoch,
    directory: Directory,
    batch: Batch,
    meter: Meter,
}

impl Inline {
    pub(super) fn new(meter: Meter) -> Self {
        Self {
            epoch: Epoch::default(),
            directory: Directory::new(),
            batch: Batch::default(),
            meter,
        }
    }

    /// Hands on a packet. Its ends are decoded the long way, which has to lead where the short one does.
    pub(super) fn dispatch(&mut self, packet: &Packet<'_>) {
        if self.epoch.start().is_none() && packet.at.is_some() {
            self.send();
            self.batch.start = packet.at;
        }
        let nanos = self.epoch.nanos_at(packet.at);
        let ends = decode(packet.link, packet.data);
        let place = self.directory.find(ends.as_ref(), &mut self.batch.opened);
        self.batch
            .sightings
            .push(Sighting::new(place, nanos, packet.wire_bytes));
        if self.batch.sightings.len() == 3 {
            self.send();
        }
    }

    pub(super) fn finish(mut self) -> Meter {
        self.send();
        self.meter
    }

    fn send(&mut self) {
        self.meter.count(&self.batch);
        self.batch.clear();
    }
}
