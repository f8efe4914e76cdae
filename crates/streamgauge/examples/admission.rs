//! Admission with limits: viewers ask for 4 Mbit/s each, of two services that share an uplink of 20 Mbit/s.
//!
//! `try_register` checks the limits and reserves what is expected in one step, so a burst of viewers cannot overshoot. A
//! reservation decays unless traffic keeps it up: a minute later, the viewers that never watched have made room. The clock
//! is a manual one, so the minute is over at once.

use std::time::Duration;

use streamgauge::{Admission, Collector, CollectorConfig, ManualClock};

const MBIT: u64 = 1_000_000;

fn main() {
    let clock = ManualClock::default();
    let (hls, srt) = (service(&clock), service(&clock));
    // They share the uplink: each counts the other's top bitrates along with its own.
    hls.add_companion(&srt);
    srt.add_companion(&hls);

    println!("a burst of viewers, before any has been sent a byte:");
    let mut admitted = 0;
    for viewer in 0..6 {
        let name = if viewer % 2 == 0 { "hls" } else { "srt" };
        let service = if viewer % 2 == 0 { &hls } else { &srt };
        admitted += u64::from(ask(service, name, viewer));
    }
    // The fifth reservation of 4 Mbit/s would reach the limit of 20 Mbit/s.
    assert_eq!(admitted, 4);

    println!("a minute in which only viewer 0 watches, at 4 Mbit/s:");
    for _second in 0..60 {
        clock.advance(Duration::from_secs(1));
        hls.egress("viewer-0", 4 * MBIT / 8);
        hls.tick();
        srt.tick();
    }
    println!(
        "  reserved or observed: {:.1} Mbit/s",
        hls.companion_top_egress_bitrate() / 1e6
    );
    assert!(ask(&srt, "srt", 6));
}

fn service(clock: &ManualClock) -> Collector {
    let mut config = CollectorConfig::default();
    config.max_tx_bitrate = 20 * MBIT;
    config.max_sessions = 100;
    // The silent stay, so that what makes room here is the decay alone.
    config.session_timeout = Duration::MAX;
    Collector::manual(config, clock.clone())
}

fn ask(service: &Collector, name: &str, viewer: u32) -> bool {
    let admission = Admission {
        expected_egress: 4 * MBIT,
        ..Admission::default()
    };
    let id = format!("viewer-{viewer}");
    match service.try_register(&id, "channel-1", name, "198.51.100.7", admission) {
        Ok(_session) => {
            println!("  {id} is admitted to {name}");
            true
        }
        Err(refusal) => {
            println!("  {id} is refused by {name}: {refusal}");
            false
        }
    }
}
