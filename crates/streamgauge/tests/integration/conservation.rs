//! P1 over long scenarios: what calls accepted is what totals show, at every step.

use std::collections::VecDeque;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use streamgauge::{Activation, SessionHandle, Stats, Verdict, Writer};

use crate::ledger_check::{Checked, S, bytes};

/// Numbers that look random and are the same in every run (Knuth's MMIX generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// What was accepted, as the answers said.
#[derive(Default)]
struct Accepted(Stats);

impl Accepted {
    fn note(&mut self, verdict: Verdict, is_rx: bool, bytes: u64, packets: u64) {
        if verdict == Verdict::Counted {
            self.0.add(if is_rx {
                Stats {
                    total_rx_bytes: bytes,
                    total_rx_packets: packets,
                    ..Stats::default()
                }
            } else {
                Stats {
                    total_tx_bytes: bytes,
                    total_tx_packets: packets,
                    ..Stats::default()
                }
            });
        }
    }
}

fn play(seed: u64, activation: Activation, count_packets: bool) {
    let meter = Checked::new(|config| {
        config.activation = activation;
        config.count_packets = count_packets;
        config.inactive_timeout = S * 2;
        config.session_timeout = S * 4;
        config.max_tracked_sessions = 12;
        config.max_writers = 6;
        config.max_history_keys = 9;
    });
    let mut dice = Dice(seed);
    let mut accepted = Accepted::default();
    let mut handles = VecDeque::<SessionHandle>::new();
    let mut writers = VecDeque::<Writer>::new();
    let mut registered = 0;
    for step in 0..4_000 {
        let id = format!("s{}", dice.below(16));
        let bytes = dice.below(5) * dice.below(1 << 30);
        let is_rx = dice.below(2) == 0;
        let packets = u64::from(count_packets);
        match dice.below(12) {
            0 => {
                let is_new = !meter.is_known_session(&id);
                let handle = meter.register(&id, &id[..1], &id, "peer");
                registered += u64::from(is_new && handle.is_known());
                handles.push_back(handle);
                if handles.len() > 20 {
                    handles.pop_front();
                }
            }
            1 => {
                meter.unregister(&id);
            }
            2 => {
                meter.activate(&id);
            }
            3 => {
                if let Some(session) = meter.session(&id) {
                    writers.push_back(session.writer());
                }
                if writers.len() > 8 {
                    writers.pop_front();
                }
            }
            4 | 5 => {
                let verdict = if is_rx {
                    meter.ingress(&id, bytes)
                } else {
                    meter.egress(&id, bytes)
                };
                accepted.note(verdict, is_rx, bytes, packets);
            }
            6 | 7 => {
                if let Some(handle) = handles.get(usize::try_from(dice.below(20)).unwrap()) {
                    let verdict = if is_rx {
                        handle.ingress(bytes)
                    } else {
                        handle.egress(bytes)
                    };
                    accepted.note(verdict, is_rx, bytes, packets);
                }
            }
            8 | 9 => {
                if let Some(writer) = writers.get_mut(usize::try_from(dice.below(8)).unwrap()) {
                    let verdict = if is_rx {
                        writer.ingress(bytes)
                    } else {
                        writer.egress(bytes)
                    };
                    accepted.note(verdict, is_rx, bytes, packets);
                }
            }
            10 => {
                meter.refreshed();
            }
            _ => {
                meter.tick_after(S * u32::try_from(dice.below(3)).unwrap() / 2);
            }
        }
        if step % 16 == 0 {
            assert_eq!(
                meter.refreshed().totals,
                Stats {
                    total_sessions: registered,
                    ..accepted.0
                },
                "step {step} of seed {seed}"
            );
        }
    }
    let last = meter.stopped();
    assert_eq!(last.live, Stats::default());
    assert_eq!(last.pending, Stats::default());
    assert_eq!(
        last.totals,
        Stats {
            total_sessions: registered,
            ..accepted.0
        }
    );
    assert!(registered > 50 && accepted.0.total_rx_bytes > 0 && last.history.stats.total_sessions > 0);
}

