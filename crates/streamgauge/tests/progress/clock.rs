//! P7: counting calls and reads look at no clock, not even at one that nobody can read.

use std::fmt::{self, Write};
use std::thread;
use std::time::Duration;

use streamgauge::{Collector, CollectorConfig, ManualClock};

use crate::gate::Gate;
use crate::harness::{DEADLINE, Outcome, run, run_packets};
use crate::subject::{Metered, Subject};

/// Parks who writes a clock to it. A manual clock is locked while it is shown.
struct Parking<'a>(&'a Gate);

impl Write for Parking<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.contains("monotonic") {
            self.0.pass();
        }
        Ok(())
    }
}

#[test]
fn p7_counting_and_reading_look_at_no_clock() {
    // Long for one registration.
    const SHORT: Duration = Duration::from_secs(2);
    let clock = ManualClock::default();
    let subject = Metered::with(Collector::manual(CollectorConfig::default(), clock.clone()));
    let gate = Gate::default();
    thread::scope(|scope| {
        scope.spawn(|| write!(Parking(&gate), "{clock:?}").unwrap());
        gate.wait_until_parked();
        let packets = run_packets(&subject, DEADLINE);
        // That the clock is out of reach: a registration reads it.
        let registering = subject.clone();
        let registration = run(SHORT, move || registering.register(0));
        gate.open();
        assert_eq!([packets, registration], [Outcome::Finished, Outcome::Stuck]);
    });
}
