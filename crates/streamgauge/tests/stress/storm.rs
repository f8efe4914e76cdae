//! Everything at once: counting in every way, churn, ticks, refreshes and readers.

use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use streamgauge::{
    Activation, Admission, AdmissionError, CloseReason, Collector, CollectorConfig, ManualClock,
    RefuseReason, SessionHandle, SharedHandle, Summary, Verdict, Writer,
};
use streamgauge_testkit::rounds;

use crate::account::{Account, Accounts, Moved, Way};
use crate::audit::{Audit, check_quiet};
use crate::dice::Dice;
use crate::join::join_all;
use crate::on_drop::OnDrop;

/// How much of what.
#[derive(Debug, Clone)]
pub(crate) struct Storm {
    pub(crate) ids: usize,
    pub(crate) counters: usize,
    pub(crate) churners: usize,
    pub(crate) tickers: usize,
    pub(crate) refreshers: usize,
    pub(crate) readers: usize,
    /// Steps of each counter.
    pub(crate) steps: u64,
    /// What a summary has to show before the counters end, however the threads are scheduled.
    pub(crate) until: fn(&Summary) -> bool,
    /// A counter stops the collector after so many steps.
    pub(crate) stop_after: Option<u64>,
    pub(crate) config: CollectorConfig,
}

impl Default for Storm {
    fn default() -> Self {
        let mut config = CollectorConfig::default();
        config.count_packets = true;
        // The limit is never kept by `register`; it is there so that `try_register` tells how many are open.
        config.max_sessions = 1;
        Self {
            ids: 8,
            counters: 3,
            churners: 1,
            tickers: 1,
            refreshers: 1,
            readers: 1,
            steps: 12_000,
            until: has_closed_many,
            stop_after: None,
            config,
        }
    }
}

/// A storm in which nothing closes proves nothing about closes.
pub(crate) fn has_closed_many(summary: &Summary) -> bool {
    let (history, discarded) = (summary.history.stats, summary.discarded);
    history.total_sessions > 10 && history.total_sessions + discarded.total_sessions >= 30
}

/// What all threads of a storm share.
struct Scene<'a> {
    storm: &'a Storm,
    /// Of the round; what the threads' dice begin with beside it tells them apart.
    seed: u64,
    collector: Collector,
    clock: ManualClock,
    accounts: Accounts,
    barrier: Barrier,
    /// The counters that are not done.
    counting: AtomicU64,
    /// A thread that ticks has failed.
    is_cut_short: AtomicBool,
    has_stopped: AtomicBool,
}

fn label(id: usize) -> String {
    format!("id-{id}")
}

impl Storm {
    /// Runs it round after round; `check` gets the last summary of each, which shows what the storm went on for.
    pub(crate) fn run(&self, mut check: impl FnMut(&Summary)) {
        rounds(|seed| {
            let last = self.round(seed);
            assert!((self.until)(&last), "{:?} and {:?}", last.totals, last.caps);
            check(&last);
        });
    }

    /// Runs it and checks the end; returns the last summary.
    pub(crate) fn round(&self, seed: u64) -> Arc<Summary> {
        let clock = ManualClock::default();
        let scene = Scene {
            storm: self,
            seed: seed << 32,
            collector: Collector::manual(self.config.clone(), clock.clone()),
            clock,
            accounts: Accounts::new(self.counters, self.ids),
            barrier: Barrier::new(
                self.counters + self.churners + self.tickers + self.refreshers + self.readers,
            ),
            counting: AtomicU64::new(self.counters as u64),
            is_cut_short: AtomicBool::new(false),
            has_stopped: AtomicBool::new(false),
        };
        for id in 0..self.ids {
            scene.register(id);
        }
        let writers: Vec<(usize, Writer)> = thread::scope(|scope| {
            let scene = &scene;
            let mut others = Vec::new();
            for n in 0..self.churners {
                others.push(scope.spawn(move || scene.churn(0x1000 + n as u64)));
            }
            for n in 0..self.tickers {
                others.push(scope.spawn(move || scene.tick(0x2000 + n as u64)));
            }
            for _ in 0..self.refreshers {
                others.push(scope.spawn(move || scene.refresh()));
            }
            for _ in 0..self.readers {
                others.push(scope.spawn(move || scene.read()));
            }
            let counters: Vec<_> = (0..self.counters)
                .map(|n| scope.spawn(move || scene.count(n)))
                .collect();
            let writers = counters
                .into_iter()
                .flat_map(|counter| counter.join().unwrap())
                .collect();
            join_all(others);
            writers
        });
        scene.check_end(writers)
    }
}