#[test]
fn p1a_and_p1c_parts_add_up_to_what_was_accepted_after_every_step() {
    for seed in 0..4 {
        play(seed, Activation::OnTraffic, false);
        play(seed, Activation::OnTraffic, true);
    }
}

#[test]
fn p1a_and_p1c_hold_where_activation_is_explicit() {
    for seed in 0..4 {
        play(seed, Activation::Explicit, seed % 2 == 0);
    }
}

#[test]
fn p1b_a_refresh_has_what_was_accepted_before_it() {
    let meter = Checked::new(|_| {});
    let session = meter.register("a", "", "", "");
    let mut writer = session.writer();
    for n in 1..100 {
        session.ingress(n);
        writer.egress(n);
        let totals = meter.refreshed().totals;
        let sum = n * (n + 1) / 2;
        assert_eq!((totals.total_rx_bytes, totals.total_tx_bytes), (sum, sum));
    }
}

#[test]
fn p2_bytes_counted_while_their_session_is_closed_and_replaced_are_in_totals_once() {
    let meter = Checked::new(|config| config.count_packets = true);
    let collector = meter.collector.clone();
    let stop = AtomicBool::new(false);
    let barrier = Barrier::new(3);
    meter.register("a", "", "", "");
    let accepted: u64 = thread::scope(|scope| {
        let counting: Vec<_> = (0..2)
            .map(|_| {
                let (collector, stop, barrier) = (&collector, &stop, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    let mut accepted = 0;
                    while !stop.load(Ordering::Relaxed) {
                        let verdict = collector.ingress("a", 3);
                        // By id a call never meets a closed session, though it may meet one that is being closed.
                        assert!(
                            matches!(verdict, Verdict::Counted | Verdict::Unknown),
                            "{verdict:?}"
                        );
                        accepted += u64::from(verdict.is_counted());
                        match collector.session("a") {
                            Some(session) => accepted += u64::from(session.ingress(3).is_counted()),
                            None => thread::yield_now(),
                        }
                    }
                    accepted
                })
            })
            .collect();
        barrier.wait();
        for round in 0..3_000 {
            meter.unregister("a");
            meter.register("a", "", "", "");
            if round % 50 == 0 {
                meter.refreshed();
            }
        }
        stop.store(true, Ordering::Relaxed);
        counting.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let last = meter.stopped();
    let totals = last.totals;
    assert_eq!(
        (totals.total_rx_bytes, totals.total_rx_packets),
        (accepted * 3, accepted)
    );
    // A session that holds bytes was active, also where the close beat the activation.
    assert_eq!(last.discarded.total_rx_bytes, 0);
}

#[test]
fn p2_an_open_session_is_found_by_its_id_whoever_closes_its_predecessor() {
    let meter = Checked::new(|_| {});
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        for _ in 0..2 {
            let (collector, barrier) = (&meter.collector, &barrier);
            scope.spawn(move || {
                barrier.wait();
                for _ in 0..20_000 {
                    let session = collector.register("a", "", "", "");
                    // In this order: a session that is open afterwards was open before.
                    let is_found = collector.is_known_session("a");
                    assert!(
                        is_found || !session.is_known(),
                        "an open session was taken out of the table"
                    );
                    session.unregister();
                }
            });
        }
    });
    assert!(!meter.is_known_session("a"));
}

#[test]
fn a_null_collector_is_exempt() {
    let null = streamgauge::Collector::null();
    assert_eq!(null.ingress("a", 5), Verdict::Counted);
    assert_eq!(null.refresh().totals, Stats::default());
}

#[test]
fn p1_bytes_of_any_session_show_where_all_had_been_silent() {
    for refreshes in [false, true] {
        let meter = Checked::patient(|_| {});
        let sessions: Vec<_> = (0..70)
            .map(|n: u32| meter.register_and_activate(n.to_string(), "", "", ""))
            .collect();
        for (counted, row) in (1..).zip([0, 1, 7, 63, 64, 69]) {
            meter.tick_seconds(15);
            sessions[row].ingress(1);
            let summary = if refreshes {
                meter.refreshed()
            } else {
                meter.tick_after(S)
            };
            assert_eq!(bytes(summary.live), (counted, 0), "row {row}");
        }
    }
}
