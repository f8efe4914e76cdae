//! Models of the protocols, run under loom: every interleaving of a few threads, with every value that the orderings let
//! a load return.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p streamgauge --release --lib models`. What loom cannot see, and what stands in for
//! it, is listed in docs/memory-model.md.

use loom::sync::Arc as Shared;
use loom::thread;
use std::sync::Arc;

use crate::clock::{Clock, ManualClock};
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
    let roster = Roster::new(&config, clock, Arc::new(Interner::new()));
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

/// M1: each addition is in the final or answers that it came too late, and then knows why.
#[test]
fn m1_close_against_additions() {
    loom::model(|| {
        let session = session(Activation::OnTraffic, false);
        let adders: Vec<_> = [(Direction::Ingress, 3), (Direction::Ingress, 5)]
            .into_iter()
            .map(|(direction, bytes)| {
                let session = session.clone();
                thread::spawn(move || count(&session, direction, bytes))
            })
            .collect();
        let taken = session.close().unwrap();
        let accepted: u64 = adders.into_iter().map(|adder| adder.join().unwrap()).sum();
        assert_eq!(taken.counts.bytes.rx, accepted);
    });
}

/// M1: the two directions close each for itself.
#[test]
fn m1_directions_close_each_for_itself() {
    loom::model(|| {
        let session = session(Activation::Explicit, false);
        let adder = {
            let session = session.clone();
            thread::spawn(move || {
                PerDirection::new(
                    count(&session, Direction::Ingress, 3),
                    count(&session, Direction::Egress, 5),
                )
            })
        };
        let taken = session.close().unwrap();
        assert_eq!(taken.counts.bytes, adder.join().unwrap());
    });
}

/// M2: a packet of accepted bytes is in the final or among the late.
#[test]
fn m2_packets_are_in_the_final_or_late() {
    loom::model(|| {
        let session = session(Activation::Explicit, true);
        let adder = {
            let session = session.clone();
            thread::spawn(move || u64::from(count(&session, Direction::Egress, 5) > 0))
        };
        let taken = session.close().unwrap();
        let accepted = adder.join().unwrap();
        assert_eq!(
            taken.counts.packets.tx + session.population().late_packets().tx,
            accepted
        );
    });
}

/// M2: a call of no bytes is a packet in the final, or learns why it came too late.
#[test]
fn m2_a_packet_of_no_bytes_learns_the_reason() {
    loom::model(|| {
        let session = session(Activation::Explicit, true);
        let adder = {
            let session = session.clone();
            thread::spawn(move || session.handle().count(Direction::Egress, 0))
        };
        let taken = session.close().unwrap();
        let packets = match adder.join().unwrap() {
            Verdict::Counted => 1,
            verdict => {
                assert_eq!(verdict, Verdict::Closed(CloseReason::Unregistered));
                0
            }
        };
        assert_eq!(taken.counts.packets.tx, packets);
        assert!(session.population().late_packets().is_zero());
    });
}

/// M3: one call activates, one closes, and the population comes back to nothing without passing below it.
#[test]
fn m3_activation_against_close() {
    loom::model(|| {
        let session = session(Activation::OnTraffic, false);
        let population = session.population();
        let activators: Vec<_> = (0..2)
            .map(|_| {
                let session = session.clone();
                thread::spawn(move || session.session.activate(session.population()))
            })
            .collect();
        let taken = session.close().unwrap();
        assert!(population.active() <= 2, "below zero");
        let activated = activators
            .into_iter()
            .filter(|_| true)
            .map(|one| one.join().unwrap());
        assert_eq!(
            activated.filter(|activated| *activated).count(),
            usize::from(taken.was_active)
        );
        assert_eq!((population.open(), population.active()), (0, 0));
    });
}

/// M3: two closers, one elected.
#[test]
fn m3_one_closer_is_elected() {
    loom::model(|| {
        let phase = Shared::new(Phase::pending());
        let other = {
            let phase = Shared::clone(&phase);
            thread::spawn(move || phase.close(CloseReason::TimedOut).is_some())
        };
        let own = phase.close(CloseReason::Unregistered).is_some();
        assert!(own ^ other.join().unwrap());
        let reason = if own {
            CloseReason::Unregistered
        } else {
            CloseReason::TimedOut
        };
        assert_eq!(phase.stage(), Stage::Closed(reason));
    });
}