impl Scene<'_> {
    fn is_over(&self) -> bool {
        self.counting.load(Ordering::Acquire) == 0
    }

    fn has_shown_enough(&self) -> bool {
        self.has_stopped.load(Ordering::Acquire)
            || self.is_cut_short.load(Ordering::Acquire)
            || self.collector.with_summary(self.storm.until)
    }

    fn register(&self, id: usize) -> SessionHandle {
        let label = label(id);
        self.collector.register(&label, &label, &label, &label)
    }

    /// One thread that counts. Returns the writers it still has, and of which ids.
    fn count(&self, thread: usize) -> Vec<(usize, Writer)> {
        let account = self.accounts.of_thread(thread);
        let mut dice = Dice::new(self.seed + thread as u64);
        let mut hands: Vec<Hand> = (0..self.storm.ids).map(|_| Hand::default()).collect();
        let _done = OnDrop(|| {
            self.counting.fetch_sub(1, Ordering::Release);
        });
        self.barrier.wait();
        for step in 0.. {
            if step >= self.storm.steps && self.has_shown_enough() {
                break;
            }
            if thread == 0 && self.storm.stop_after == Some(step) {
                self.collector.stop();
                self.has_stopped.store(true, Ordering::Release);
            }
            let id = dice.pick(self.storm.ids);
            let has_stopped = self.has_stopped.load(Ordering::Acquire);
            for verdict in self.step(account, id, &mut hands[id], &mut dice) {
                assert!(!(has_stopped && verdict.is_counted()), "counted after the stop");
                assert!(is_possible(verdict), "{verdict:?}");
            }
        }
        let hands = hands.into_iter().enumerate();
        hands.filter_map(|(id, hand)| Some((id, hand.writer?))).collect()
    }

    fn step(&self, account: &Account, id: usize, hand: &mut Hand, dice: &mut Dice) -> Vec<Verdict> {
        let name = label(id);
        let way = if dice.is_one_in(2) {
            Way::Ingress
        } else {
            Way::Egress
        };
        let bytes = dice.below(1_500);
        let name = name.as_bytes();
        match dice.below(10) {
            0..=2 => vec![account.call(id, way, bytes, |bytes| match way {
                Way::Ingress => self.collector.ingress(name, bytes),
                Way::Egress => self.collector.egress(name, bytes),
            })],
            3 => {
                let burst = self.collector.burst();
                (0..4)
                    .map(|n| {
                        account.call(id, way, bytes + n, |bytes| match way {
                            Way::Ingress => burst.ingress(name, bytes),
                            Way::Egress => burst.egress(name, bytes),
                        })
                    })
                    .collect()
            }
            4 => {
                let shared = hand.shared(self, id);
                let verdict = account.call(id, way, bytes, |bytes| match way {
                    Way::Ingress => shared.ingress(bytes),
                    Way::Egress => shared.egress(bytes),
                });
                if !verdict.is_counted() && dice.is_one_in(2) {
                    hand.shared = None;
                }
                vec![verdict]
            }
            5 | 6 => {
                let handle = hand.handle(self, id);
                let verdict = account.call(id, way, bytes, |bytes| match way {
                    Way::Ingress => handle.ingress(bytes),
                    Way::Egress => handle.egress(bytes),
                });
                if !verdict.is_counted() && dice.is_one_in(2) {
                    hand.handle = None;
                }
                vec![verdict]
            }
            _ => {
                let writer = hand.writer(self, id);
                let verdict = account.call(id, way, bytes, |bytes| match way {
                    Way::Ingress => writer.ingress(bytes),
                    Way::Egress => writer.egress(bytes),
                });
                if dice.is_one_in(if verdict.is_counted() { 64 } else { 4 }) {
                    match (hand.writer.take(), dice.below(3)) {
                        (Some(writer), 0) => mem::forget(writer),
                        (writer, _) => drop(writer),
                    }
                }
                vec![verdict]
            }
        }
    }

    /// One thread that registers, closes and changes sessions.
    fn churn(&self, seed: u64) {
        let mut dice = Dice::new(self.seed + seed);
        self.barrier.wait();
        while !self.is_over() {
            let id = dice.pick(self.storm.ids);
            let label = label(id);
            #[expect(clippy::cast_precision_loss, reason = "a bitrate of at most 10 Mbit/s")]
            let bitrate = dice.below(10_000_000) as f64;
            match dice.below(12) {
                0 | 1 => drop(self.collector.unregister(&label)),
                2 => {
                    // The successor comes at once.
                    self.collector.unregister(&label);
                    self.register(id);
                }
                3..=5 => drop(self.register(id)),
                6 => drop(self.collector.activate(&label)),
                7 => drop(
                    self.collector
                        .register_and_activate(&label, &label, &label, &label),
                ),
                8 => self.collector.session_set_top_ingress_bitrate(&label, bitrate),
                9 => {
                    // A handle sets a top also where the session was refused, or closes meanwhile.
                    self.register(id).set_top_egress_bitrate(bitrate);
                }
                10 => self.collector.extra(&label, &format!("extra {bitrate}")),
                _ => {
                    let admission = Admission {
                        expected_ingress: 1_000_000,
                        expected_egress: 3_000_000,
                        ..Admission::default()
                    };
                    drop(
                        self.collector
                            .try_register(&label, &label, &label, &label, admission),
                    );
                }
            }
        }
    }

    fn tick(&self, seed: u64) {
        let mut dice = Dice::new(self.seed + seed);
        let mut audit = Audit::default();
        // Before the end only where this thread panics: then the counters do not wait for its ticks.
        let _done = OnDrop(|| self.is_cut_short.store(true, Ordering::Release));
        self.barrier.wait();
        while !self.is_over() {
            self.clock.advance(Duration::from_millis(dice.below(2_000)));
            let accepted = self.accounts.accepted();
            self.collector.tick();
            let summary = self.collector.summary();
            // A tick of a stopped collector collects nothing: what came late to the stop is in the next refresh.
            if self.collector.health().is_stopped {
                audit.check(&summary);
            } else {
                audit.check_since(
                    accepted,
                    &self.accounts,
                    self.storm.config.count_packets,
                    &summary,
                );
            }
        }
    }

    fn refresh(&self) {
        let mut audit = Audit::default();
        self.barrier.wait();
        while !self.is_over() {
            audit.check_around(&self.accounts, self.storm.config.count_packets, || {
                self.collector.refresh()
            });
        }
    }

    fn read(&self) {
        let mut audit = Audit::default();
        let mut held = Vec::new();
        self.barrier.wait();
        while !self.is_over() {
            let summary = self.collector.summary();
            audit.check(&summary);
            // Held while later ones are published, and read again: a summary does not change.
            held.push((summary.totals, summary));
            if held.len() == 16 {
                for (totals, summary) in held.drain(..) {
                    assert_eq!(summary.totals, totals);
                    Audit::default().check(&summary);
                }
            }
            self.collector.with_summary(|summary| audit.check(summary));
            let active = self.collector.active();
            let mut ids: Vec<_> = active.iter().map(|session| session.id.clone()).collect();
            ids.dedup();
            assert_eq!(ids.len(), active.len(), "a session is listed twice in a row");
        }
    }

    /// All threads have ended; `writers` are still held.
    fn check_end(&self, mut writers: Vec<(usize, Writer)>) -> Arc<Summary> {
        let packets = self.storm.config.count_packets;
        let held = check_quiet(&self.collector, &self.accounts, packets);
        assert_eq!(self.collector.sessions(), held.current_sessions);
        assert_eq!(
            self.open_sessions(),
            held.current_sessions + held.pending_sessions
        );
        self.check_tops();
        // One more addition of each writer that is held, some of them to closed sessions; then half are dropped, half leak.
        while let Some((id, mut writer)) = writers.pop() {
            let account = self.accounts.of_thread(0);
            account.call(id, Way::Ingress, 5, |bytes| writer.ingress(bytes));
            if writers.len().is_multiple_of(2) {
                mem::forget(writer);
            }
        }
        check_quiet(&self.collector, &self.accounts, packets);

        self.collector.stop();
        self.collector.stop();
        let last = check_quiet(&self.collector, &self.accounts, packets);
        assert_eq!((last.current_sessions, last.pending_sessions), (0, 0));
        assert_eq!(self.collector.sessions(), 0);
        assert_eq!(self.open_sessions(), 0);
        assert_eq!(
            [
                self.collector.top_ingress_bitrate(),
                self.collector.top_egress_bitrate()
            ]
            .map(f64::to_bits),
            [0; 2]
        );
        self.check_labels(&last);
        last
    }

    /// How many are open, as admission counts them.
    fn open_sessions(&self) -> u64 {
        let outcome = self
            .collector
            .try_register("one more", "", "", "", Admission::default());
        match outcome {
            Err(AdmissionError::Sessions { open, .. }) => open,
            Err(AdmissionError::Refused(_)) => 0,
            Ok(handle) => {
                assert!(handle.unregister());
                self.collector.refresh();
                0
            }
            Err(other) => panic!("{other}"),
        }
    }

    fn check_tops(&self) {
        let sum = |top: &dyn Fn(&str) -> f64| (0..self.storm.ids).map(|id| top(&label(id))).sum::<f64>();
        let collector = &self.collector;
        let of_sessions = [
            sum(&|id| collector.session_top_ingress_bitrate(id)),
            sum(&|id| collector.session_top_egress_bitrate(id)),
        ];
        let of_collector = [collector.top_ingress_bitrate(), collector.top_egress_bitrate()];
        // Whole numbers, far below 2^53.
        assert_eq!(of_sessions.map(f64::to_bits), of_collector.map(f64::to_bits));
    }

    /// Every byte is in the row of the label it was counted for; packets too, but for those that came late.
    fn check_labels(&self, last: &Summary) {
        let is_on_traffic = self.storm.config.activation == Activation::OnTraffic;
        if is_on_traffic {
            let discarded = Moved::from(last.discarded).without_packets();
            assert_eq!(
                discarded,
                Moved::default(),
                "sessions with bytes enter the history"
            );
        }
        for id in 0..self.storm.ids {
            let accepted = self.accounts.accepted_for(id);
            let row = last
                .history
                .references
                .get(&label(id))
                .copied()
                .unwrap_or_default();
            let row = Moved::from(row);
            if is_on_traffic {
                assert_eq!(row.without_packets(), accepted.without_packets(), "{}", label(id));
            }
            assert!(row.without_packets().is_at_most(accepted), "{}", label(id));
            if self.storm.config.count_packets {
                assert!(row.is_at_most(accepted), "{}", label(id));
            }
        }
    }
}

/// What a counting thread has of one id.
#[derive(Default)]
struct Hand {
    handle: Option<SessionHandle>,
    shared: Option<SharedHandle>,
    writer: Option<Writer>,
}

impl Hand {
    fn handle(&mut self, scene: &Scene<'_>, id: usize) -> &SessionHandle {
        self.handle.get_or_insert_with(|| scene.register(id))
    }

    fn shared(&mut self, scene: &Scene<'_>, id: usize) -> &SharedHandle {
        self.shared.get_or_insert_with(|| scene.register(id).shared())
    }

    fn writer(&mut self, scene: &Scene<'_>, id: usize) -> &mut Writer {
        self.writer.get_or_insert_with(|| scene.register(id).writer())
    }
}

/// Whether a storm can bring about this answer.
fn is_possible(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Counted | Verdict::Unknown => true,
        Verdict::Closed(reason) => !matches!(reason, CloseReason::CounterFull),
        Verdict::Refused(reason) => matches!(
            reason,
            RefuseReason::Stopped | RefuseReason::TooManySessions | RefuseReason::TooManyWriters
        ),
    }
}
