//! Models of the protocols, run under loom: every interleaving of a few threads, with every value that the orderings let
//! a load return.
//!
//! `.ci/models` runs them. Which weakening breaks which model is listed in `.ci/mutations`, and `.ci/model-mutations` shows
//! it. What loom cannot see, and what stands in for it, is listed in docs/memory-model.md.

mod activation;
mod bitrates;
mod close;
mod collections;
mod intake;
mod packets;
mod registration;
mod stopping;
mod stripes;
mod tops;
mod waiters;
mod writers;

use std::sync::Arc;

use loom::sync::Arc as Shared;

use crate::clock::{Clock, ManualClock};
use crate::collector::Collector;
use crate::collector::config::{Activation, CollectorConfig};
use crate::collector::intake::Intake;
use crate::collector::population::Population;
use crate::collector::roster::Roster;
use crate::direction::{Direction, PerDirection};
use crate::label::interner::Interner;
use crate::session::SessionHandle;
use crate::session::core::{Final, Reading, SessionCore, SessionRef};
use crate::session::labels::Labels;
use crate::session::phase::{Phase, Stage};
use crate::session::top::{Top, TopSums};
use crate::session::writer::{Counts, HeldCell, Writer, WriterCell};
use crate::stats::Stats;
use crate::summary::Summary;
use crate::verdict::{CloseReason, Verdict};

fn moment() -> crate::clock::Moment {
    crate::clock::Moment {
        monotonic: 0,
        wall: std::time::SystemTime::UNIX_EPOCH,
    }
}

/// A session as handles have it, and the population that it is counted in.
struct Subject {
    session: SessionRef,
    roster: Arc<Roster>,
}

impl Subject {
    fn handle(&self) -> SessionHandle {
        SessionHandle::new(self.session.clone(), Arc::clone(&self.roster))
    }

    fn population(&self) -> &Population {
        &self.roster.population
    }

    fn close(&self) -> Option<Final> {
        self.session.close(self.population(), CloseReason::Unregistered)
    }
}

fn session(activation: Activation, count_packets: bool) -> Arc<Subject> {
    let (labels, _) = Labels::new("r", "l", "p", 10, |text| text.into());
    let config = CollectorConfig {
        // The smallest table: it is in no model, and every word of it is a step.
        expected_sessions: 0,
        ..CollectorConfig::default()
    };
    let clock = Clock::Manual(ManualClock::default());
    let roster = Roster::new(&config, clock, Arc::new(Interner::new()), 0);
    roster.population.enter_open();
    let core = SessionCore::new(labels, activation, count_packets);
    // Threads share it by std's count, which is not the models' to check and costs them no steps.
    Arc::new(Subject {
        session: SessionRef::new(b"id", core),
        roster: Arc::new(roster),
    })
}

/// Counts on a session and answers what was accepted.
fn count(subject: &Subject, direction: Direction, bytes: u64) -> u64 {
    let verdict = subject.session.count(direction, bytes, || subject.population());
    accepted(verdict, bytes)
}

/// Of so many bytes, what this answer says was accepted.
fn accepted(verdict: Verdict, bytes: u64) -> u64 {
    match verdict {
        Verdict::Counted => bytes,
        Verdict::Closed(reason) => {
            assert_eq!(
                reason,
                CloseReason::Unregistered,
                "a late caller finds the reason"
            );
            0
        }
        other => panic!("{other:?}"),
    }
}

/// A collector without threads, and the smallest table.
fn collector(configure: impl FnOnce(&mut CollectorConfig)) -> Collector {
    let mut config = CollectorConfig {
        expected_sessions: 0,
        ..CollectorConfig::default()
    };
    configure(&mut config);
    Collector::manual(config, ManualClock::default())
}

/// Checks that a summary adds up (P1 a).
fn check(summary: &Summary) {
    let parts = [
        summary.history.stats,
        summary.live,
        summary.pending,
        summary.discarded,
    ];
    assert_eq!(summary.totals, Stats::sum(parts));
    assert_eq!(summary.active.len() as u64, summary.live.total_sessions);
}

/// The bytes received, of all sessions there ever were.
fn total(summary: &Summary) -> u64 {
    summary.totals.total_rx_bytes
}

/// Checks every interleaving.
fn explore(model: impl Fn() + Sync + Send + 'static) {
    check_with(None, model);
}

/// Checks with at most three forced switches, where all interleavings are too many.
fn explore_bounded(model: impl Fn() + Sync + Send + 'static) {
    check_with(Some(3), model);
}

fn check_with(preemption_bound: Option<usize>, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemption_bound;
    builder.max_branches = 100_000;
    let runs = Arc::new(std::sync::Mutex::new(0_u64));
    let counted = Arc::clone(&runs);
    builder.check(move || {
        *counted.lock().unwrap() += 1;
        model();
    });
    let runs = *runs.lock().unwrap();
    println!("{runs} interleavings");
    assert!(runs > 1, "a model of one interleaving checks nothing");
}