/// M4: a set, a turn of the tick and a close at once: the top leaves the sum once, and the sum comes out exact.
#[test]
fn m4_set_against_turn_against_close() {
    loom::model(|| {
        let tops = Shared::new((Top::new(), TopSums::new()));
        assert!(tops.1.turn().set(&tops.0, Direction::Egress, 100));
        let setter = {
            let tops = Shared::clone(&tops);
            thread::spawn(move || tops.1.turn().set(&tops.0, Direction::Egress, 70))
        };
        let sampler = {
            let tops = Shared::clone(&tops);
            thread::spawn(move || {
                tops.1
                    .turn()
                    .advance(&tops.0, Direction::Egress, |seen| seen + 20)
            })
        };
        let taken = tops.1.turn().take(&tops.0, Direction::Egress);
        assert!([100, 120, 70, 90].contains(&taken), "{taken}");
        assert!(tops.1.read(Direction::Egress) <= 1_000, "below zero");
        setter.join().unwrap();
        sampler.join().unwrap();
        assert_eq!((tops.0.read(), tops.1.read(Direction::Egress)), (0, 0));
    });
}

/// M4: a set is not lost to a tick, and is in the sum when it returns.
#[test]
fn m4_a_set_is_not_lost_to_a_turn() {
    loom::model(|| {
        let tops = Shared::new((Top::new(), TopSums::new()));
        assert!(tops.1.turn().set(&tops.0, Direction::Ingress, 100));
        let sampler = {
            let tops = Shared::clone(&tops);
            thread::spawn(move || {
                tops.1
                    .turn()
                    .advance(&tops.0, Direction::Ingress, |seen| seen / 2)
            })
        };
        assert!(tops.1.turn().set(&tops.0, Direction::Ingress, 70));
        assert!([70, 35].contains(&tops.1.read(Direction::Ingress)));
        sampler.join().unwrap();
        let stands = tops.0.read();
        assert!(stands == 70 || stands == 35, "{stands}");
        assert_eq!(tops.1.read(Direction::Ingress), stands);
    });
}

/// M5: what a writer counts before, while and after its session closes is harvested, all of it, once.
#[test]
fn m5_a_writer_against_close_and_harvest() {
    loom::model(|| {
        let session = session(Activation::Explicit, true);
        let cell = Arc::new(WriterCell::new(true));
        assert!(session.session.admit_writer(&cell));
        let writer = {
            let mut writer = Writer::new(session.handle(), cell);
            thread::spawn(move || {
                let mut accepted = Counts::default();
                for bytes in [3, 5] {
                    match writer.ingress(bytes) {
                        Verdict::Counted => {
                            accepted.bytes.rx += bytes;
                            accepted.packets.rx += 1;
                        }
                        verdict => assert_eq!(verdict, Verdict::Closed(CloseReason::Unregistered)),
                    }
                }
                accepted
            })
        };
        let taken = session.close().unwrap();
        let mut cells = session.session.take_writers();
        let mut harvested = taken.counts.plus(cells.total);
        let accepted = writer.join().unwrap();
        for held in &mut cells.held {
            harvested = harvested.plus(held.gain());
            assert!(held.is_last(), "the writer was dropped");
        }
        assert_eq!(harvested, accepted);
    });
}

/// M5: the counts read once a cell is found released are its last.
#[test]
fn m5_release_publishes_the_last_addition() {
    loom::model(|| {
        let cell = Arc::new(WriterCell::new(true));
        let writer = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || {
                cell.set_bytes(Direction::Egress, 7);
                cell.add_packet(Direction::Egress);
                cell.release();
            })
        };
        let mut held = HeldCell::of(Arc::clone(&cell));
        if held.is_last() {
            assert!(held.gain().is_zero(), "there was more after the last");
            assert_eq!((cell.counts().bytes.tx, cell.counts().packets.tx), (7, 1));
        }
        writer.join().unwrap();
    });
}

/// M5: a writer admitted while its session closes is told, or is not admitted.
#[test]
fn m5_admission_of_a_writer_against_close() {
    loom::model(|| {
        let session = session(Activation::Explicit, false);
        // Made before the race, as by an earlier writer.
        assert!(session.session.admit_writer(&Arc::new(WriterCell::new(true))));
        let admission = {
            let session = session.clone();
            thread::spawn(move || {
                let cell = Arc::new(WriterCell::new(true));
                session.session.admit_writer(&cell).then_some(cell)
            })
        };
        session.close().unwrap();
        if let Some(cell) = admission.join().unwrap() {
            let mut writer = Writer::new(session.handle(), cell);
            assert_eq!(writer.ingress(1), Verdict::Closed(CloseReason::Unregistered));
        }
    });
}

