//! Answers that are a load or two, each beside a bare load. The loop is inside the figures.

use std::hint::black_box;

use streamgauge::{Collector, ManualClock};

use crate::effort::Effort;
use crate::load::{self, Load};
use crate::rival::atomic::Line;
use crate::rounds::Contestant;
use crate::row::{Row, Unit};

/// The most that one of them may take, in nanoseconds.
const GOAL: f64 = 5.0;

/// All of them, on a collector that has limits.
///
/// # Panics
///
/// Panics where the collector does not hold what it was given.
#[must_use]
pub fn getters(effort: &Effort) -> Vec<Row> {
    let mut config = load::config(false);
    config.max_rx_bitrate = 1 << 40;
    config.max_tx_bitrate = 1 << 40;
    config.max_sessions = 1 << 40;
    let clock = ManualClock::default();
    let mut load = Load::on(Collector::manual(config, clock.clone()), clock, 1_000);
    load.traffic(1);
    load.pass();
    load.collector.tick();
    let collector = &load.collector;
    assert!(collector.ingress_bitrate() > 0.0 && collector.sessions() == 1_000);
    let line = Line::default();
    macro_rules! getters {
        ($($getter:ident),*) => {
            [
                $(Contestant::here(|calls| {
                    for _ in 0..calls {
                        black_box(black_box(collector).$getter());
                    }
                }),)*
                Contestant::here(|calls| {
                    for _ in 0..calls {
                        black_box(black_box(&line).bytes());
                    }
                }),
            ]
        };
        (names $($getter:ident),*) => { [$(stringify!($getter)),*] };
    }
    macro_rules! all {
        ($($to:tt)*) => {
            getters!(
                $($to)* ingress_bitrate, egress_bitrate, top_ingress_bitrate, top_egress_bitrate, max_ingress_bitrate,
                max_egress_bitrate, sessions, is_ingress_bitrate_exceeded, is_egress_bitrate_exceeded,
                is_sessions_exceeded
            )
        };
    }
    let series = effort.rounds.play(all!());
    let load_alone = &series[series.len() - 1];
    all!(names)
        .iter()
        .zip(&series)
        .map(|(name, series)| {
            Row::figure(format!("`{name}()`"), series, Unit::Time, Some(GOAL))
                .beside(format!("a load: {:.2} ns", load_alone.median()))
        })
        .collect()
}