/// M1: a collection that meets a closed session finds its final in the intake once it has the lock; what it reads of an
/// open one is never more than the final.
#[test]
fn m1_hand_over_of_the_final() {
    loom::model(|| {
        let session = session(Activation::Explicit, false);
        let intake = Shared::new(Intake::default());
        let closer = {
            let (session, intake) = (session.clone(), Shared::clone(&intake));
            thread::spawn(move || {
                assert!(intake.open().close(
                    session.population(),
                    &session.session,
                    CloseReason::Unregistered,
                    moment()
                ));
            })
        };
        let adder = {
            let session = session.clone();
            thread::spawn(move || count(&session, Direction::Ingress, 3))
        };
        let read = match session.session.read() {
            Reading::Open { counts, .. } => Some(counts.bytes.rx),
            Reading::Closed => {
                assert_eq!(
                    intake.open().take_ended().len(),
                    1,
                    "a closed session has a final"
                );
                None
            }
        };
        closer.join().unwrap();
        let accepted = adder.join().unwrap();
        if let Some(read) = read {
            let ended = intake.open().take_ended();
            assert_eq!(ended[0].taken.counts.bytes.rx, accepted);
            assert!(read <= accepted);
        }
    });
}

/// M1: a registration is in the intake or declined; never neither, also where the stop comes between.
#[test]
fn m1_registration_against_stop() {
    loom::model(|| {
        let session = session(Activation::Explicit, false);
        let intake = Shared::new(Intake::default());
        let registration = {
            let (session, intake) = (session.clone(), Shared::clone(&intake));
            thread::spawn(move || {
                intake
                    .open()
                    .announce(session.population(), &session.session, moment())
                    .is_ok()
            })
        };
        intake.open().shut();
        let listed = intake
            .open()
            .batches()
            .iter()
            .map(|batch| batch.sessions.len())
            .sum::<usize>();
        assert_eq!(registration.join().unwrap(), listed == 1);
    });
}

/// M10: additions in two stripes and in the session's own words, each in the final or answered as too late.
#[test]
fn m10_close_against_additions_in_two_stripes() {
    loom::model(|| {
        let session = session(Activation::Explicit, false);
        let shared = session.handle().shared();
        let adders: Vec<_> = [(0, 3), (1, 5)]
            .into_iter()
            .map(|(stripe, bytes)| {
                let shared = shared.clone();
                thread::spawn(move || accepted(shared.count_as(stripe, Direction::Ingress, bytes), bytes))
            })
            .collect();
        let taken = session.close().unwrap();
        let accepted: u64 = adders.into_iter().map(|adder| adder.join().unwrap()).sum();
        assert_eq!(taken.counts.bytes.rx, accepted);
    });
}

/// M10: stripes that are made while the session closes are sealed by the closer, or nobody counts in them.
#[test]
fn m10_making_of_stripes_against_close() {
    loom::model(|| {
        let session = session(Activation::Explicit, false);
        // Their box is made before the race, as by an earlier `extra`.
        session.session.set_extra("x");
        let maker = {
            let session = session.clone();
            thread::spawn(move || {
                let shared = session.handle().shared();
                accepted(shared.count_as(1, Direction::Egress, 5), 5)
            })
        };
        let taken = session.close().unwrap();
        assert_eq!(taken.counts.bytes.tx, maker.join().unwrap());
    });
}

/// M10: what a collection reads of an open shared session is never more than its final.
#[test]
fn m10_a_reading_of_stripes_against_close() {
    // Thirteen loads: all interleavings are too many.
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        let session = session(Activation::Explicit, false);
        let shared = session.handle().shared();
        let reader = {
            let session = session.clone();
            thread::spawn(move || match session.session.read() {
                Reading::Open { counts, .. } => counts.bytes.rx,
                Reading::Closed => 0,
            })
        };
        let accepted = accepted(shared.count_as(1, Direction::Ingress, 3), 3);
        let taken = session.close().unwrap();
        assert_eq!(taken.counts.bytes.rx, accepted);
        assert!(reader.join().unwrap() <= accepted);
    });
}
